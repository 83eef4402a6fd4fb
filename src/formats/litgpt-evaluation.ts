import type { EvaluationPlan } from '../plan/training-plan.ts'

/** What of `eval` is set, and what it depends on. */
interface LitgptEvaluation {
  readonly pretrain: boolean
  readonly lora: boolean
  readonly microBatchSize: number
  readonly gpus: number
  readonly everySteps?: number | undefined
  readonly iterations?: number | undefined
  readonly newTokens?: number | undefined
  readonly atEnd?: boolean | undefined
  /** Share of the data that its module holds out. */
  readonly share?: number | undefined
}

/** Where the values below stand. */
export const LITGPT_EVALUATION = 'LitGPT 0.5.13 litgpt/args.py EvalArgs and its overrides in setup()'

/**
 * LitGPT validates every `interval` steps and when the run ends, `max_iters` micro-batches a GPU of what the data module holds
 * out; finetuning then answers one prompt (litgpt/finetune/lora.py generate_example). There is no way to turn it off.
 */
export function litgptEvaluation(set: LitgptEvaluation): EvaluationPlan {
  const { pretrain, lora, microBatchSize, gpus } = set
  return {
    everySteps: set.everySteps ?? (pretrain ? 1000 : lora ? 100 : 600),
    timesTotal: null,
    microBatchSize,
    samples: (set.iterations ?? 100) * microBatchSize * gpus,
    share: set.share ?? 0,
    newTokens: pretrain ? null : (set.newTokens ?? 100),
    answers: pretrain ? null : 1,
    atEnd: set.atEnd ?? true,
  }
}

/** Share of the samples that the data module of the finetuning commands holds out (litgpt/data/alpaca.py `val_split_fraction`). */
export const ALPACA_SHARE = 0.03865
