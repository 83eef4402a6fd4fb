import { QUANTIZATIONS, type Quantization, STORAGE_DTYPES, type StorageDtype } from '../plan/vocabulary.ts'
import type { ConfigFields } from './config-fields.ts'

/** dtype of the published weights (`dtype` from transformers 5 on, `torch_dtype` before); null: not said. */
export function checkpointDtype(fields: ConfigFields): StorageDtype | null {
  const text = fields.text('dtype', 'torch_dtype')?.replace('torch.', '') ?? null
  return STORAGE_DTYPES.find(dtype => dtype === text) ?? null
}

/** Scheme of the published weights: `quantization_config` of the config, or what the asked-for name implies. */
export function checkpointQuantization(fields: ConfigFields): Quantization {
  const named = fields.text('checkpoint_quantization')
  const own = QUANTIZATIONS.find(scheme => scheme === named)
  if (own) return own
  const block = fields.nested('quantization_config')
  const method = block?.text('quant_method') ?? null
  if (!block || method === null) return 'none'
  if (method === 'bitsandbytes')
    return block.boolean('load_in_8bit') ? 'int8' : block.boolean('bnb_4bit_use_double_quant') ? 'nf4-double' : 'nf4'
  if (method === 'compressed-tensors' || method === 'modelopt') return compressedTensors(block)
  const bits = block.number('bits') ?? 4
  const schemes: Readonly<Record<string, Quantization>> = {
    gptq: bits === 8 ? 'gptq-int8' : 'gptq-int4',
    awq: 'awq-int4',
    hqq: 'hqq-int4',
    fp8: 'fp8',
    fbgemm_fp8: 'fp8',
    mxfp4: 'mxfp4',
  }
  return Object.hasOwn(schemes, method) ? (schemes[method] ?? 'none') : 'none'
}

/** compressed-tensors quantization/quant_args.py, which NVIDIA ModelOpt's exports follow: groups of layers with `weights: {num_bits, type}`. */
function compressedTensors(block: ConfigFields): Quantization {
  const groups = block.raw('config_groups')
  const first = typeof groups === 'object' && groups !== null ? Object.values(groups)[0] : undefined
  const weights = new Map(Object.entries(typeof first === 'object' && first !== null ? first : {})).get('weights')
  const { num_bits: bits, type } = { num_bits: 0, type: '', ...(typeof weights === 'object' ? weights : {}) }
  if (type === 'float') return bits === 8 ? 'fp8' : 'fp4'
  return bits === 8 ? 'gptq-int8' : bits === 4 ? 'gptq-int4' : 'none'
}
