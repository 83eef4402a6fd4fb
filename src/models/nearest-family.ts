import { rowOf } from '../plan/row-of.ts'
import type { ConfigFields } from './config-fields.ts'
import { FAMILIES } from './families.ts'
import type { Family } from './family.ts'

/** Keys that a block of their own explains, most telling first, and the type whose block that is. */
const TELLING_KEYS: readonly (readonly [string, string])[] = [
  ['hybrid_override_pattern', 'nemotron_h'],
  ['linear_attn_config', 'kimi_linear'],
  ['linear_num_value_heads', 'qwen3_next'],
  ['altup_num_inputs', 'gemma3n_text'],
  ['hidden_size_per_layer_input', 'gemma4_text'],
  ['conv_L_cache', 'lfm2'],
  ['mamba_d_ssm', 'falcon_h1'],
  ['attn_layer_period', 'jamba'],
  ['mamba_n_heads', 'bamba'],
  ['mamba_d_state', 'bamba'],
  ['ssm_cfg', 'mamba2'],
  ['state_size', 'mamba'],
  ['kv_lora_rank', 'deepseek_v3'],
  ['n_routed_experts', 'deepseek_v3'],
  ['shared_expert_intermediate_size', 'qwen2_moe'],
  ['num_experts', 'qwen3_moe'],
  ['num_local_experts', 'mixtral'],
  ['pos_att_type', 'deberta-v2'],
  ['type_vocab_size', 'bert'],
  ['n_embd', 'gpt_neox'],
]

/** The family that an unknown type resembles by the fields it has; a plain decoder without a telling one. */
export function nearestFamily(fields: ConfigFields): { readonly name: string; readonly family: Family } {
  const telling = TELLING_KEYS.find(([key]) => fields.has(key))?.[1]
  const name = telling ?? (fields.text('hidden_act') === 'gelu' ? 'gpt_neox' : 'llama')
  const family = rowOf(FAMILIES, name)
  if (!family) throw new Error(`the family table has no ${name}`)
  return { name, family }
}

/** Keys of models that are not one stack of layers, or whose layers differ in ways no family covers. */
export const UNREADABLE_KEYS = [
  'is_encoder_decoder',
  'block_configs',
  'compress_ratios',
  'audio_encoder_config',
  // Zamba's shared blocks, RecurrentGemma, RWKV and xLSTM
  'n_mamba_heads',
  'lru_width',
  'attention_hidden_size',
  'qk_dim_factor',
] as const
