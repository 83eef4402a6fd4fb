import type { AdapterType } from '../plan/vocabulary.ts'

type Targets = Readonly<Record<string, readonly string[]>>

function each(types: readonly string[], targets: readonly string[]): Targets {
  return Object.fromEntries(types.map(type => [type, targets]))
}

const QV = ['q_proj', 'v_proj'] as const

/** PEFT 0.21 utils/constants.py TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING; Gemma 4's row is a pattern over its language model. */
const LORA: Targets = {
  ...each(
    ['llama', 'llama4', 'mistral', 'mixtral', 'stablelm', 'gemma', 'gemma2', 'gemma3_text', 'qwen2', 'qwen3'],
    QV,
  ),
  ...each(['opt', 'gptj', 'gpt_neo', 'bart', 'gemma4'], QV),
  ...each(['t5', 'mt5'], ['q', 'v']),
  ...each(['gpt2', 'gpt_bigcode'], ['c_attn']),
  ...each(['bloom', 'gpt_neox', 'chatglm', 'falcon', 'RefinedWeb', 'RefinedWebModel'], ['query_key_value']),
  ...each(['bert', 'roberta', 'xlm-roberta', 'electra'], ['query', 'value']),
  'deberta-v2': ['query_proj', 'value_proj'],
  mpt: ['Wqkv'],
  codegen: ['qkv_proj'],
  phi: ['q_proj', 'v_proj', 'fc1', 'fc2'],
  nemotron_h: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
}

/** TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING. */
const IA3: Targets = {
  ...each(['llama', 'mistral'], ['k_proj', 'v_proj', 'down_proj']),
  ...each(['llama4', 'gemma', 'gemma2', 'gemma3_text', 'qwen2', 'qwen3'], ['q_proj', 'v_proj', 'down_proj']),
  ...each(['gpt2', 'gpt_bigcode'], ['c_attn', 'mlp.c_proj']),
  ...each(['gpt_neox', 'falcon', 'RefinedWeb', 'RefinedWebModel'], ['query_key_value', 'dense_4h_to_h']),
  ...each(['bert', 'roberta'], ['key', 'value', 'output.dense']),
  'deberta-v2': ['key_proj', 'value_proj', 'output.dense'],
  bloom: ['query_key_value', 'mlp.dense_4h_to_h'],
  opt: ['q_proj', 'k_proj', 'fc2'],
  bart: ['q_proj', 'v_proj', 'fc2'],
  phi: ['q_proj', 'v_proj', 'fc2'],
  gptj: ['q_proj', 'v_proj', 'fc_out'],
  gpt_neo: ['q_proj', 'v_proj', 'c_proj'],
  mixtral: ['k_proj', 'v_proj', 'w2'],
  t5: ['k', 'v', 'wo'],
  mt5: ['k', 'v', 'wi_1'],
}

/** Targets when none are given; undefined: PEFT asks for them. */
export function peftDefaultTargets(modelType: string, type: AdapterType): readonly string[] | undefined {
  const table = type === 'ia3' ? IA3 : LORA
  return Object.hasOwn(table, modelType) ? table[modelType] : undefined
}
