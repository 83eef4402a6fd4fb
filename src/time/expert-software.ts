import type { TrainingPlan } from '../plan/training-plan.ts'
import type { ComputeDtype } from '../plan/vocabulary.ts'
import type { ConstantName } from './efficiency.ts'
import type { Stack } from './stack.ts'
import type { StepContext } from './step-context.ts'

/** Per-tensor 8-bit casts of every expert's operands cost launches; block-scaled grouped kernels are newer and fused. */
const EXPERT_SHARE: Partial<Readonly<Record<ComputeDtype, ConstantName>>> = {
  float8: 'efficiency_experts_fp8',
  mxfp8: 'efficiency_experts_blocks',
  nvfp4: 'efficiency_experts_blocks',
}

/** Share of the grouped-product ceiling by generation of the software. */
export function expertConstant({ plan, stack }: Pick<StepContext, 'plan' | 'stack'>): ConstantName {
  if (loopsOverExperts(plan, stack)) return 'efficiency_expert_loop'
  const release = plan.libraries['megatron-bridge'] ?? null
  if (release === null) return EXPERT_SHARE[plan.precision.compute] ?? 'efficiency_experts'
  return isBefore(release, '26.06') ? 'efficiency_experts_2025' : 'efficiency_experts_2026'
}

/** Hugging Face models before version 5 call one expert after the other; since then grouped products are the default (modeling_utils.py, v5.18). */
export function loopsOverExperts({ libraries, fusedKernels }: TrainingPlan, stack: Stack): boolean {
  const version = libraries['transformers']
  return stack.id === 'hugging-face' && fusedKernels === 'none' && version !== undefined && isBefore(version, '5')
}

/** Is a dotted version older than another, part by part? */
export function isBefore(version: string, other: string): boolean {
  const parts = (text: string) => text.split('.').map(Number)
  const [a, b] = [parts(version), parts(other)]
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}
