/** One small config per format, where mutations start. Companions stand beside them. */
export const SEEDS: Readonly<Record<string, string>> = {
  'native.yml': `preflop: 1
name: run
model: Qwen/Qwen2.5-7B
framework: trl
stage: sft
adapter: { type: lora, rank: 16, target_modules: [q_proj, v_proj], dtype: float32 }
quantization: nf4-double
precision: { weights: bfloat16, compute: bfloat16 }
optimizer: adamw
micro_batch_size: 2
gradient_accumulation_steps: 8
sequence_length: 2048
gradient_checkpointing: full
attention: flash
gpus: 8
parallelism: { data: zero3, tensor: 1 }
dataset: { samples: 10000, epochs: 3 }
hardware: { gpu: a100-sxm-80gb, price: { per_gpu_hour: 1.8, currency: USD } }
retries: 2
`,
  'axolotl.yml': `base_model: meta-llama/Llama-3.1-8B
load_in_4bit: true
adapter: qlora
lora_r: 32
lora_alpha: 16
lora_target_modules: [q_proj, v_proj, k_proj]
datasets:
  - { path: tatsu-lab/alpaca, type: alpaca }
sequence_len: 4096
sample_packing: true
micro_batch_size: 2
gradient_accumulation_steps: 4
num_epochs: 3
optimizer: adamw_bnb_8bit
learning_rate: 2e-4
bf16: auto
gradient_checkpointing: true
flash_attention: true
deepspeed: ds_z3.json
`,
  'ds_z3.json': `{
  // stage three with offload
  "zero_optimization": { "stage": 3, "offload_optimizer": { "device": "cpu" }, "reduce_bucket_size": "auto" },
  "bf16": { "enabled": "auto" },
  "train_micro_batch_size_per_gpu": "auto"
}
`,
  'llama-factory.yaml': `model_name_or_path: Qwen/Qwen2.5-7B-Instruct
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
dataset: identity,alpaca_en_demo
template: qwen
cutoff_len: 2048
output_dir: saves/qwen
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
num_train_epochs: 3.0
bf16: true
deepspeed: ds_z3.json
`,
  'trl.yaml': `model_name_or_path: Qwen/Qwen2.5-1.5B-Instruct
dataset_name: trl-lib/Capybara
learning_rate: 2.0e-5
num_train_epochs: 1
packing: true
max_length: 2048
per_device_train_batch_size: 2
gradient_accumulation_steps: 8
gradient_checkpointing: true
use_peft: true
lora_r: 32
lora_target_modules: ".*\\\\.(q|v)_proj"
`,
  'torchtune.yaml': `# tune run --nproc_per_node 4 lora_finetune_distributed
model:
  _component_: torchtune.models.llama3_1.lora_llama3_1_8b
  lora_attn_modules: ['q_proj', 'v_proj']
  lora_rank: 16
tokenizer: { _component_: torchtune.models.llama3.llama3_tokenizer, max_seq_len: 4096 }
dataset: { _component_: torchtune.datasets.alpaca_cleaned_dataset, packed: True }
batch_size: 2
epochs: 2
max_steps_per_epoch: 50
size: 4
gradient_accumulation_steps: \${size}
optimizer: { _component_: torch.optim.AdamW, fused: True }
loss: { _component_: torchtune.modules.loss.LinearCrossEntropyLoss }
dtype: bf16
enable_activation_checkpointing: True
`,
  'litgpt.yaml': `checkpoint_dir: checkpoints/meta-llama/Llama-3.2-1B
devices: 4
precision: bf16-true
lora_r: 8
quantize: bnb.nf4-dq
train: { global_batch_size: 8, micro_batch_size: 2, epochs: 1, max_seq_length: 512 }
`,
  'torchtitan.toml': `[model]
name = "llama3"
flavor = "8B"

[training]
local_batch_size = 1
seq_len = 8192
steps = 1000

[parallelism]
data_parallel_shard_degree = -1
tensor_parallel_degree = 2

[activation_checkpoint]
mode = "selective"
`,
  'megatron.yaml': `MODEL_ARGS:
  --num-layers: 12
  --hidden-size: 512
  --num-attention-heads: 8
  --micro-batch-size: 4
  --global-batch-size: 32
  --seq-length: 1024
  --train-iters: 100
  --bf16: true
  --tensor-model-parallel-size: 2
`,
  'automodel.yaml': `# torchrun --nproc-per-node=8 finetune.py
step_scheduler: { global_batch_size: 64, local_batch_size: 2, max_steps: 100 }
model: { _target_: nemo_automodel.NeMoAutoModelForCausalLM.from_pretrained, pretrained_model_name_or_path: meta-llama/Llama-3.2-1B }
peft: { _target_: nemo_automodel.components._peft.lora.PeftConfig, target_modules: '*_proj', dim: 8 }
distributed: { _target_: nemo_automodel.FSDP2Manager, tp_size: 1, cp_size: 1 }
dataset: { _target_: nemo_automodel.datasets.HellaSwag, seq_length: 1024 }
`,
  'nanotron.yaml': `general: { project: p, run: r, seed: 42 }
model:
  model_config: { hidden_size: 2048, intermediate_size: 8192, num_attention_heads: 32, num_hidden_layers: 16, num_key_value_heads: 8, vocab_size: 49152, max_position_embeddings: 2048, tie_word_embeddings: true }
optimizer: { zero_stage: 1, accumulate_grad_in_fp32: true }
parallelism: { dp: 4, tp: 2, pp: 1 }
tokens: { micro_batch_size: 2, sequence_length: 2048, batch_accumulation_per_replica: 8, train_steps: 1000 }
`,
  'foundry.yaml': `max_duration: 1ep
model: { name: hf_causal_lm, pretrained_model_name_or_path: mistralai/Mistral-7B-v0.1 }
train_loader: { name: finetuning, dataset: { hf_name: tatsu-lab/alpaca, max_seq_len: 2048 } }
global_train_batch_size: 64
device_train_microbatch_size: 1
precision: amp_bf16
fsdp_config: { sharding_strategy: FULL_SHARD, activation_checkpointing: true }
optimizer: { name: decoupled_adamw, lr: 1.0e-5 }
`,
  'autotrain.yml': `task: llm-sft
base_model: HuggingFaceTB/SmolLM2-1.7B-Instruct
project_name: p
data: { path: HuggingFaceH4/no_robots, train_split: train, chat_template: tokenizer }
params: { block_size: 1024, model_max_length: 2048, epochs: 1, batch_size: 1, lr: 1e-5, peft: true, quantization: int4, target_modules: all-linear, mixed_precision: bf16, gradient_accumulation: 8 }
`,
  'oumi.yaml': `model: { model_name: meta-llama/Llama-3.2-1B-Instruct, model_max_length: 8192, torch_dtype_str: bfloat16, freeze_layers: [visual] }
data: { train: { pack: false, datasets: [{ dataset_name: yahma/alpaca-cleaned, sample_count: 100 }] } }
training: { trainer_type: TRL_SFT, use_peft: true, per_device_train_batch_size: 4, max_steps: 20, eval_strategy: steps, grpo: { use_vllm: true }, trainer_kwargs: { packing: true } }
peft: { q_lora: true, lora_r: 16, bnb_4bit_quant_type: nf4 }
fsdp: { enable_fsdp: true, sharding_strategy: HYBRID_SHARD, mixed_precision: bf16 }
deepspeed: { enable_deepspeed: false, zero_stage: ZERO_3, offload_optimizer: { device: cpu } }
`,
  'swift.sh': `#!/bin/bash
NPROC_PER_NODE=4
export CUDA_VISIBLE_DEVICES=0,1,2,3
swift sft --model Qwen/Qwen2.5-7B-Instruct --train_type lora --dataset 'AI-ModelScope/alpaca-gpt4-data-zh#500' \\
  --torch_dtype bfloat16 --num_train_epochs 1 --per_device_train_batch_size 1 --lora_rank 8 \\
  --target_modules all-linear --gradient_accumulation_steps 16 --max_length 2048 --deepspeed zero2
`,
  'launch.sh': `#!/bin/bash
#SBATCH --nodes=2
#SBATCH --gpus-per-node=8
GPUS=\${GPUS:-8}
BS=$((GPUS / 4))
accelerate launch --num_processes $GPUS --config_file accelerate.yaml train.py \\
  --model_name_or_path "Qwen/Qwen2.5-7B" --per_device_train_batch_size "$BS" --bf16 True --deepspeed ds_z3.json
if [ "$BS" -gt 1 ]; then axolotl train axolotl.yml --micro-batch-size=$BS; fi
for f in llama-factory.yaml; do llamafactory-cli train $f learning_rate=1e-5; done
`,
  'accelerate.yaml': `compute_environment: LOCAL_MACHINE
distributed_type: FSDP
fsdp_config: { fsdp_sharding_strategy: FULL_SHARD, fsdp_offload_params: false, fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP }
mixed_precision: bf16
num_machines: 1
num_processes: 8
`,
  'verl.sh': `python3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo data.train_batch_size=1024 \\
  data.max_prompt_length=512 data.max_response_length=1024 actor_rollout_ref.model.path=Qwen/Qwen2.5-7B \\
  actor_rollout_ref.actor.ppo_mini_batch_size=256 actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=16 \\
  actor_rollout_ref.actor.fsdp_config.param_offload=False trainer.n_gpus_per_node=8 trainer.nnodes=1 $@
`,
  'openrlhf.sh': `deepspeed --module openrlhf.cli.train_sft --max_len 2048 --dataset Open-Orca/OpenOrca --train_batch_size 256 \\
  --micro_train_batch_size 2 --pretrain meta-llama/Meta-Llama-3-8B --zero_stage 2 --bf16 --gradient_checkpointing --adam_offload
`,
  'task.yaml': `resources: { accelerators: A100-80GB:8, use_spot: true }
num_nodes: 1
envs: { MODEL: Qwen/Qwen2.5-7B }
run: |
  torchrun --nproc_per_node=$SKYPILOT_NUM_GPUS_PER_NODE train.py --model_name_or_path $MODEL --bf16 True --per_device_train_batch_size 1
`,
  'adapter_config.json': `{ "peft_type": "LORA", "r": 16, "target_modules": ["q_proj", "v_proj"], "lora_dropout": 0.05 }
`,
  'models/tiny/config.json': `{ "model_type": "llama", "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8, "intermediate_size": 1024, "vocab_size": 32000 }
`,
}

/** A policy with every kind of limit. */
export const POLICY_SEED = `version: 1
hardware: { gpu: a100-sxm-80gb, gpus: 8, price: { per_gpu_hour: 27.08, currency: CNY } }
currency: CNY
exchange_rates: { USD: 7.1 }
retries: 2
estimator: detailed
budget:
  cost: { warn: 80, fail: 100 }
  cost_increase: { warn: 10%, fail: 25% }
  hours: { fail: 24 }
  gpu_hours: { fail: 200 }
  memory: { warn: 90%, fail: 100% }
fail_on: new
on_unknown: warn
override_label: preflop-approved
datasets: { my-org/sft-v4: { samples: 120000, mean_tokens: 480 } }
models: { my-org/secret-7b: models/tiny/config.json }
configs:
  - paths: ["configs/prod/**"]
    hardware: { gpu: h100-sxm-80gb, gpus: 16 }
    budget: { cost: { fail: 500 } }
  - paths: ["**/archive/**"]
    ignore: true
`
