/** A file far over the memory of its GPUs (A100 80GB), as its framework has it. */
export interface OverMemoryFile {
  readonly name: string
  readonly path: string
  readonly text: string
  readonly gpus: number
}

const KUBEFLOW_WORDS = [
  '--model_name_or_path=meta-llama/Llama-3.1-8B',
  '--dtype=bfloat16',
  '--use_peft',
  '--lora_r',
  '"32"',
  '--lora_target_modules=all-linear',
  '--dataset_name=a/b',
  '--max_length=8192',
  '--per_device_train_batch_size',
  '"16"',
  '--output_dir=out',
]

/** Frameworks whose files differ from YAML with Hugging Face keys, and the command lines of trainers. */
export const OVER_MEMORY_FILES: readonly OverMemoryFile[] = [
  ...[1, 8].map(gpus => ({
    name: `LitGPT, LoRA, ${gpus} GPUs`,
    path: 'configs/litgpt.yaml',
    gpus,
    text: `checkpoint_dir: checkpoints/meta-llama/Llama-3.1-8B
precision: bf16-true
devices: ${gpus}
lora_r: 16
lora_query: true
lora_value: true
data: {class_path: litgpt.data.Alpaca2k}
train:
  global_batch_size: ${16 * gpus}
  micro_batch_size: 16
  max_seq_length: 8192
  epochs: 1
`,
  })),
  {
    name: 'torchtitan',
    path: 'configs/llama3_8b.toml',
    gpus: 8,
    text: `[model]
name = "llama3"
flavor = "8B"
[training]
local_batch_size = 8 # per GPU
seq_len = 8192
steps = 100
[parallelism]
data_parallel_shard_degree = -1
[activation_checkpoint]
mode = "selective"
`,
  },
  ...[1, 8].map(gpus => ({
    name: `NeMo Automodel, LoRA, ${gpus} GPUs`,
    path: 'configs/automodel.yaml',
    gpus,
    text: `# automodel finetune --nproc-per-node ${gpus}
step_scheduler:
  global_batch_size: ${16 * gpus}
  local_batch_size: 16
  num_epochs: 1
model:
  _target_: nemo_automodel.NeMoAutoModelForCausalLM.from_pretrained
  pretrained_model_name_or_path: meta-llama/Llama-3.1-8B
peft:
  _target_: nemo_automodel.components._peft.lora.PeftConfig
  match_all_linear: True
  dim: 16
dataset:
  seq_length: 8192
  path_or_dataset: a/b
`,
  })),
  {
    name: 'LLM Foundry',
    path: 'configs/mpt.yaml',
    gpus: 8,
    text: `variables: {max_seq_len: 4096}
max_seq_len: 4096
model:
  name: mpt_causal_lm
  d_model: 4096
  n_heads: 32
  n_layers: 32
  expansion_ratio: 4
  max_seq_len: 4096
  vocab_size: 50368
  attn_config: {attn_impl: flash}
tokenizer: {name: gpt, kwargs: {model_max_length: 4096}}
train_loader: {name: text, dataset: {max_seq_len: 4096}}
optimizer: {name: decoupled_adamw}
global_train_batch_size: 256
device_train_microbatch_size: 32
max_duration: 100ba
precision: amp_bf16
fsdp_config: {sharding_strategy: FULL_SHARD, mixed_precision: PURE, activation_checkpointing: false}
`,
  },
  {
    name: 'OLMo',
    path: 'configs/olmo.yaml',
    gpus: 8,
    text: `run_name: large
model:
  d_model: 4096
  n_heads: 32
  n_layers: 32
  mlp_hidden_size: 22016
  rope: true
  flash_attention: true
  include_bias: false
  layer_norm_type: rms
  weight_tying: false
  max_sequence_length: 4096
  vocab_size: 100278
optimizer: {name: adamw}
max_duration: 100
global_train_batch_size: 256
device_train_microbatch_size: 32
precision: amp_bf16
fsdp: {wrapping_strategy: by_block, precision: mixed}
`,
  },
  {
    name: 'GPT-NeoX',
    path: 'configs/7B.yml',
    gpus: 8,
    text: `{
  "pipe-parallel-size": 1,
  "model-parallel-size": 2, # tensor ranks
  "num-layers": 32,
  "hidden-size": 4096,
  "num-attention-heads": 32,
  "seq-length": 4096,
  "max-position-embeddings": 4096,
  "pos-emb": "rotary",
  "no-weight-tying": true,
  "attention-config": [[["flash"], 32]],
  "train_micro_batch_size_per_gpu": 32,
  "gradient_accumulation_steps": 1,
  "zero_optimization": {"stage": 1},
  "bf16": {"enabled": true},
  "precision": "bfloat16",
  "checkpoint-activations": false,
  "train-iters": 1000,
  "num_gpus": 8
}
`,
  },
  {
    name: 'Nanotron',
    path: 'configs/nanotron.yaml',
    gpus: 8,
    text: `general: {project: p, run: r, seed: 1}
model:
  dtype: bfloat16
  model_config:
    hidden_size: 4096
    intermediate_size: 14336
    num_hidden_layers: 32
    num_attention_heads: 32
    num_key_value_heads: 8
    vocab_size: 128256
    max_position_embeddings: 8192
    tie_word_embeddings: false
optimizer:
  accumulate_grad_in_fp32: true
  zero_stage: 1
  optimizer_factory: {name: adamW}
parallelism: {dp: 4, tp: 2, pp: 1}
tokens:
  sequence_length: 8192
  micro_batch_size: 8
  batch_accumulation_per_replica: 1
  train_steps: 100
`,
  },
  ...(['full', 'lora'] as const).map(method => ({
    name: `Oumi, ${method}`,
    path: 'configs/oumi.yaml',
    gpus: 1,
    text: `model:
  model_name: meta-llama/Llama-3.2-3B
  model_max_length: 8192
  torch_dtype_str: bfloat16
data:
  train:
    datasets:
      - dataset_name: a/b
training:
  trainer_type: TRL_SFT
  use_peft: ${method === 'lora'}
  per_device_train_batch_size: 16
  output_dir: out
`,
  })),
  ...(['full', 'lora'] as const).map(method => ({
    name: `AutoTrain, ${method}`,
    path: 'configs/autotrain.yml',
    gpus: 1,
    text: `task: llm-sft
base_model: meta-llama/Llama-3.2-3B
project_name: p
backend: local
data:
  path: a/b
  column_mapping: {text_column: text}
params:
  block_size: 8192
  batch_size: 16
  gradient_accumulation: 1
  epochs: 1
  mixed_precision: bf16
  disable_gradient_checkpointing: true
  peft: ${method === 'lora'}
  quantization: none
`,
  })),
  ...(['full', 'lora'] as const).map(method => ({
    name: `Unsloth, ${method}`,
    path: 'configs/unsloth.yaml',
    gpus: 1,
    text: `model: unsloth/Meta-Llama-3.1-8B
data: {dataset: [a/b]}
training:
  training_type: ${method}
  max_seq_length: 8192
  load_in_4bit: false
  batch_size: 32
  gradient_accumulation_steps: 1
  gradient_checkpointing: "none"
  num_epochs: 1
lora:
  lora_r: 16
`,
  })),
  ...[1, 8].map(gpus => ({
    name: `open-instruct, LoRA, ${gpus} GPUs`,
    path: 'configs/open_instruct_sft.yaml',
    gpus,
    text: `model_name_or_path: meta-llama/Llama-3.1-8B
dataset_mixer_list: [a/b, 1.0]
max_seq_length: 8192
per_device_train_batch_size: 16
gradient_accumulation_steps: 1
num_train_epochs: 1
use_lora: true
lora_rank: 16
use_flash_attn: true
output_dir: out
`,
  })),
  {
    name: 'Ludwig, LoRA',
    path: 'configs/ludwig.yaml',
    gpus: 1,
    text: `model_type: llm
base_model: meta-llama/Llama-3.2-3B
adapter: {type: lora}
trainer:
  type: finetune
  batch_size: 32
  gradient_accumulation_steps: 1
  epochs: 1
preprocessing: {global_max_sequence_length: 4096}
input_features:
  - {name: instruction, type: text, preprocessing: {max_sequence_length: 4096}}
output_features:
  - {name: output, type: text, preprocessing: {max_sequence_length: 4096}}
`,
  },
  {
    name: 'verl, GRPO in YAML',
    path: 'configs/verl.yaml',
    gpus: 8,
    text: `algorithm: {adv_estimator: grpo}
data: {train_batch_size: 1024, max_prompt_length: 1024, max_response_length: 7168}
actor_rollout_ref:
  model: {path: Qwen/Qwen2.5-7B-Instruct, enable_gradient_checkpointing: true}
  actor:
    ppo_mini_batch_size: 256
    ppo_micro_batch_size_per_gpu: 32
    fsdp_config: {model_dtype: bf16}
  rollout: {name: vllm, n: 8, gpu_memory_utilization: 0.5}
trainer: {n_gpus_per_node: 8, nnodes: 1, total_training_steps: 100}
`,
  },
  {
    name: 'verl, the deprecated micro-batch over all GPUs',
    path: 'configs/verl-global.yaml',
    gpus: 8,
    text: `algorithm: {adv_estimator: grpo}
data: {train_batch_size: 1024, max_prompt_length: 1024, max_response_length: 7168}
actor_rollout_ref:
  model: {path: Qwen/Qwen2.5-7B-Instruct, enable_gradient_checkpointing: true}
  actor:
    ppo_mini_batch_size: 256
    ppo_micro_batch_size: 256
    fsdp_config: {model_dtype: bf16}
  rollout: {name: vllm, n: 8, gpu_memory_utilization: 0.5}
trainer: {n_gpus_per_node: 8, nnodes: 1, total_training_steps: 100}
`,
  },
  {
    name: 'verl, GRPO in a script',
    path: 'scripts/grpo.sh',
    gpus: 8,
    text: `set -x
python3 -m verl.trainer.main_ppo \\
    algorithm.adv_estimator=grpo \\
    data.train_files=$HOME/data/gsm8k/train.parquet \\
    data.train_batch_size=1024 \\
    data.max_prompt_length=1024 \\
    data.max_response_length=7168 \\
    actor_rollout_ref.model.path=Qwen/Qwen2.5-7B-Instruct \\
    actor_rollout_ref.model.enable_gradient_checkpointing=True \\
    actor_rollout_ref.actor.ppo_mini_batch_size=256 \\
    actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=32 \\
    actor_rollout_ref.actor.fsdp_config.model_dtype=bf16 \\
    actor_rollout_ref.rollout.name=vllm \\
    actor_rollout_ref.rollout.n=8 \\
    trainer.n_gpus_per_node=8 \\
    trainer.total_training_steps=100 $@
`,
  },
  {
    name: 'verl, packed micro-batches in a script',
    path: 'scripts/dynamic.sh',
    gpus: 8,
    text: `python3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo \\
  data.train_batch_size=512 data.max_prompt_length=512 data.max_response_length=1536 \\
  actor_rollout_ref.model.path=Qwen/Qwen2.5-7B-Instruct actor_rollout_ref.actor.ppo_mini_batch_size=512 actor_rollout_ref.rollout.n=8 \\
  actor_rollout_ref.actor.fsdp_config.model_dtype=bf16 \\
  actor_rollout_ref.actor.use_dynamic_bsz=True actor_rollout_ref.actor.ppo_max_token_len_per_gpu=524288 \\
  trainer.n_gpus_per_node=8 trainer.total_training_steps=100
`,
  },
  {
    name: 'verl, fine-tuning in a script',
    path: 'scripts/sft.sh',
    gpus: 8,
    text: `torchrun --standalone --nproc_per_node=8 -m verl.trainer.fsdp_sft_trainer \\
    data.train_files=data/train.parquet data.train_batch_size=256 \\
    data.micro_batch_size_per_gpu=32 data.max_length=8192 \\
    model.partial_pretrain=Qwen/Qwen2.5-7B-Instruct model.enable_gradient_checkpointing=True \\
    trainer.total_epochs=1 trainer.total_training_steps=100
`,
  },
  ...(
    [
      ['SFT', 'train_sft', '--pretrain meta-llama/Llama-3.1-8B', 2],
      ['SFT, older names', 'train_sft', '--pretrain meta-llama/Llama-3.1-8B --gradient_checkpointing', 3],
      ['DPO', 'train_dpo', '--pretrain meta-llama/Llama-3.1-8B --gradient_checkpointing', 3],
    ] as const
  ).map(([name, program, model, zero]) => ({
    name: `OpenRLHF, ${name}`,
    path: 'scripts/openrlhf.sh',
    gpus: 8,
    text: `deepspeed --num_gpus 8 --module openrlhf.cli.${program} \\
   --max_len 8192 \\
   --dataset a/b \\
   --train_batch_size 256 \\
   --micro_train_batch_size 16 \\
   ${model} \\
   --zero_stage ${zero} \\
   --max_epochs 1 \\
   --attn_implementation flash_attention_2
`,
  })),
  {
    name: 'OpenRLHF, dotted names in a here-document',
    path: 'scripts/dotted.sh',
    gpus: 8,
    text: `read -r -d '' commands <<EOF
openrlhf.cli.train_sft \\
   --data.max_len 8192 --train.batch_size 256 --train.micro_batch_size 16 \\
   --model.model_name_or_path meta-llama/Meta-Llama-3-8B --ds.zero_stage 3
EOF
deepspeed --num_gpus 8 --module $commands
`,
  },
  {
    name: 'OpenRLHF, GRPO beside vLLM',
    path: 'scripts/grpo_colocated.sh',
    gpus: 8,
    text: `python3 -m openrlhf.cli.train_ppo_ray \\
   --actor_num_nodes 1 --actor_num_gpus_per_node 8 \\
   --pretrain meta-llama/Llama-3.1-8B \\
   --colocate_all_models \\
   --vllm_num_engines 8 --vllm_gpu_memory_utilization 0.7 \\
   --advantage_estimator group_norm --init_kl_coef 0.001 \\
   --train_batch_size 128 --micro_train_batch_size 2 --n_samples_per_prompt 8 \\
   --prompt_max_len 1024 --generate_max_len 1024 \\
   --zero_stage 3 --gradient_checkpointing
`,
  },
  {
    name: 'Megatron-LM, a variable of the script',
    path: 'scripts/megatron.sh',
    gpus: 8,
    text: `#!/bin/bash
export CUDA_DEVICE_MAX_CONNECTIONS=1
MICRO_BATCH=16 # per rank
GPT_ARGS=(
    --tensor-model-parallel-size 2
    --pipeline-model-parallel-size 1
    --num-layers 32
    --hidden-size 4096
    --num-attention-heads 32
    --seq-length 4096
    --max-position-embeddings 4096
    --micro-batch-size $MICRO_BATCH
    --global-batch-size 256
    --train-iters 1000
    --bf16
)
torchrun --nproc_per_node 8 pretrain_gpt.py \${GPT_ARGS[@]}
`,
  },
  {
    name: 'Megatron-LM, states of every rank',
    path: 'scripts/megatron_states.sh',
    gpus: 8,
    text: `torchrun --nproc_per_node 8 pretrain_gpt.py \\
    --num-layers 32 --hidden-size 4096 --num-attention-heads 32 --seq-length 2048 --max-position-embeddings 2048 \\
    --tensor-model-parallel-size 1 --micro-batch-size 1 --global-batch-size 64 --train-iters 1000 --bf16 \\
    --recompute-granularity full --recompute-method uniform --recompute-num-layers 1
`,
  },
  {
    name: 'Megatron-LM, MODEL_ARGS in YAML',
    path: 'tests/model_config.yaml',
    gpus: 8,
    text: `ENV_VARS: {CUDA_DEVICE_MAX_CONNECTIONS: 1}
MODEL_ARGS:
  --num-layers: 32
  --hidden-size: 4096
  --num-attention-heads: 32
  --seq-length: 4096
  --max-position-embeddings: 4096
  --micro-batch-size: 16
  --global-batch-size: 256
  --train-iters: 100
  --tensor-model-parallel-size: 2
  --bf16: true
  --use-distributed-optimizer: true
`,
  },
  {
    name: 'NeMo 1',
    path: 'conf/megatron.yaml',
    gpus: 8,
    text: `name: megatron_llama
trainer: {devices: 8, num_nodes: 1, precision: bf16, max_steps: 100}
exp_manager: {exp_dir: null}
model:
  mcore_gpt: True
  micro_batch_size: 16
  global_batch_size: 256
  tensor_model_parallel_size: 2
  pipeline_model_parallel_size: 1
  encoder_seq_length: 4096
  max_position_embeddings: 4096
  num_layers: 32
  hidden_size: 4096
  ffn_hidden_size: 11008
  num_attention_heads: 32
  normalization: rmsnorm
  bias: False
  activation: fast-swiglu
  position_embedding_type: rope
  share_embeddings_and_output_weights: False
  override_vocab_size: 32000
  megatron_amp_O2: True
  transformer_engine: True
  optim: {name: distributed_fused_adam}
`,
  },
  {
    name: 'NeMo RL',
    path: 'configs/sft.yaml',
    gpus: 8,
    text: `sft: {max_num_epochs: 1, max_num_steps: 60}
checkpointing: {enabled: true, save_period: 10}
policy:
  model_name: meta-llama/Llama-3.1-8B
  train_global_batch_size: 64
  train_micro_batch_size: 8
  max_total_sequence_length: 8192
  precision: bfloat16
  dtensor_cfg: {enabled: true, tensor_parallel_size: 1, context_parallel_size: 1, activation_checkpointing: false}
  optimizer: {name: torch.optim.AdamW, kwargs: {foreach: false, fused: false}}
  megatron_cfg: {enabled: false}
cluster: {gpus_per_node: 8, num_nodes: 1}
`,
  },
  {
    name: 'TRL, GRPO beside vLLM',
    path: 'configs/grpo.yaml',
    gpus: 1,
    text: `model_name_or_path: Qwen/Qwen2.5-7B-Instruct
dtype: bfloat16
dataset_name: a/b
use_peft: true
lora_r: 16
lora_target_modules: all-linear
max_prompt_length: 512
max_completion_length: 512
num_generations: 8
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
gradient_checkpointing: true
bf16: true
use_vllm: true
vllm_mode: colocate
vllm_gpu_memory_utilization: 0.8
max_steps: 100
output_dir: out
`,
  },
  {
    name: 'ms-swift in a script',
    path: 'scripts/swift.sh',
    gpus: 1,
    text: `#!/usr/bin/env bash
CUDA_VISIBLE_DEVICES=0 swift sft \\
  --model meta-llama/Llama-3.1-8B \\
  --tuner_type lora \\
  --dataset a/b \\
  --torch_dtype bfloat16 \\
  --max_length 8192 \\
  --per_device_train_batch_size 16 \\
  --output_dir out
`,
  },
  {
    name: 'TRL in a script',
    path: 'scripts/trl.sh',
    gpus: 8,
    text: `#!/usr/bin/env bash
accelerate launch --num_processes 8 -m trl.scripts.sft \\
  --model_name_or_path meta-llama/Llama-3.1-8B \\
  --dtype bfloat16 --use_peft --lora_r 16 --lora_target_modules all-linear \\
  --dataset_name a/b --max_length 8192 \\
  --per_device_train_batch_size 16 \\
  --output_dir out
`,
  },
  {
    name: 'SkyPilot that starts TRL',
    path: 'sky/train.yaml',
    gpus: 8,
    text: `resources:
  accelerators: A100-80GB:8
run: |
  accelerate launch --num_processes 8 -m trl.scripts.sft \\
    --model_name_or_path meta-llama/Llama-3.1-8B \\
    --dtype bfloat16 --use_peft --lora_r 16 --lora_target_modules all-linear \\
    --dataset_name a/b --max_length 8192 \\
    --per_device_train_batch_size 16 \\
    --output_dir out
`,
  },
  ...(
    [
      ['lines', (words: readonly string[]) => `\n${words.map(word => `      - ${word}`).join('\n')}`],
      ['brackets', (words: readonly string[]) => ` [${words.map(word => `"${word.replaceAll('"', '')}"`).join(', ')}]`],
    ] as const
  ).map(([kind, list]) => ({
    name: `Kubeflow, arguments in ${kind}`,
    path: 'jobs/sft.yaml',
    gpus: 8,
    text: `apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata: { name: sft }
spec:
  trainer:
    numNodes: 1
    resourcesPerNode: { limits: { nvidia.com/gpu: 8 } }
    command: [torchrun, --nproc_per_node=8, -m, trl.scripts.sft]
    args:${list(KUBEFLOW_WORDS)}
`,
  })),
]
