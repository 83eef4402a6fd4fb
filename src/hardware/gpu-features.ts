import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { PlanKey } from '../plan/plan-draft.ts'
import type { ResolvedPlan } from '../plan/resolve-plan.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { Gpu } from './gpu.ts'

interface FeatureRule {
  readonly key: PlanKey
  readonly asks: (plan: TrainingPlan) => boolean
  readonly lacks: (gpu: Gpu) => boolean
  readonly message: (gpu: Gpu) => string
  readonly hint: string
}

/** FlashAttention 2 runs on Ampere, Ada and Hopper (Dao-AILab/flash-attention README, requirements). */
const BEFORE_AMPERE: ReadonlySet<string> = new Set(['kepler', 'maxwell', 'pascal', 'volta', 'turing'])

const RULES: readonly FeatureRule[] = [
  {
    key: 'precision.compute',
    asks: ({ precision }) => precision.compute === 'bfloat16',
    lacks: gpu => !gpu.bf16Supported,
    message: gpu => `${gpu.name} has no bfloat16 products; the trainer stops or emulates them slowly.`,
    hint: 'Train in float16 or choose an Ampere or later GPU.',
  },
  {
    key: 'precision.compute',
    asks: ({ precision }) => precision.compute === 'tf32',
    lacks: gpu => gpu.vendor === 'nvidia' && BEFORE_AMPERE.has(gpu.generation),
    message: gpu => `${gpu.name} has no TF32; the products run in float32.`,
    hint: 'Remove tf32 or choose an Ampere or later GPU.',
  },
  {
    key: 'precision.compute',
    asks: ({ precision }) => precision.compute === 'float8' || precision.compute === 'mxfp8',
    lacks: gpu => gpu.peak.fp8 === null,
    message: gpu => `${gpu.name} has no 8-bit float products.`,
    hint: 'Train in bfloat16 or choose an Ada, Hopper or later GPU.',
  },
  {
    key: 'precision.compute',
    asks: ({ precision }) => precision.compute === 'nvfp4',
    lacks: gpu => gpu.peak.fp4 === null,
    message: gpu => `${gpu.name} has no 4-bit float products.`,
    hint: 'Choose a Blackwell GPU or a wider format.',
  },
  {
    key: 'attention',
    asks: ({ attention }) => attention === 'flash',
    lacks: gpu => gpu.vendor === 'nvidia' && BEFORE_AMPERE.has(gpu.generation),
    message: gpu => `FlashAttention 2 does not run on ${gpu.name} (${gpu.generation}).`,
    hint: 'Use sdpa, or an Ampere or later GPU.',
  },
]

/** Options that a file or launcher asks for and the GPU does not have. */
export function gpuFeatureFindings({ plan, provenance }: ResolvedPlan, gpu: Gpu | null): readonly Finding[] {
  if (gpu === null) return []
  return RULES.flatMap(({ key, asks, lacks, message, hint }) => {
    const from = provenance[key]
    const isAsked = from?.from === 'file' || from?.from === 'launch'
    if (!isAsked || !asks(plan) || !lacks(gpu)) return []
    const { path = null, line = null, column = null } = from
    return [finding('unsupported-gpu-feature', { path, line, column, message: message(gpu), hint })]
  })
}
