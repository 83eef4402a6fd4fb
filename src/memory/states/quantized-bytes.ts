import type { Quantization } from '../../plan/vocabulary.ts'

interface QuantizedFormat {
  /** Bytes per parameter with scales and zero points. */
  readonly bytes: number
  readonly note: string
  readonly source: string
}

export const QUANTIZED_FORMATS: Record<Quantization, QuantizedFormat> = {
  none: { bytes: 0, note: 'not quantised', source: 'plan' },
  nf4: {
    bytes: 0.5 + 4 / 64,
    note: '4 bit + float32 scale per 64',
    source: 'bitsandbytes 0.44 nn/modules.py l.230 (blocksize 64)',
  },
  'nf4-double': {
    bytes: 0.5 + 1 / 64 + 4 / (64 * 256),
    note: '4 bit + 8-bit scale per 64 + float32 per 16384',
    source: 'QLoRA, arXiv 2305.14314 §3',
  },
  fp4: { bytes: 0.5 + 4 / 64, note: '4 bit + float32 scale per 64', source: 'bitsandbytes 0.44 nn/modules.py l.230' },
  int8: {
    bytes: 1 + 4 / 4096,
    note: '8 bit + float32 scale per row',
    source: 'LLM.int8, arXiv 2208.07339 §3; bitsandbytes 0.44 functional.py',
  },
  'gptq-int4': {
    bytes: 0.5 + (2 + 0.5) / 128 + 4 / 4096,
    note: '4 bit + 16-bit scale and 4-bit zero per 128 + group index',
    source: 'AutoGPTQ 0.7 nn_modules/qlinear (group size 128)',
  },
  'gptq-int8': {
    bytes: 1 + (2 + 1) / 128 + 4 / 4096,
    note: '8 bit + 16-bit scale and 8-bit zero per 128 + group index',
    source: 'AutoGPTQ 0.7 nn_modules/qlinear (group size 128)',
  },
  'awq-int4': {
    bytes: 0.5 + (2 + 0.5) / 128,
    note: '4 bit + scale and zero per 128',
    source: 'AutoAWQ 0.2 modules/linear/gemm.py',
  },
  'hqq-int4': {
    bytes: 0.5 + (2 + 2) / 64,
    note: '4 bit + 16-bit scale and zero per 64',
    source: 'HQQ 0.2 core/quantize.py BaseQuantizeConfig',
  },
  fp8: { bytes: 1, note: '8 bit', source: 'transformers 5.18 integrations/finegrained_fp8.py' },
  mxfp4: { bytes: 0.5 + 1 / 32, note: '4 bit + 8-bit scale per 32', source: 'OCP Microscaling Formats v1.0 §5' },
}
