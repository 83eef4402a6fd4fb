import { olderThan } from '../../plan/library-version.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { LogitBytes } from './logit-bytes.ts'

const LAB = 'measured with PyTorch 2.13 and trl 1.13 on CPU (bench/memory-lab/loss_bytes.py)'

interface PreferenceRow {
  /** Bytes per logit of 16-bit and of float32 outputs. */
  readonly forward: { readonly half: number; readonly wide: number }
  readonly backward: { readonly half: number; readonly wide: number }
  /** Held of the policy while the reference runs, and what the reference adds; absent: trl's. */
  readonly beside?: { readonly policy: number; readonly reference: number }
  readonly note: string
  readonly source?: string
}

/** trl 1.13 trainer/utils.py selective_log_softmax: rows of log-softmax in 16 bit, logits − logsumexp in float32. */
const SELECTIVE: PreferenceRow = {
  forward: { half: 4, wide: 6 },
  backward: { half: 4, wide: 16 },
  note: 'log-probabilities of the labels, row by row',
}

/** trl before 0.14: `logits.log_softmax(-1)` gathered. */
const GATHERED: PreferenceRow = {
  forward: { half: 4, wide: 8 },
  backward: { half: 6, wide: 12 },
  note: 'log-softmax of all logits, gathered at the labels',
}

/** trl 1.13 grpo_trainer.py divides the logits by the temperature first, into a tensor of their own. */
const SCALED: PreferenceRow = {
  forward: { half: 6, wide: 8 },
  backward: { half: 6, wide: 16 },
  note: 'log-probabilities of the completion after the temperature',
}

/** OpenRLHF 0.11 models/actor.py casts the logits and keeps them; models/utils.py log_probs_from_logits: flash-attn's cross entropy over them. */
const FUSED_OVER_CAST: PreferenceRow = {
  forward: { half: 6, wide: 6 },
  backward: { half: 10, wide: 10 },
  note: 'float32 logits, their gradient and its 16-bit copy',
}

/** trl 1.13 experimental/orpo, experimental/cpo: log-softmax of all logits and the cross entropy of the chosen half. */
const WITH_CROSS_ENTROPY: PreferenceRow = {
  forward: { half: 6, wide: 12 },
  backward: { half: 7, wide: 14 },
  note: 'log-softmax of all logits and the cross entropy of the chosen ones',
}

/** LLaMA-Factory 0.9.6 train/dpo/trainer.py concatenated_forward: `.to(torch.float32)`, then log-softmax of all logits; the reference likewise. */
const GATHERED_OVER_CAST: PreferenceRow = {
  forward: { half: 8, wide: 8 },
  backward: { half: 12, wide: 12 },
  beside: { policy: 8, reference: 8 },
  note: 'float32 logits and their log-softmax, gathered at the labels',
  source: 'LLaMA-Factory 0.9.6 train/dpo/trainer.py, train/kto/trainer.py, train/trainer_utils.py get_batch_logps',
}

const ROWS: Partial<Record<Stage, PreferenceRow>> = {
  dpo: SELECTIVE,
  kto: SELECTIVE,
  orpo: WITH_CROSS_ENTROPY,
  simpo: WITH_CROSS_ENTROPY,
  grpo: SCALED,
  ppo: SCALED,
}

/** What a preference loss keeps and creates per logit; null: the stage has a cross entropy. `element`: bytes of the logits. */
export function preferenceLogits(plan: TrainingPlan, element: number): LogitBytes | null {
  const own = rowOfStage(plan)
  const gathers = olderThan(plan.libraries, { library: 'trl', version: [0, 14] })
  const row = gathers && own === SELECTIVE ? GATHERED : own
  if (row === undefined) return null
  const wide = element === 4 || returnsFloat32(plan)
  const pick = (bytes: PreferenceRow['forward']) => (wide ? bytes.wide : bytes.half)
  const reference = !holdsReference(plan) ? 0 : (row.beside?.reference ?? referenceBytes(plan, wide))
  return {
    endOfForward: reference > 0 ? (row.beside?.policy ?? HELD_BY_POLICY) + reference : pick(row.forward),
    backward: pick(row.backward),
    headBackward: wide || row.beside ? 4 + element : 2 * element,
    kept: 0,
    note: `${row.note}${reference > 0 ? `, ${reference} B of the reference model’s` : ''}`,
    source: row.source ?? LAB,
  }
}

function rowOfStage({ framework, stage }: TrainingPlan): PreferenceRow | undefined {
  if (framework === 'llama-factory' && stage !== 'grpo' && stage !== 'ppo' && ROWS[stage]) return GATHERED_OVER_CAST
  return framework === 'openrlhf' && ROWS[stage] === SCALED ? FUSED_OVER_CAST : ROWS[stage]
}

/** 16-bit logits and their log-softmax, or float32 logits alone. */
const HELD_BY_POLICY = 4

/** The reference runs after the policy, whose logits are still there (trl 1.13 dpo_trainer.py _compute_loss); GRPO's ran before the step. Two rows of log-softmax coexist. */
function referenceBytes(plan: TrainingPlan, wide: boolean): number {
  const rows = plan.microBatchSize * (plan.stage === 'dpo' ? 2 : 1)
  return wide ? 6 : 2 + 4 / rows
}

function holdsReference({ reinforcement, stage }: TrainingPlan): boolean {
  const model = reinforcement?.referenceModel
  return (stage === 'dpo' || stage === 'kto') && (model === 'shared' || model === 'separate')
}

/** OpenRLHF models/actor.py casts its logits; its DeepSpeed module does not. */
const CASTS_LOGITS = new Set(['openrlhf'])
const ENGINE_OUTPUTS = new Set(['zero1', 'zero2', 'zero3', 'distributed_optimizer'])

/** Accelerate lifts outputs to float32 under mixed precision, DeepSpeed excepted (accelerate 1.15 accelerator.py prepare_model, convert_outputs_to_fp32). */
function returnsFloat32({ framework, parallelism, precision }: TrainingPlan): boolean {
  if (CASTS_LOGITS.has(framework)) return true
  if (ENGINE_OUTPUTS.has(parallelism.data)) return false
  return precision.autocast || (precision.weights === 'float32' && precision.compute !== 'float32')
}
