import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { PlanKey } from '../plan/plan-draft.ts'
import type { Origin } from '../plan/provenance.ts'
import type { ResolvedPlan } from '../plan/resolve-plan.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { Framework } from '../plan/vocabulary.ts'
import type { Architecture } from './architecture.ts'

interface PlanFacts {
  readonly plan: TrainingPlan
  /** null: the model is not known. */
  readonly architecture: Architecture | null
  readonly globalBatch: number | null
}

/** A check that a framework makes at start of sizes that only a resolved plan has. */
interface PlanRefusal {
  /** null: whichever it is. */
  readonly frameworks: readonly Framework[] | null
  /** The value that the finding stands at. */
  readonly at: PlanKey | 'globalBatchSize'
  /** It counts GPUs: without a number that config or launcher give it is a contradiction and no refusal. */
  readonly countsGpus: boolean
  /** What was found; null: it starts. */
  readonly found: (facts: PlanFacts) => string | null
  /** What is expected, as a clause. */
  readonly rule: string
  readonly hint: string
  readonly source: string
}

/** Trainers on Megatron core, whose shapes and batches it checks. */
const MEGATRON: readonly Framework[] = ['megatron', 'nemo']

const HINT_GPUS =
  'Give the number of GPUs that the run uses (`hardware.gpus` in the policy, `--gpus`), or smaller parallel sizes.'

/** Checks of every framework whose plan has these sizes, in the order of the report. */
export const PLAN_REFUSALS: readonly PlanRefusal[] = [
  {
    frameworks: null,
    at: 'parallelism.tensor',
    countsGpus: true,
    found: ({ plan }) => {
      const ranks = modelRanks(plan)
      return plan.gpus % ranks === 0
        ? null
        : `Tensor × pipeline × context parallelism is ${ranks} and the run has ${counted(plan.gpus, 'GPU')}`
    },
    rule: 'the GPUs are a multiple of the ranks that share one copy of the model',
    hint: HINT_GPUS,
    source: 'Megatron-LM core/parallel_state.py initialize_model_parallel, and others alike',
  },
  {
    frameworks: MEGATRON,
    at: 'globalBatchSize',
    countsGpus: true,
    found: ({ plan, globalBatch }) => {
      const replicas = Math.floor(plan.gpus / modelRanks(plan))
      const atOnce = plan.microBatchSize * replicas
      return globalBatch === null || atOnce === 0 || globalBatch % atOnce === 0
        ? null
        : `The global batch is ${globalBatch}, with a micro-batch of ${plan.microBatchSize} on ${counted(replicas, 'data-parallel rank')}`
    },
    rule: 'the global batch is a multiple of micro-batch × data-parallel ranks, without `decrease_batch_size_if_needed`',
    hint: 'Change the global batch, the micro-batch or the number of GPUs so that they divide.',
    source: 'Megatron-LM core/num_microbatches_calculator.py',
  },
  {
    frameworks: ['llm-foundry'],
    at: 'globalBatchSize',
    countsGpus: true,
    found: ({ plan, globalBatch }) =>
      globalBatch === null || globalBatch % plan.gpus === 0
        ? null
        : `The global batch is ${globalBatch} and the run has ${counted(plan.gpus, 'GPU')}`,
    rule: 'the global batch is shared evenly by the GPUs',
    hint: 'Change the global batch or the number of GPUs so that they divide.',
    source: 'LLM Foundry llmfoundry/utils/config_utils.py calculate_batch_size_info',
  },
  {
    frameworks: ['litgpt'],
    at: 'globalBatchSize',
    countsGpus: true,
    found: ({ plan, globalBatch }) =>
      globalBatch === null || globalBatch >= plan.microBatchSize * plan.gpus
        ? null
        : `The global batch is ${globalBatch}, with a micro-batch of ${plan.microBatchSize} on ${counted(plan.gpus, 'GPU')}`,
    rule: 'each GPU has at least one micro-batch of the global batch',
    hint: 'Raise the global batch, or lower the micro-batch or the number of GPUs.',
    source: 'LitGPT 0.5.13 litgpt/args.py gradient_accumulation_iters',
  },
  {
    frameworks: [...MEGATRON, 'gpt-neox'],
    at: 'parallelism.tensor',
    countsGpus: false,
    found: ({ plan, architecture }) => {
      const { tensor } = plan.parallelism
      const heads = headCounts(architecture).find(count => count % tensor !== 0)
      return heads === undefined ? null : `The model has ${heads} attention heads and the run ${tensor} tensor ranks`
    },
    rule: 'heads are shared evenly by the tensor ranks',
    hint: 'Use a tensor parallel size that divides the heads.',
    source: 'Megatron-LM core/transformer/transformer_config.py; GPT-NeoX megatron/mpu/utils.py ensure_divisibility',
  },
  {
    frameworks: MEGATRON,
    at: 'parallelism.expert',
    countsGpus: false,
    found: ({ plan, architecture }) => {
      const { expert } = plan.parallelism
      const experts = expertCounts(architecture).find(count => count % expert !== 0)
      return experts === undefined ? null : `The model has ${experts} experts and the run ${expert} expert ranks`
    },
    rule: 'experts are shared evenly by the expert ranks',
    hint: 'Use an expert parallel size that divides the experts.',
    source: 'Megatron-LM core/transformer/moe/moe_layer.py',
  },
]

/** Where the files themselves say how many GPUs there are. */
const STATED: readonly Origin[] = ['file', 'launch']

/** Its files say how many nodes there are, and launch scripts how many of them generate, judge or teach. */
const SHARES_NODES: readonly Framework[] = ['nemo-rl']

/** Its files are Hydra's defaults: whoever starts the run lays `trainer.num_nodes` over them. */
const LAID_OVER: readonly Framework[] = ['nemo']

/** Sizes that the framework refuses at start, and those that cannot be meant so. */
export function planRefusals(
  { plan, provenance, globalBatch }: ResolvedPlan,
  architecture: Architecture | null,
): readonly Finding[] {
  const origin = provenance.gpus?.from ?? 'default'
  return PLAN_REFUSALS.flatMap(({ frameworks, at, countsGpus, found, rule, hint, source }) => {
    if (frameworks !== null && !frameworks.includes(plan.framework)) return []
    if (countsGpus && origin === 'assumed') return []
    const text = found({ plan, architecture, globalBatch: globalBatch?.value ?? null })
    if (text === null) return []
    const { path = null, line = null, column = null } = (at === 'globalBatchSize' ? globalBatch : provenance[at]) ?? {}
    const code = countsGpus && isDoubtful(plan.framework, origin) ? 'conflicting-settings' : 'will-not-start'
    return [finding(code, { path, line, column, message: `${text}: ${rule} (${source}).`, hint })]
  })
}

/** The number of GPUs may be another when the run is started. */
function isDoubtful(framework: Framework, origin: Origin): boolean {
  if (!STATED.includes(origin) || SHARES_NODES.includes(framework)) return true
  return origin === 'file' && LAID_OVER.includes(framework)
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function modelRanks({ parallelism }: TrainingPlan): number {
  return parallelism.tensor * parallelism.pipeline * parallelism.context
}

function headCounts(architecture: Architecture | null): readonly number[] {
  return architecture?.layers.flatMap(({ layer }) => layer.attention?.heads ?? []) ?? []
}

function expertCounts(architecture: Architecture | null): readonly number[] {
  return architecture?.layers.flatMap(({ layer }) => layer.moe?.experts ?? []) ?? []
}
