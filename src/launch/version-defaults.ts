import { compareVersions } from '../plan/library-version.ts'
import type { Sourced } from '../plan/provenance.ts'

interface VersionRow {
  readonly library: string
  readonly what: string
  readonly source: string
  /** `[first version, value]`, oldest first. */
  readonly steps: readonly (readonly [string, string | number | boolean])[]
}

/** The versions that hold when the repository does not name one. */
export const CURRENT_PROFILE: Readonly<Record<string, string>> = {
  torch: '2.13.0',
  transformers: '5.18.0',
  trl: '1.13.0',
  peft: '0.21.0',
  accelerate: '1.15.0',
  axolotl: '0.18.0',
  llamafactory: '0.9.6',
  'ms-swift': '4.6.0',
  verl: '0.9.0',
}

/** Defaults that changed between versions. A framework's reader names a row; the libraries of the repository pick the step. */
export const VERSION_DEFAULTS = {
  'transformers.weights': {
    library: 'transformers',
    what: 'dtype of loaded weights',
    source: 'transformers modeling_utils.py from_pretrained(dtype)',
    steps: [
      ['0', 'float32'],
      ['5.0.0', 'auto'],
    ],
  },
  'transformers.use_reentrant': {
    library: 'transformers',
    what: 're-entrant checkpointing',
    source: 'transformers modeling_utils.py gradient_checkpointing_enable',
    steps: [
      ['0', true],
      ['5.0.0', false],
    ],
  },
  'transformers.fsdp_version': {
    library: 'transformers',
    what: 'FSDP version of the Trainer',
    source: 'transformers training_args.py _process_fsdp_args',
    steps: [
      ['0', 1],
      ['5.10.0', 2],
    ],
  },
  'torch.optim': {
    library: 'torch',
    what: 'optim of TrainingArguments',
    source: 'transformers training_args.py default_optim',
    steps: [
      ['0', 'adamw_torch'],
      ['2.8.0', 'adamw_torch_fused'],
    ],
  },
  'accelerate.fsdp_float32': {
    library: 'accelerate',
    what: 'FSDP under mixed precision lifts what trains to float32',
    source: 'accelerate accelerator.py prepare_model, utils/fsdp_utils.py fsdp2_prepare_model',
    steps: [
      ['0', false],
      ['0.30.0', true],
    ],
  },
  'accelerate.fsdp2_no_sync': {
    library: 'accelerate',
    what: 'FSDP2 reduces gradients at the last micro-step only',
    source: 'accelerate accelerator.py no_sync (set_requires_gradient_sync)',
    steps: [
      ['0', false],
      ['1.11.0', true],
    ],
  },
  'trl.gradient_checkpointing': {
    library: 'trl',
    what: 'gradient checkpointing',
    source: 'trl trainer/base_config.py',
    steps: [
      ['0', false],
      ['0.22.0', true],
    ],
  },
  'trl.use_reentrant': {
    library: 'trl',
    what: 're-entrant checkpointing',
    source: 'trl trainer/base_config.py',
    steps: [
      ['0', 'transformers'],
      ['0.28.0', 'false'],
    ],
  },
  'trl.bf16': {
    library: 'trl',
    what: 'bf16 when neither bf16 nor fp16 is set',
    source: 'trl trainer/base_config.py __post_init__',
    steps: [
      ['0', false],
      ['0.19.0', true],
    ],
  },
  'trl.dtype': {
    library: 'trl',
    what: 'dtype of loaded weights',
    source: 'trl trainer/model_config.py ModelConfig.dtype',
    steps: [
      ['0', 'transformers'],
      ['0.27.0', 'float32'],
    ],
  },
  'trl.kbit_preparation': {
    library: 'trl',
    what: 'prepare_model_for_kbit_training on quantized bases',
    source: 'trl trainer/sft_trainer.py, grpo_trainer.py, reward_trainer.py',
    steps: [
      ['0', true],
      ['0.26.0', false],
    ],
  },
  'trl.kbit_preparation_dpo': {
    library: 'trl',
    what: 'prepare_model_for_kbit_training on quantized bases of DPO',
    source: 'trl trainer/dpo_trainer.py',
    steps: [
      ['0', true],
      ['0.29.0', false],
    ],
  },
  'trl.kbit_preparation_kto': {
    library: 'trl',
    what: 'prepare_model_for_kbit_training on quantized bases of KTO',
    source: 'trl trainer/kto_trainer.py',
    steps: [
      ['0', true],
      ['1.4.0', false],
    ],
  },
  'trl.zero3_adapters_follow_base': {
    library: 'trl',
    what: 'under ZeRO-3 adapters have the dtype of an unquantized base',
    source: 'trl trainer/sft_trainer.py get_peft_model(autocast_adapter_dtype=False)',
    steps: [
      ['0', false],
      ['1.7.0', true],
    ],
  },
  'trl.sft_loss': {
    library: 'trl',
    what: 'SFT loss',
    source: 'trl trainer/sft_config.py loss_type',
    steps: [
      ['0', 'full_logits'],
      ['1.6.0', 'chunked'],
    ],
  },
  'trl.packing_flattens': {
    library: 'trl',
    what: 'packed batches are flattened into one row',
    source: 'trl trainer/sft_config.py packing_strategy',
    steps: [
      ['0', false],
      ['0.19.0', true],
    ],
  },
  'trl.preference_max_length': {
    library: 'trl',
    what: 'max_length of DPO and of reward models',
    source: 'trl trainer/dpo_config.py, trainer/reward_trainer.py',
    steps: [
      ['0', 512],
      ['0.14.0', 1024],
    ],
  },
  'trl.grpo_beta': {
    library: 'trl',
    what: 'GRPO beta (0: no reference model)',
    source: 'trl trainer/grpo_config.py',
    steps: [
      ['0', 0.04],
      ['0.19.0', 0],
    ],
  },
  'trl.cuts_prompts': {
    library: 'trl',
    what: 'GRPO prompts are cut at max_prompt_length 512',
    source: 'trl trainer/grpo_config.py',
    steps: [
      ['0', true],
      ['0.26.0', false],
    ],
  },
  'trl.grpo_completion_length': {
    library: 'trl',
    what: 'GRPO max_completion_length',
    source: 'trl trainer/grpo_config.py',
    steps: [
      ['0', 256],
      ['1.10.0', 512],
    ],
  },
  'trl.vllm_mode': {
    library: 'trl',
    what: 'GRPO vLLM mode',
    source: 'trl trainer/grpo_config.py',
    steps: [
      ['0', 'server'],
      ['1.0.0', 'colocate'],
    ],
  },
  'trl.vllm_memory_share': {
    library: 'trl',
    what: 'vllm_gpu_memory_utilization',
    source: 'trl trainer/grpo_config.py',
    steps: [
      ['0', 0.9],
      ['0.18.0', 0.3],
    ],
  },
  'axolotl.optimizer': {
    library: 'axolotl',
    what: 'optimizer',
    source: 'axolotl utils/schemas/training.py',
    steps: [
      ['0', 'adamw_hf'],
      ['0.8.0', 'adamw_torch_fused'],
    ],
  },
  'axolotl.lora_kernels': {
    library: 'axolotl',
    what: 'LoRA kernels when no key names one',
    source: 'axolotl utils/schemas/config.py check_auto_enable_lora_kernels',
    steps: [
      ['0', 'off'],
      ['0.9.1', 'without dropout'],
      ['0.16.0', 'on'],
    ],
  },
  'axolotl.tf32': {
    library: 'axolotl',
    what: 'tf32',
    source: 'axolotl utils/schemas/config.py',
    steps: [
      ['0', false],
      ['0.16.0', true],
    ],
  },
  'llamafactory.cutoff_len': {
    library: 'llamafactory',
    what: 'cutoff_len',
    source: 'LLaMA-Factory hparams/data_args.py',
    steps: [
      ['0', 1024],
      ['0.9.1', 2048],
    ],
  },
  'llamafactory.lora_target': {
    library: 'llamafactory',
    what: 'lora_target',
    source: 'LLaMA-Factory hparams/finetuning_args.py',
    steps: [
      ['0', 'q_proj,v_proj'],
      ['0.6.0', 'all'],
    ],
  },
  'llamafactory.freeze_vision_tower': {
    library: 'llamafactory',
    what: 'freeze_vision_tower',
    source: 'LLaMA-Factory hparams/finetuning_args.py',
    steps: [
      ['0', false],
      ['0.8.0', true],
    ],
  },
  'ms-swift.max_length': {
    library: 'ms-swift',
    what: 'max_length (0: the model’s longest context)',
    source: 'ms-swift arguments/base_args/template_args.py',
    steps: [
      ['0', 2048],
      ['3.0.0', 0],
    ],
  },
  'ms-swift.split_dataset_ratio': {
    library: 'ms-swift',
    what: 'split_dataset_ratio, part of the data kept for validation',
    source: 'ms-swift arguments/base_args/data_args.py',
    steps: [
      ['0', 0.01],
      ['3.6.0', 0],
    ],
  },
  'ms-swift.freeze_vit': {
    library: 'ms-swift',
    what: 'freeze_vit',
    source: 'ms-swift arguments/tuner_args.py',
    steps: [
      ['0', false],
      ['3.0.0', true],
    ],
  },
  'verl.gradient_checkpointing': {
    library: 'verl',
    what: 'gradient checkpointing',
    source: 'verl trainer/config/ppo_trainer.yaml',
    steps: [
      ['0', false],
      ['0.2.0', true],
    ],
  },
  'verl.use_remove_padding': {
    library: 'verl',
    what: 'use_remove_padding',
    source: 'verl trainer/config/ppo_trainer.yaml, model/hf_model.yaml',
    steps: [
      ['0', false],
      ['0.7.0', true],
    ],
  },
} as const satisfies Readonly<Record<string, VersionRow>>

export type VersionDefaultId = keyof typeof VERSION_DEFAULTS
export type VersionDefaultValue<K extends VersionDefaultId> = (typeof VERSION_DEFAULTS)[K]['steps'][number][1]
export type Libraries = Readonly<Record<string, string>>

/** The default under the repository's versions, else under the current profile; the note names the version. */
export function versionDefault<K extends VersionDefaultId>(
  id: K,
  libraries: Libraries,
): Sourced<VersionDefaultValue<K>> {
  const row = VERSION_DEFAULTS[id]
  const steps: readonly (readonly [string, VersionDefaultValue<K>])[] = row.steps
  const found = libraries[row.library]
  const version = found ?? CURRENT_PROFILE[row.library] ?? '999'
  let [since, value] = steps[0] ?? ['0', undefined]
  for (const step of steps) if (compareVersions(version, step[0]) >= 0) [since, value] = step
  if (value === undefined) throw new Error(`version default ${id} has no step`)
  const whose = found ? `${row.library} ${version}` : `${row.library} ${version} assumed`
  const when = since === '0' ? '' : `, since ${since}`
  return { value, from: 'default', note: `${whose}: ${row.what} (${row.source}${when})` }
}
