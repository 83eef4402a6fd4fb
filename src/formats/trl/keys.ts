import { versionDefault } from '../../launch/version-defaults.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { GradientCheckpointing } from '../../plan/training-plan.ts'
import { readCheckpointing, TRAINING_ARGUMENT_ROWS } from '../hugging-face/transformers-arguments.ts'
import { describedKey, fixed, flag, type KeyRow, keyRow, replaceRows } from '../key-rows.ts'

export const MODEL = 'trl 1.13 trainer/model_config.py'
export const BASE = 'trl 1.13 trainer/base_config.py'
export const SFT = 'trl 1.13 trainer/sft_config.py'
export const GRPO = 'trl 1.13 trainer/grpo_config.py'

/** Every key that is read, its effect and its default. */
export const TRL_ROWS: readonly KeyRow[] = replaceRows(TRAINING_ARGUMENT_ROWS, [
  keyRow({
    key: 'gradient_checkpointing',
    plan: 'gradientCheckpointing',
    read: readCheckpointing,
    fallback: libraries => {
      const on = versionDefault('trl.gradient_checkpointing', libraries)
      return { ...on, value: on.value ? 'full' : 'none' } satisfies Sourced<GradientCheckpointing>
    },
    default: 'True since 0.22',
    source: BASE,
  }),
  keyRow({
    key: ['activation_offloading'],
    plan: 'activationOffload',
    read: flag,
    fallback: fixed(false, `${BASE}: False`),
    default: 'False',
    source: BASE,
  }),
  describedKey('model_name_or_path, model_revision', 'model', 'required', MODEL),
  describedKey('dtype, torch_dtype', 'precision.weights', 'float32 since 0.27, the transformers default before', MODEL),
  describedKey('use_peft, use_peft_lora', 'adapter.type; lora_* keys count only when true', 'False', MODEL),
  describedKey(
    'lora_r, lora_dropout, lora_target_modules, lora_target_parameters, lora_modules_to_save, use_dora',
    'adapter',
    'rank 16, PEFT’s own targets',
    MODEL,
  ),
  describedKey(
    'load_in_4bit, load_in_8bit, bnb_4bit_quant_type, bnb_4bit_quant_storage, use_bnb_nested_quant',
    'quantization; packed into bytes, FSDP2 leaves it whole',
    'False; nf4 without double quantization, uint8',
    MODEL,
  ),
  describedKey('max_length, max_seq_length, max_seq_len', 'sequenceLength', '1024', SFT),
  describedKey('packing, padding_free', 'packing, variableLength', 'False; bfd', SFT),
  describedKey('loss_type', 'loss, or the preference loss', 'chunked_nll for SFT since 1.6', SFT),
  describedKey(
    'max_prompt_length, max_completion_length, num_generations, beta, num_iterations, ds3_gather_for_generation',
    'reinforcement',
    '512 tokens, 8 generations, beta 0',
    GRPO,
  ),
  describedKey(
    'use_vllm, vllm_mode, vllm_gpu_memory_utilization, vllm_enable_sleep_mode',
    'reinforcement',
    'no vLLM; colocate with 0.3 of the GPU since 1.0',
    GRPO,
  ),
  describedKey(
    'steps_per_generation, generation_batch_size, cast_lm_head_to_fp32',
    'nothing: a finding says that the estimate leaves it out',
    'those of one update; False',
    GRPO,
  ),
  describedKey('precompute_ref_log_probs', 'reinforcement.referenceModel', 'False', 'trl 1.13 trainer/dpo_config.py'),
  describedKey(
    'accelerate_config, config_file',
    'parallelism, gpus (file or packaged name)',
    'none',
    'trl 1.13 accelerate_configs',
  ),
  describedKey(
    'dataset_name, datasets, dataset_mixture, dataset_mixer',
    'dataset.names',
    'none',
    'trl 1.13 scripts/utils.py',
  ),
  describedKey('desirable_weight, reward_funcs', 'stage: kto, grpo', 'told by the other keys and the path', GRPO),
])
