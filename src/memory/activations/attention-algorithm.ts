import type { Gpu } from '../../hardware/gpu.ts'
import type { Attention } from '../../models/architecture.ts'
import type { AttentionKernel } from '../../plan/vocabulary.ts'
import type { AttentionAlgorithm } from './block-context.ts'

/** GPU generations without flash kernels (sm_80 and newer have them; FlashAttention-2 README). */
const WITHOUT_FLASH = new Set(['pascal', 'volta', 'turing'])
/** aten sdp_utils.cpp check_head_dim_size_flash: at most 256. */
const LARGEST_FUSED_HEAD = 256

/** The kernel that really runs: a function of the request, the GPU's generation, the dtype and the head size. */
export function attentionAlgorithm(options: {
  readonly requested: AttentionKernel
  readonly attention: Attention
  readonly gpu: Gpu | null
  readonly bfloat16: boolean
  /** transformers before 4.48 gives models with capped scores eager attention; later sdpa, without the cap (integrations/sdpa_attention.py). */
  readonly capsNeedEager: boolean
}): AttentionAlgorithm {
  const { requested, attention, gpu, bfloat16, capsNeedEager } = options
  if (requested === 'eager') return 'eager'
  if (attention.softcap && requested === 'sdpa' && capsNeedEager) return 'eager'
  if (gpu === null || !WITHOUT_FLASH.has(gpu.generation)) {
    return attention.headDim > LARGEST_FUSED_HEAD ? 'math' : 'fused'
  }
  return bfloat16 ? 'math' : 'fused'
}
