import { versionDefault } from '../../launch/version-defaults.ts'
import type { GradientCheckpointing } from '../../plan/training-plan.ts'
import {
  readAttention,
  readCheckpointing,
  TRAINER_UNMODELLED,
  TRAINING_ARGUMENT_ROWS,
} from '../hugging-face/transformers-arguments.ts'
import { uncutLength } from '../hugging-face/uncut-length.ts'
import { describedKey, fixed, type KeyRow, keyRow, positive, replaceRows } from '../key-rows.ts'
import { SWIFT_UNCOUNTED, SWIFT_UNMODELLED } from './unmodelled.ts'

export const TUNER = 'ms-swift 4.6 arguments/tuner_args.py'
export const TRAIN = 'ms-swift 4.6 trainers/arguments.py'
export const TEMPLATE = 'ms-swift 4.6 arguments/base_args/template_args.py'
export const MODEL = 'ms-swift 4.6 arguments/base_args/model_args.py'

/** Every key that is read, its effect and its default. */
export const SWIFT_ROWS: readonly KeyRow[] = replaceRows(TRAINING_ARGUMENT_ROWS, [
  keyRow({
    key: 'per_device_train_batch_size',
    plan: 'microBatchSize',
    read: positive,
    fallback: fixed(1, `${TRAIN}: 1`),
    default: '1',
    source: TRAIN,
  }),
  keyRow({
    key: 'gradient_accumulation_steps',
    plan: 'gradientAccumulationSteps',
    read: positive,
    default: '16 ÷ (micro-batch × GPUs), at least 1',
    source: TRAIN,
  }),
  keyRow({
    key: ['gradient_checkpointing'],
    plan: 'gradientCheckpointing',
    read: readCheckpointing,
    fallback: fixed<GradientCheckpointing>('full', `${TRAIN}: True`),
    default: 'True',
    source: TRAIN,
  }),
  keyRow({
    key: ['attn_impl', 'attn_implementation'],
    plan: 'attention',
    read: readAttention,
    fallback: fixed('sdpa', `${MODEL}: the model’s default`),
    default: 'sdpa',
    source: MODEL,
  }),
  keyRow({
    key: ['packing_length', 'max_length'],
    plan: 'sequenceLength',
    read: positive,
    fallback: libraries => {
      const fixed = versionDefault('ms-swift.max_length', libraries)
      if (fixed.value > 0) return fixed
      return uncutLength(TEMPLATE)
    },
    default:
      'since 3.0 no cut below the model’s longest context (packed rows fill it; else 2,048 is assumed), 2048 before',
    source: TEMPLATE,
  }),
  keyRow({
    key: 'sequence_parallel_size',
    plan: 'parallelism.context',
    read: positive,
    fallback: fixed(1, `${TRAIN}: 1`),
    default: '1',
    source: TRAIN,
  }),
  describedKey('model, model_id_or_path, model_type, model_revision', 'model', 'required', MODEL),
  describedKey(
    'task_type, num_labels',
    'classificationLabels with seq_cls and reranker; no logits with embedding and generative_reranker',
    'causal_lm, seq_cls with num_labels',
    'ms-swift 4.6 model/model_meta.py',
  ),
  describedKey('tuner_type, train_type, sft_type', 'adapter.type', 'lora', TUNER),
  describedKey(
    'lora_rank, lora_dropout, lora_dtype, target_modules, modules_to_save, use_dora',
    'adapter',
    'rank 8, all-linear',
    TUNER,
  ),
  describedKey('torch_dtype', 'precision', 'the dtype of the checkpoint', MODEL),
  describedKey(
    'quant_method, quant_bits, bnb_4bit_use_double_quant, bnb_4bit_quant_storage',
    'quantization; packed into bytes, FSDP2 leaves it whole',
    'none; nf4 with double quantization, uint8',
    'ms-swift 4.6 arguments/base_args/quant_args.py',
  ),
  describedKey('freeze_vit, freeze_aligner, freeze_llm', 'freeze', 'True, True, False', TUNER),
  describedKey(
    'freeze_parameters, trainable_parameters, trainable_parameters_regex',
    'freeze (the last two where freeze_parameters_ratio is 1)',
    'none',
    TUNER,
  ),
  describedKey(
    'eval_strategy, evaluation_strategy, eval_steps, per_device_eval_batch_size',
    'evaluation, where there is a validation set',
    'as often as checkpoints',
    'ms-swift 4.6 arguments/sft_args.py',
  ),
  describedKey('use_galore, galore_rank', 'optimizer, optimizerRank', 'False, 128', TRAIN),
  describedKey('deepspeed_autotp_size', 'parallelism.tensor', 'none', 'ms-swift 4.6 arguments/sft_args.py'),
  describedKey(
    [...Object.keys(SWIFT_UNMODELLED), ...Object.keys(SWIFT_UNCOUNTED), ...Object.keys(TRAINER_UNMODELLED)].join(', '),
    'nothing: a finding says that the estimate leaves it out; with a teacher no run passes',
    'off',
    TRAIN,
  ),
  describedKey('packing, padding_free', 'packing, variableLength', 'False', TRAIN),
  describedKey(
    'deepspeed',
    'parallelism (zero0 … zero3, zero2_offload, zero3_offload, path or mapping)',
    'none',
    'ms-swift 4.6 swift/config',
  ),
  describedKey('fsdp', 'parallelism (fsdp2, path or mapping)', 'none', 'ms-swift 4.6 swift/config'),
  describedKey(
    'dataset, val_dataset, split_dataset_ratio',
    'dataset.names, dataset.samples (id#count), evaluation',
    'none',
    'ms-swift 4.6 arguments/base_args/data_args.py',
  ),
  describedKey(
    'rlhf_type, ref_model, num_generations, max_completion_length, response_length, max_new_tokens, num_iterations, num_ppo_epochs, ds3_gather_for_generation, use_vllm, vllm_mode, vllm_gpu_memory_utilization, sleep_level',
    'stage, reinforcement',
    'dpo',
    'ms-swift 4.6 arguments/rlhf_args.py',
  ),
  describedKey('ENV', 'expandableSegments', 'none', 'ms-swift 4.6 cli/main.py'),
])
