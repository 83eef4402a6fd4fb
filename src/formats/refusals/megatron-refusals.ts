import type { Refusal } from './refusal.ts'
import { isNoMultiple, type Settings } from './settings.ts'

const ARGUMENTS = 'Megatron-LM core 0.20 megatron/training/arguments.py validate_args'
const CONFIG = 'Megatron-LM core 0.20 megatron/core/transformer/transformer_config.py __post_init__'

/** With any of these, stages need not have the same number of layers. */
const UNEVEN = [
  'decoder_first_pipeline_num_layers',
  'decoder_last_pipeline_num_layers',
  'pipeline_model_parallel_layout',
  'account_for_embedding_in_pipeline_split',
  'account_for_loss_in_pipeline_split',
  'hybrid_layer_pattern',
  'hybrid_override_pattern',
  'standalone_embedding_stage',
  'encoder_num_layers',
  // DeepSpeed cuts a pipeline by its own rule
  'deepspeed',
  'deepspeed_config',
  'zero_stage',
] as const

/** 1 where none is written, and where the number is known only at start. */
function ranks(settings: Settings, key: string): number {
  return settings.number(key) ?? 1
}

/** Its length is given in one unit, and the course of the learning rate in the other. */
function isCountedOtherwise(settings: Settings, length: string, others: readonly string[]): boolean {
  return settings.isOff('skip_train') && settings.isOn(length) && others.some(key => settings.isOn(key))
}

function isEven(settings: Settings): boolean {
  return !UNEVEN.some(key => settings.isOn(key))
}

/** undefined: one of the two is known only at start. */
function stageLayers(settings: Settings): number | undefined {
  const layers = settings.number('num_layers')
  const stages = settings.numberOr('pipeline_model_parallel_size', 1)
  return layers === undefined || stages === undefined ? undefined : layers / stages
}

/** What Megatron-LM asserts of its arguments before it builds anything; keys as argparse stores them. */
export const MEGATRON_REFUSALS: readonly Refusal[] = [
  {
    keys: ['num_layers', 'pipeline_model_parallel_size'],
    isRefused: settings =>
      isEven(settings) && isNoMultiple(settings.number('num_layers'), ranks(settings, 'pipeline_model_parallel_size')),
    rule: 'layers are shared evenly by the pipeline stages',
    hint: 'Make `--num-layers` a multiple of `--pipeline-model-parallel-size`, or say how the first and last stage differ.',
    source: ARGUMENTS,
  },
  {
    keys: ['num_layers', 'pipeline_model_parallel_size', 'num_layers_per_virtual_pipeline_stage'],
    isRefused: settings => {
      const layers = stageLayers(settings)
      if (!isEven(settings) || layers === undefined || !Number.isInteger(layers)) return false
      return isNoMultiple(layers, settings.number('num_layers_per_virtual_pipeline_stage'))
    },
    rule: 'the layers of a stage are cut into whole virtual stages',
    hint: 'Make the layers of a stage a multiple of `--num-layers-per-virtual-pipeline-stage`.',
    source: ARGUMENTS,
  },
  {
    keys: ['num_query_groups', 'tensor_model_parallel_size'],
    isRefused: settings => {
      const groups = settings.isOn('group_query_attention') ? settings.number('num_query_groups') : undefined
      const tensor = ranks(settings, 'tensor_model_parallel_size')
      return isNoMultiple(groups, tensor) && isNoMultiple(tensor, groups)
    },
    rule: 'key-value heads are shared evenly by the tensor ranks, or several ranks share one',
    hint: 'Use a tensor parallel size that is a multiple or a divisor of the query groups.',
    source: CONFIG,
  },
  {
    keys: ['hidden_size', 'num_attention_heads'],
    isRefused: settings =>
      !settings.isWritten('kv_channels') &&
      isNoMultiple(settings.number('hidden_size'), settings.number('num_attention_heads')),
    rule: 'without `--kv-channels` the hidden size is shared evenly by the heads',
    hint: 'Give `--kv-channels`, or correct one of the two.',
    source: ARGUMENTS,
  },
  {
    keys: ['expert_model_parallel_size', 'num_experts'],
    isRefused: settings => ranks(settings, 'expert_model_parallel_size') > 1 && !settings.isWritten('num_experts'),
    rule: 'expert ranks share the experts, and there are none',
    hint: 'Give `--num-experts`, or leave `--expert-model-parallel-size` out.',
    source: ARGUMENTS,
  },
  {
    keys: ['seq_length', 'context_parallel_size'],
    isRefused: settings => {
      const context = ranks(settings, 'context_parallel_size')
      return context > 1 && isNoMultiple(settings.number('seq_length'), 2 * context)
    },
    rule: 'each context rank takes two equal chunks of a sequence',
    hint: 'Make `--seq-length` a multiple of twice the context parallel size.',
    source: ARGUMENTS,
  },
  {
    keys: ['seq_length', 'max_position_embeddings'],
    isRefused: settings =>
      (settings.number('max_position_embeddings') ?? Infinity) < (settings.number('seq_length') ?? 0),
    rule: 'sequences are no longer than the positions',
    hint: 'Raise `--max-position-embeddings` to the sequence length.',
    source: ARGUMENTS,
  },
  {
    keys: ['fp16', 'bf16'],
    isRefused: settings => settings.isOn('fp16') && settings.isOn('bf16'),
    rule: 'at most one of the two may be on',
    hint: 'Keep one of the two.',
    source: ARGUMENTS,
  },
  {
    keys: ['train_iters', 'train_samples'],
    isRefused: settings =>
      settings.isOff('skip_train') && settings.isOn('train_iters') && settings.isOn('train_samples'),
    rule: 'the run is counted in iterations or in samples',
    hint: 'Keep one of the two.',
    source: ARGUMENTS,
  },
  {
    keys: ['train_iters', 'lr_decay_samples', 'lr_warmup_samples'],
    isRefused: settings => isCountedOtherwise(settings, 'train_iters', ['lr_decay_samples', 'lr_warmup_samples']),
    rule: 'a run of so many iterations decays and warms up by iterations',
    hint: 'Use `--lr-decay-iters` and `--lr-warmup-iters` or `--lr-warmup-fraction`.',
    source: ARGUMENTS,
  },
  {
    keys: ['train_samples', 'lr_decay_iters', 'lr_warmup_iters'],
    isRefused: settings => isCountedOtherwise(settings, 'train_samples', ['lr_decay_iters', 'lr_warmup_iters']),
    rule: 'a run of so many samples decays and warms up by samples',
    hint: 'Use `--lr-decay-samples` and `--lr-warmup-samples` or `--lr-warmup-fraction`.',
    source: ARGUMENTS,
  },
  {
    keys: ['lr_warmup_fraction', 'lr_warmup_iters', 'lr_warmup_samples'],
    isRefused: settings =>
      settings.isOff('skip_train') &&
      settings.number('lr_warmup_fraction') !== undefined &&
      (settings.isOn('lr_warmup_iters') || settings.isOn('lr_warmup_samples')),
    rule: 'the warm-up is a share of the run or a number',
    hint: 'Keep one of the two.',
    source: ARGUMENTS,
  },
  {
    keys: ['lr', 'min_lr'],
    isRefused: settings => (settings.number('min_lr') ?? -Infinity) > (settings.number('lr') ?? Infinity),
    rule: 'the learning rate falls to `min_lr`',
    hint: 'Lower `--min-lr`.',
    source: ARGUMENTS,
  },
  {
    keys: ['step_batch_size_schedule', 'global_batch_size'],
    isRefused: settings => settings.isWritten('step_batch_size_schedule') && settings.isWritten('global_batch_size'),
    rule: 'the global batch is scheduled or fixed',
    hint: 'Keep one of the two.',
    source: ARGUMENTS,
  },
  {
    // the number of layers was 1 before core 0.4, whose scripts do not say which they are for
    keys: ['recompute_granularity', 'recompute_method'],
    isRefused: settings => settings.word('recompute_granularity') === 'full' && !settings.isWritten('recompute_method'),
    rule: 'full recomputation needs a method',
    hint: 'Add `--recompute-method uniform --recompute-num-layers 1`.',
    source: CONFIG,
  },
  {
    keys: ['recompute_granularity', 'recompute_method'],
    isRefused: settings =>
      settings.word('recompute_granularity') === 'selective' && settings.isWritten('recompute_method'),
    rule: 'selective recomputation has no method',
    hint: 'Leave `--recompute-method` out.',
    source: ARGUMENTS,
  },
  {
    keys: ['tp_comm_overlap', 'sequence_parallel', 'tensor_model_parallel_size'],
    isRefused: settings =>
      settings.isOn('tp_comm_overlap') &&
      (settings.isOff('sequence_parallel') || settings.numberOr('tensor_model_parallel_size', 1) === 1),
    rule: 'communication is overlapped under sequence parallelism only, which one tensor rank turns off',
    hint: 'Add `--sequence-parallel`, or leave `--tp-comm-overlap` out.',
    source: ARGUMENTS,
  },
  {
    keys: ['overlap_param_gather', 'use_distributed_optimizer', 'overlap_grad_reduce'],
    isRefused: settings =>
      settings.isOn('overlap_param_gather') &&
      settings.word('optimizer') !== 'dist_muon' &&
      ((settings.isOff('use_distributed_optimizer') && settings.isOff('use_megatron_fsdp')) ||
        settings.isOff('overlap_grad_reduce')),
    rule: 'parameters are gathered in the background by the distributed optimizer, with gradients reduced likewise',
    hint: 'Add `--use-distributed-optimizer --overlap-grad-reduce`.',
    source: ARGUMENTS,
  },
  {
    keys: [
      'use_torch_fsdp2',
      'use_distributed_optimizer',
      'pipeline_model_parallel_size',
      'expert_model_parallel_size',
    ],
    isRefused: settings =>
      settings.isOn('use_torch_fsdp2') &&
      (settings.isOn('use_distributed_optimizer') ||
        ranks(settings, 'pipeline_model_parallel_size') > 1 ||
        ranks(settings, 'expert_model_parallel_size') > 1),
    rule: 'FSDP2 shards alone: no pipeline, no expert ranks, no distributed optimizer',
    hint: 'Leave the other out.',
    source: ARGUMENTS,
  },
]
