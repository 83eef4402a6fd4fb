import { versionDefault } from '../../launch/version-defaults.ts'
import type { GradientCheckpointing } from '../../plan/training-plan.ts'
import type { AttentionKernel, Stage } from '../../plan/vocabulary.ts'
import { TRAINING_ARGUMENT_ROWS } from '../hugging-face/transformers-arguments.ts'
import { describedKey, fixed, fromTable, type Getter, type KeyRow, keyRow, positive, replaceRows } from '../key-rows.ts'
import { LLAMA_FACTORY_UNMODELLED } from './unmodelled.ts'

export const DATA = 'LLaMA-Factory 0.9.6 hparams/data_args.py'
export const MODEL = 'LLaMA-Factory 0.9.6 hparams/model_args.py'
export const TUNING = 'LLaMA-Factory 0.9.6 hparams/finetuning_args.py'

export const STAGES: Readonly<Record<string, Stage>> = {
  pt: 'pretrain',
  sft: 'sft',
  rm: 'reward',
  ppo: 'ppo',
  dpo: 'dpo',
  kto: 'kto',
}

const FLASH_ATTENTION: Readonly<Record<string, AttentionKernel>> = {
  auto: 'sdpa',
  disabled: 'eager',
  sdpa: 'sdpa',
  fa2: 'flash',
  fa3: 'flash',
}

/** A kernel's name, or a boolean as before 0.7. */
const readFlashAttention: Getter<AttentionKernel> = (fields, key) => {
  const scalar = fields.raw(key)?.scalar
  if (typeof scalar === 'boolean') return fields.sourced<AttentionKernel>(key, scalar ? 'flash' : 'eager')
  return fromTable(FLASH_ATTENTION)(fields, key)
}

/** Its parser knows no `attn_implementation`. */
const TRAINER_ROWS = TRAINING_ARGUMENT_ROWS.filter(({ names }) => !names.includes('attn_implementation'))

/** Every key that is read, its effect and its default. */
export const LLAMA_FACTORY_ROWS: readonly KeyRow[] = replaceRows(TRAINER_ROWS, [
  keyRow({
    key: 'cutoff_len',
    plan: 'sequenceLength',
    read: positive,
    fallback: libraries => versionDefault('llamafactory.cutoff_len', libraries),
    default: '2048 since 0.9.1, 1024 before',
    source: DATA,
  }),
  keyRow({
    key: 'disable_gradient_checkpointing',
    plan: 'gradientCheckpointing',
    read: (fields, key) => {
      const read = fields.boolean(key)
      return read && { ...read, value: read.value ? 'none' : 'full' }
    },
    fallback: fixed<GradientCheckpointing>('full', `${MODEL}: checkpointing is on unless disabled`),
    default: 'False: checkpointing is on',
    source: MODEL,
  }),
  describedKey('gradient_checkpointing', 'nothing: checkpointing is on unless disabled', 'redundant', MODEL),
  keyRow({
    key: 'flash_attn',
    plan: 'attention',
    read: readFlashAttention,
    fallback: fixed('sdpa', `${MODEL}: auto, the model’s default`),
    default: 'auto: sdpa',
    source: MODEL,
  }),
  describedKey('model_name_or_path, model_revision', 'model', 'required', MODEL),
  describedKey('stage, pref_loss', 'stage', 'sft', TUNING),
  describedKey('finetuning_type', 'adapter.type, freeze', 'lora', TUNING),
  describedKey(
    'lora_rank, lora_target, lora_dropout, additional_target, use_dora',
    'adapter',
    'rank 8, every Linear but the head',
    TUNING,
  ),
  describedKey('freeze_trainable_layers', 'freeze', '2', TUNING),
  describedKey(
    'freeze_vision_tower, freeze_multi_modal_projector, freeze_language_model',
    'freeze',
    'True, True, False',
    TUNING,
  ),
  describedKey(
    'quantization_bit, quantization_method, double_quantization',
    'quantization',
    'none; nf4 with double quantization',
    MODEL,
  ),
  describedKey('adapter_name_or_path', 'adapter, of its adapter_config.json', 'a new adapter', MODEL),
  describedKey('pure_bf16', 'precision: nothing is upcast to float32', 'False', TUNING),
  describedKey('fp8', 'precision.compute float8', 'False', 'LLaMA-Factory 0.9.6 hparams/training_args.py'),
  describedKey('upcast_lmhead_output', 'loss full_logits_float32', 'False', MODEL),
  describedKey('use_asft_loss', 'reinforcement.referenceModel', 'False', TUNING),
  describedKey('use_galore, use_apollo, use_badam, use_adam_mini, use_muon', 'optimizer', 'False', TUNING),
  describedKey('packing, neat_packing', 'packing', 'True only for stage pt', DATA),
  describedKey('enable_liger_kernel', 'loss and fusedKernels', 'False', MODEL),
  describedKey('use_unsloth, use_unsloth_gc', 'fusedKernels, activationOffload', 'False', MODEL),
  describedKey('use_reentrant_gc', 'checkpointingReentrant', 'True', MODEL),
  describedKey('dataset, dataset_dir', 'dataset.names', 'none', DATA),
  describedKey('max_samples, val_size', 'dataset.samples, evaluation', 'no cap', DATA),
  describedKey('ref_model, reward_model', 'reinforcement', 'none', TUNING),
  describedKey('galore_rank, apollo_rank', 'optimizerRank', '16', TUNING),
  describedKey('quantization_type', 'quantization: nf4 or fp4', 'nf4', MODEL),
  describedKey(
    'resize_vocab',
    'adapter.modulesToSave: embeddings and head',
    'False',
    'LLaMA-Factory 0.9.6 model/adapter.py',
  ),
  describedKey(
    Object.keys(LLAMA_FACTORY_UNMODELLED).join(', '),
    'nothing: a finding says that the estimate leaves it out',
    'off',
    `${MODEL}, finetuning_args.py`,
  ),
])
