import type { Refusal } from './refusal.ts'
import { isNoMultiple, type Settings } from './settings.ts'

const VALIDATION = 'axolotl 0.18 utils/schemas/validation.py'
const PEFT = 'axolotl 0.18 utils/schemas/peft.py'

const CROSS_ENTROPIES = [
  'cut_cross_entropy',
  'chunked_cross_entropy',
  'liger_cross_entropy',
  'liger_fused_linear_cross_entropy',
] as const
const LIGER_CROSS_ENTROPIES = ['liger_cross_entropy', 'liger_fused_linear_cross_entropy'] as const
const LORA_KERNELS = ['lora_mlp_kernel', 'lora_qkv_kernel', 'lora_o_kernel'] as const
const STREAMS = ['pretraining_dataset', 'streaming'] as const

function isQuantized(settings: Settings): boolean {
  return settings.isOn('load_in_8bit') || settings.isOn('load_in_4bit')
}

function isStreamed(settings: Settings): boolean {
  return STREAMS.some(key => settings.isOn(key))
}

/** A strategy is written, and it is not `steps`. */
function isNotSteps(settings: Settings, key: string): boolean {
  const word = settings.word(key)
  return settings.isOn(key) && word !== undefined && word !== 'steps'
}

/** 1 where none is written; undefined: known only at start. */
function fsdpVersion(settings: Settings): number | undefined {
  const key = ['fsdp_version', 'fsdp_config.fsdp_version', 'fsdp_config.version'].find(own => settings.isWritten(own))
  return key === undefined ? 1 : settings.number(key)
}

function offloadsUnderFsdp(settings: Settings): boolean {
  return ['fsdp_config.offload_params', 'fsdp_config.fsdp_offload_params'].some(key => settings.isOn(key))
}

/** What the validators of an Axolotl config stop at, those that hold for years. */
export const AXOLOTL_REFUSALS: readonly Refusal[] = [
  {
    keys: ['load_in_8bit', 'load_in_4bit', 'adapter'],
    isRefused: settings => isQuantized(settings) && !settings.isWritten('adapter'),
    rule: 'quantised weights are trained through an adapter only',
    hint: 'Set `adapter: qlora` (4 bits) or `lora` (8 bits), or turn the quantisation off.',
    source: `${PEFT} validate_adapter`,
  },
  {
    keys: ['adapter', 'load_in_8bit'],
    isRefused: settings => settings.word('adapter') === 'qlora' && settings.isOn('load_in_8bit'),
    rule: '`qlora` is LoRA over 4 bits',
    hint: 'Set `adapter: lora` with `load_in_8bit`, or `load_in_4bit` alone.',
    source: `${PEFT} validate_qlora`,
  },
  {
    keys: ['adapter', 'load_in_4bit'],
    isRefused: settings => settings.word('adapter') === 'qlora' && settings.isOff('load_in_4bit'),
    rule: '`qlora` needs `load_in_4bit: true`',
    hint: 'Set `load_in_4bit: true`, or `adapter: lora`.',
    source: `${PEFT} validate_qlora`,
  },
  {
    keys: ['lora_target_parameters', 'lora_dropout'],
    isRefused: settings => settings.isOn('lora_target_parameters') && settings.isOn('lora_dropout'),
    rule: 'adapters of parameters have no dropout',
    hint: 'Set `lora_dropout: 0`.',
    source: `${PEFT} validate_lora_target_parameters_dropout`,
  },
  {
    keys: ['load_in_8bit', ...LORA_KERNELS],
    isRefused: settings =>
      settings.word('adapter') === 'lora' &&
      settings.isOn('load_in_8bit') &&
      LORA_KERNELS.some(key => settings.isOn(key)),
    rule: 'the LoRA kernels read no 8-bit weights',
    hint: 'Turn the kernels off, or train over 4 or 16 bits.',
    source: `${VALIDATION} check_lora_kernels_8bit`,
  },
  {
    keys: ['gradient_accumulation_steps', 'batch_size'],
    isRefused: settings => settings.isOn('gradient_accumulation_steps') && settings.isOn('batch_size'),
    rule: 'one follows from the other',
    hint: 'Keep one of the two.',
    source: `${VALIDATION} check_gas_bsz`,
  },
  {
    keys: ['test_datasets', 'val_set_size'],
    isRefused: settings => settings.isOn('test_datasets') && settings.isOn('val_set_size'),
    rule: 'the evaluation set is named or split off, not both',
    hint: 'Set `val_set_size: 0`, or leave `test_datasets` out.',
    source: `${VALIDATION} check_val_w_test_datasets`,
  },
  {
    keys: ['warmup_steps', 'warmup_ratio'],
    isRefused: settings => settings.isOn('warmup_steps') && settings.isOn('warmup_ratio'),
    rule: 'the warm-up is given in steps or as a share, not both',
    hint: 'Keep one of the two.',
    source: `${VALIDATION} check_warmup`,
  },
  {
    keys: ['save_strategy', 'save_steps'],
    isRefused: settings => settings.isOn('save_steps') && isNotSteps(settings, 'save_strategy'),
    rule: '`save_steps` goes with `save_strategy: steps`',
    hint: 'Set `save_strategy: steps`, or leave `save_steps` out.',
    source: `${VALIDATION} check_saves`,
  },
  {
    keys: ['saves_per_epoch', 'save_steps'],
    isRefused: settings => settings.isOn('saves_per_epoch') && settings.isOn('save_steps'),
    rule: 'saving is given by steps or by epochs, not both',
    hint: 'Keep one of the two.',
    source: `${VALIDATION} check_saves`,
  },
  {
    keys: ['eval_strategy', 'eval_steps'],
    isRefused: settings => settings.isOn('eval_steps') && isNotSteps(settings, 'eval_strategy'),
    rule: '`eval_steps` goes with `eval_strategy: steps`',
    hint: 'Set `eval_strategy: steps`, or leave `eval_steps` out.',
    source: `${VALIDATION} check_evals`,
  },
  {
    keys: ['evals_per_epoch', 'eval_steps'],
    isRefused: settings => settings.isOn('evals_per_epoch') && settings.isOn('eval_steps'),
    rule: 'evaluation is given by steps or by epochs, not both',
    hint: 'Keep one of the two.',
    source: `${VALIDATION} check_evals`,
  },
  {
    keys: ['evals_per_epoch', 'eval_strategy'],
    isRefused: settings => settings.isOn('evals_per_epoch') && isNotSteps(settings, 'eval_strategy'),
    rule: '`evals_per_epoch` is counted in steps',
    hint: 'Leave `eval_strategy` out, or set it to `steps`.',
    source: `${VALIDATION} check_evals`,
  },
  {
    keys: ['val_set_size', 'eval_steps', 'eval_strategy'],
    isRefused: settings =>
      settings.number('val_set_size') === 0 &&
      (settings.isOn('eval_steps') || settings.isOn('eval_strategy')) &&
      settings.word('eval_strategy') !== 'no' &&
      !settings.isOn('test_datasets'),
    rule: 'there is nothing to evaluate on',
    hint: 'Give `val_set_size` or `test_datasets`, or leave the evaluation out.',
    source: `${VALIDATION} check_evals`,
  },
  {
    keys: ['sample_packing', 'eval_table_size', 'eval_sample_packing'],
    isRefused: settings =>
      settings.isOn('sample_packing') && settings.isOn('eval_table_size') && settings.isNotFalse('eval_sample_packing'),
    rule: 'a table of predictions needs samples that are not packed',
    hint: 'Set `eval_sample_packing: false`.',
    source: `${VALIDATION} check_eval_packing`,
  },
  {
    keys: ['sample_packing', 'rl'],
    isRefused: settings => settings.isOn('sample_packing') && settings.isOn('rl'),
    rule: 'pairs and generated answers are not packed',
    hint: 'Set `sample_packing: false`.',
    source: `${VALIDATION} check_sample_packing_w_rl`,
  },
  {
    keys: ['rl', 'remove_unused_columns'],
    isRefused: settings => settings.word('rl') === 'kto' && settings.isNotFalse('remove_unused_columns'),
    rule: 'KTO needs `remove_unused_columns: false`',
    hint: 'Set `remove_unused_columns: false`.',
    source: `${VALIDATION} check_kto_config`,
  },
  {
    keys: ['deepspeed', 'fsdp'],
    isRefused: settings => settings.isOn('deepspeed') && settings.isOn('fsdp'),
    rule: 'one engine shards the run',
    hint: 'Keep one of the two.',
    source: `${VALIDATION} check_fsdp_deepspeed`,
  },
  {
    keys: ['optimizer', 'fsdp_config.offload_params', 'fsdp_config.fsdp_offload_params'],
    isRefused: settings =>
      /8bit/.test(settings.word('optimizer') ?? '') && offloadsUnderFsdp(settings) && fsdpVersion(settings) === 1,
    rule: '8-bit optimizers do not step on offloaded parameters of FSDP1',
    hint: 'Use `adamw_torch_fused`, or turn the offloading off.',
    source: `${VALIDATION} check_fsdp_offload_w_8bit_optimizer`,
  },
  {
    keys: ['optimizer', 'fsdp_version'],
    isRefused: settings =>
      ['adamw_8bit', 'adamw_bnb_8bit'].includes(settings.word('optimizer') ?? '') &&
      settings.isOn('fsdp_config') &&
      fsdpVersion(settings) === 2,
    rule: 'bitsandbytes’ 8-bit AdamW does not run under FSDP2',
    hint: 'Use `adamw_torch_8bit`.',
    source: `${VALIDATION} check_fsdp2_w_8bit_optimizer`,
  },
  {
    keys: ['optimizer', 'deepspeed'],
    isRefused: settings => settings.word('optimizer') === 'muon' && settings.isOn('deepspeed'),
    rule: 'Muon does not run under DeepSpeed',
    hint: 'Use FSDP2, or another optimizer.',
    source: `${VALIDATION} check_muon_deepspeed_fsdp`,
  },
  {
    keys: LIGER_CROSS_ENTROPIES,
    isRefused: settings => LIGER_CROSS_ENTROPIES.every(key => settings.isOn(key)),
    rule: 'Liger fuses the cross entropy with the projection before it, or does not',
    hint: 'Keep one of the two.',
    source: 'axolotl 0.18 integrations/liger/plugin.py pre_model_load',
  },
  {
    keys: CROSS_ENTROPIES,
    since: ['axolotl', '0.14.0'],
    isRefused: settings =>
      CROSS_ENTROPIES.filter(key => settings.isOn(key)).length > 1 &&
      !LIGER_CROSS_ENTROPIES.every(key => settings.isOn(key)),
    rule: 'at most one cross entropy may be on',
    hint: 'Keep one of them.',
    source: `${VALIDATION} check_cross_entropy_conflicts`,
  },
  {
    keys: ['pretraining_dataset', 'streaming', 'max_steps'],
    isRefused: settings => isStreamed(settings) && !settings.isWritten('max_steps'),
    rule: 'a stream has no length: steps must be given',
    hint: 'Set `max_steps`.',
    source: `${VALIDATION} check_pretraining_w_max_steps`,
  },
  {
    keys: ['pretraining_dataset', 'streaming', 'val_set_size'],
    since: ['axolotl', '0.13.0'],
    isRefused: settings => isStreamed(settings) && settings.isOn('val_set_size'),
    rule: 'no evaluation set is split off a stream',
    hint: 'Set `val_set_size: 0`, and name `test_datasets` where there are any.',
    source: `${VALIDATION} check_pretraining_w_val_set_size`,
  },
  {
    keys: ['activation_offloading', 'gradient_checkpointing'],
    isRefused: settings => settings.isOn('activation_offloading') && settings.isOff('gradient_checkpointing'),
    rule: 'only what checkpointing keeps is offloaded',
    hint: 'Set `gradient_checkpointing: true`.',
    source: `${VALIDATION} check_activation_offloading_wo_gc`,
  },
  {
    keys: ['early_stopping_patience', 'save_steps', 'eval_steps'],
    isRefused: settings =>
      settings.isOn('early_stopping_patience') &&
      isNoMultiple(settings.number('save_steps'), settings.number('eval_steps')),
    rule: 'a run that stops early saves at a multiple of `eval_steps`',
    hint: 'Make `save_steps` a multiple of `eval_steps`.',
    source: `${VALIDATION} check_early_stopping`,
  },
  {
    keys: ['context_parallel_size', 'sample_packing', 'micro_batch_size'],
    isRefused: settings =>
      (settings.number('context_parallel_size') ?? settings.number('sequence_parallel_degree') ?? 1) > 1 &&
      settings.isOn('sample_packing') &&
      (settings.number('micro_batch_size') ?? 1) > 1,
    rule: 'ring attention over packed samples takes one row at a time',
    hint: 'Set `micro_batch_size: 1`.',
    source: `${VALIDATION} check_context_parallel_size`,
  },
]
