import type { StepContext } from './step-context.ts'

const INTEGER_KERNELS: ReadonlySet<string> = new Set(['gptq-int4', 'gptq-int8', 'awq-int4', 'hqq-int4'])

/**
 * LLM.int8() (bitsandbytes 0.48 autograd/_functions.py MatMul8bitLt): forward reads the input at 16 and writes it at 8 bit
 * (row-wise largest magnitude), its product writes 32-bit integers that are read and written at 16; backward casts the
 * weights (1 + 2 bytes) and scales them (2 + 2).
 */
const INT8_BYTES = { activation: (3 + 10) / 2, weight: 7 } as const

function int8Seconds({ work, tokens, tensor, pipeline, bandwidth, recompute, trains }: StepContext, weights: number) {
  const activations = INT8_BYTES.activation * work.linearFeatures * tokens * (1 + trains.backward * recompute)
  return (activations + trains.backward * INT8_BYTES.weight * weights) / (tensor * pipeline * bandwidth)
}

/** The fitted rate of the kernels that expand weights: torch.compile fuses those of NormalFloat. */
export function expansionRate({ plan }: StepContext): 'compiled_nf4_rate' | 'four_bit_rate' {
  return plan.compile && !INTEGER_KERNELS.has(plan.quantization) ? 'compiled_nf4_rate' : 'four_bit_rate'
}

/** Weights are expanded again in every pass; the kernels are bound by instructions, not by memory. */
export function dequantisationSeconds(c: StepContext): number {
  const { plan, counts, work, constants, tensor, pipeline, bandwidth, recompute, ceilings } = c
  if (plan.quantization === 'none' || plan.quantization === 'fp8') return 0
  const weights = Math.min(counts.quantized, work.denseParameters + work.expertParameters)
  if (plan.quantization === 'int8') return int8Seconds(c, weights)
  const rate = constants[expansionRate(c)]
  // instruction rate follows the chip's arithmetic rate, measured on A100 and A10G alike
  const instructions = rate * Math.max(1, ceilings.bits16 / 300e12) ** 0.5
  return (weights * (2 + recompute) * (1 / instructions + 2.5 / bandwidth)) / (tensor * pipeline)
}
