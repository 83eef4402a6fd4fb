import type { StepContext } from './step-context.ts'
import { effectiveLength } from './work.ts'

/** B300 and GB300 compute exponentials twice as fast. */
const BLACKWELL_ULTRA = '10.3'

/** Flash kernels know Hopper and what followed, or the card is older. */
function isModern({ gpu }: StepContext): boolean {
  return gpu.generation === 'hopper' || gpu.generation === 'blackwell'
}

/** The constant for the rate of flash attention on this card. */
export function attentionRate(c: StepContext): 'attention_hopper' | 'attention_ampere' {
  return isModern(c) ? 'attention_hopper' : 'attention_ampere'
}

/** Transformer Engine runs cuDNN's kernels. */
export function usesCudnn(c: StepContext): boolean {
  return c.plan.attention !== 'eager' && isModern(c) && c.stack.id === 'transformer-engine'
}

function attentionShare(c: StepContext): number {
  const { constants, gpu, stack } = c
  const ultra = gpu.computeCapability === BLACKWELL_ULTRA ? constants.ultra_attention : 1
  const cudnn = usesCudnn(c) ? constants.cudnn_attention : 1
  const share = constants[attentionRate(c)] * ultra * cudnn
  return stack.oldAttention ? share * constants.attention_2023 : share
}

/**
 * Bytes through memory per score, forward and backward, counted kernel by kernel at 16 bit. One causal kernel for scale, mask
 * and softmax (Megatron's): scores written 2, softmax 1 + 2, dropout with its mask 2 + 3, read 2; gradient of the scores 2,
 * of the values 2, of dropout 5, of softmax 1 + 1 + 2, of queries and keys 4. Eager code scales, masks and casts to
 * float32 in kernels of their own.
 */
const SCORE_BYTES = { fused: { forward: 12, backward: 17 }, eager: { forward: 32, backward: 36 } } as const

/** Flash: backward is 2.5 forwards. Unfused: both products of all scores, which pass through memory. */
export function attentionSeconds(c: StepContext): number {
  const { work, tokens, tensor, pipeline, context, ceilings, bandwidth, constants, stack, plan, trains } = c
  const length = (tokens * context) / c.sequences
  const bytes = SCORE_BYTES[stack.fused || plan.compile ? 'fused' : 'eager']
  const again = c.recomputeAttention
  let seconds = 0
  for (const attention of work.attention) {
    if (plan.attention === 'eager') {
      const rate = constants.attention_eager * ceilings.bits16 * constants[stack.efficiency]
      const products = 4 * length * attention.width * tokens * attention.layers
      const scores = tokens * length * attention.heads * attention.layers
      seconds += ((1 + trains.backward * (2 + again)) * products) / rate
      seconds += ((bytes.forward + trains.backward * (bytes.backward + again * bytes.forward)) * scores) / bandwidth
    } else {
      const rate = ceilings.bits16 * attentionShare(c)
      const keys = effectiveLength(length, attention) + constants.flash_edge
      const work2 = 2 * keys * attention.width * tokens * attention.layers
      seconds += ((1 + trains.backward * (2.5 + again)) * work2) / rate
    }
  }
  return seconds / (tensor * pipeline)
}

/**
 * Chunked scans against attention kernels of the same work (assumption; Triton kernels reach about a tenth of the ceiling).
 * Backward does the chunk states once more (mamba_ssm ssd_combined.py).
 */
const SCAN_SHARE = 0.25

export function scanSeconds(c: StepContext): number {
  const { work, tokens, tensor, pipeline, ceilings, constants, recompute, trains } = c
  return (
    ((1 + trains.backward * (3 + recompute)) * work.scanFlops * tokens) /
    (tensor * pipeline * ceilings.bits16 * constants.attention_hopper * SCAN_SHARE)
  )
}
