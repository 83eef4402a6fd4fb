import type { FormatKey } from '../reader.ts'
import { keyTable } from '../section.ts'

/** What is done with the arguments of `openrlhf.cli.train_*`; names before 0.11 after the comma. */
export const OPENRLHF_KEYS: readonly FormatKey[] = keyTable('OpenRLHF 0.11 openrlhf/cli/train_*.py', [
  ['model.model_name_or_path, actor.model_name_or_path, pretrain', 'model', 'required'],
  [
    'train.micro_batch_size, micro_train_batch_size',
    'microBatchSize',
    '8 for SFT and DPO, 4 for PPO up to 0.9, else 1',
  ],
  ['train.batch_size, train_batch_size', 'globalBatchSize', '128'],
  ['train.max_epochs, max_epochs', 'dataset.epochs', '2 for SFT, else 1'],
  ['data.max_len, max_len', 'sequenceLength', '2048; DPO and reward 512'],
  ['prompt_max_len, generate_max_len', 'sequenceLength, reinforcement', '1024 each, up to 0.9'],
  ['rollout.max_new_tokens', 'reinforcement.completionLength', 'None: what the prompt leaves; half is assumed'],
  ['data.max_samples, data.dataset, data.prompt_dataset', 'dataset', '1e8, required'],
  ['ds.packing_samples, packing_samples', 'dataset.padding none', 'False'],
  ['train.dynamic_batch_enable, train.max_tokens_per_gpu', 'packing, sequenceLength', 'False, 16192'],
  ['ds.zero_stage, zero_stage', 'parallelism.data', '2'],
  ['ds.param_dtype, param_dtype', 'precision: 16-bit module with float32 masters', 'bf16'],
  ['ds.grad_accum_dtype, grad_accum_dtype', 'precision.gradients', 'the module’s'],
  ['ds.adam_offload, adam_offload', 'parallelism.offload', 'False'],
  ['ds.attn_implementation, attn_implementation', 'attention', 'flash_attention_2'],
  ['ds.use_liger_kernel, use_liger_kernel', 'fusedKernels, loss', 'False; logits in float32'],
  ['ds.load_in_4bit, load_in_4bit', 'quantization', 'False'],
  ['ds.lora.rank, lora_rank', 'adapter.rank', '0: full fine-tuning'],
  ['ds.lora.target_modules, target_modules', 'adapter.targetModules', 'all-linear'],
  ['ds.ring_attn_size, ds.tensor_parallel_size', 'parallelism', '1, 1'],
  ['model.gradient_checkpointing_enable, gradient_checkpointing', 'gradientCheckpointing', 'False'],
  ['optim', 'optimizer', 'adam'],
  ['ckpt.save_steps, eval.steps', 'checkpoints, evaluation', '-1, -1'],
  ['algo.advantage.estimator, advantage_estimator', 'stage and value model', 'gae'],
  ['algo.kl.init_coef, init_kl_coef', 'reinforcement.referenceModel', '0.01'],
  ['actor.num_nodes, actor.num_gpus_per_node', 'gpus', '1, 8'],
  ['train.colocate_all, colocate_all_models', 'which models share the actor’s GPUs', 'False'],
  ['vllm.num_engines, vllm.gpu_memory_utilization, vllm.enable_sleep', 'reinforcement', 'None, 0.95, False'],
  ['rollout.n_samples_per_prompt, n_samples_per_prompt', 'reinforcement.generations', '1'],
])
