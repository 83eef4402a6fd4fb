import { rowOf } from '../plan/row-of.ts'

/** Leaf names of Hugging Face shapes behind each of Megatron's fused layers. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  linear_qkv: [
    'linear_qkv',
    'q_proj',
    'k_proj',
    'v_proj',
    'qkv_proj',
    'query_key_value',
    'c_attn',
    'Wqkv',
    'W_pack',
    'wqkv',
  ],
  linear_proj: ['linear_proj', 'o_proj', 'dense', 'out_proj', 'c_proj', 'wo'],
  linear_fc1: ['linear_fc1', 'gate_proj', 'up_proj', 'gate_up_proj', 'c_fc', 'dense_h_to_4h', 'fc1', 'w1', 'w3'],
  linear_fc2: ['linear_fc2', 'down_proj', 'dense_4h_to_h', 'fc2', 'w2'],
}

/**
 * Targets named after Megatron's layers, whatever names the model's shapes have. Where q, k and v stand apart each
 * counts its own first matrix, of which Megatron's one layer has one.
 */
export function megatronTargets(names: readonly string[]): { readonly regex: string } {
  const leaves = names.flatMap(name => rowOf(LAYERS, name) ?? [name.replace(/[^\w]/g, '')])
  return { regex: `(?:.*\\.)?(?:${[...new Set(leaves)].join('|')})` }
}

export const MEGATRON_LAYERS = Object.keys(LAYERS)
