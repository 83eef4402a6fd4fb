import { describe, expect, test } from '@jest/globals'
import { countedTensors } from '../../src/models/counted-tensors.ts'
import { countedModelBuilders } from '../../src/models/model-builders.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { readText } from './read-text.ts'

const TORCHTUNE = `# tune run --nproc_per_node 4 lora_finetune_distributed --config llama3_1/8B_lora
model:
  _component_: torchtune.models.llama3_1.lora_llama3_1_8b
  lora_attn_modules: ['q_proj', 'v_proj', 'output_proj']
  apply_lora_to_mlp: True
  lora_rank: 16
tokenizer: {_component_: torchtune.models.llama3.llama3_tokenizer, max_seq_len: 4096}
dataset: {_component_: torchtune.datasets.alpaca_cleaned_dataset, packed: True}
batch_size: 2
epochs: 2
max_steps_per_epoch: 50
gradient_accumulation_steps: 8
optimizer: {_component_: torch.optim.AdamW, fused: True}
loss: {_component_: torchtune.modules.loss.LinearCrossEntropyLoss}
dtype: bf16
enable_activation_checkpointing: True
`

describe('torchtune', () => {
  test('bf16 has no float32 copy of anything; the header comment gives the GPUs', async () => {
    const { format, plan } = await readText(TORCHTUNE)
    expect(format).toBe('torchtune')
    expect(plan.precision).toMatchObject({ weights: 'bfloat16', masterWeights: false, autocast: false })
    expect(plan.gpus).toBe(4)
    expect(plan.adapter).toMatchObject({
      rank: 16,
      targetModules: ['q_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
    })
    expect(plan.parallelism.data).toBe('fsdp2')
    expect(plan.dataset.maxSteps).toBe(100)
    expect(plan).toMatchObject({ packing: true, sequenceLength: 4096, gradientCheckpointing: 'full' })
  })

  test('a qlora builder quantises the base twice over', async () => {
    const { plan } = await readText(TORCHTUNE.replace('.lora_llama', '.qlora_llama'))
    expect(plan.quantization).toBe('nf4-double')
  })

  test('interpolation takes the value of the same file', async () => {
    const { plan } = await readText(TORCHTUNE.replace('batch_size: 2', 'size: 3\nbatch_size: $' + '{size}'))
    expect(plan.microBatchSize).toBe(3)
  })
})

const LITGPT = `checkpoint_dir: checkpoints/meta-llama/Llama-3.2-1B
devices: 1
lora_r: 8
train: {global_batch_size: 8, micro_batch_size: 2, epochs: 1, max_seq_length: 512}
`

describe('LitGPT', () => {
  test('without `precision` the frozen weights are float32 and one GPU never checkpoints', async () => {
    const { format, plan } = await readText(LITGPT)
    expect(format).toBe('litgpt')
    expect(plan.precision).toMatchObject({ weights: 'float32', compute: 'bfloat16', autocast: true })
    expect(plan).toMatchObject({ gradientCheckpointing: 'none', gradientAccumulationSteps: 4 })
  })

  test('several GPUs checkpoint every block and keep unsharded gradients', async () => {
    const { plan } = await readText(LITGPT.replace('devices: 1', 'devices: 4'), {})
    expect(plan.gradientCheckpointing).toBe('full')
    expect(plan.parallelism).toMatchObject({ noSync: true, data: 'fsdp2' })
    expect(plan.gradientAccumulationSteps).toBe(1)
  })

  test('less than a micro-batch a rank stops it', async () => {
    expect((await readText(LITGPT.replace('devices: 1', 'devices: 4'))).codes).not.toContain('will-not-start')
    expect((await readText(LITGPT.replace('devices: 1', 'devices: 8'))).codes).toContain('will-not-start')
  })

  test('quantization brings the paged optimizer', async () => {
    const { plan } = await readText(`${LITGPT}quantize: bnb.nf4-dq\nprecision: bf16-true\n`)
    expect(plan).toMatchObject({ quantization: 'nf4-double', optimizerPaged: true })
    expect(plan.precision.optimizerStates).toBe('float32')
  })
})

const TITAN = `[model]
name = "llama3"
flavor = "8B"
[training]
seq_len = 8192
steps = 1000
`

describe('torchtitan', () => {
  test('without a table every second layer is recomputed and logits are whole', async () => {
    const { format, plan } = await readText(TITAN, { path: 'llama3_8b.toml' })
    expect(format).toBe('torchtitan')
    expect(plan).toMatchObject({ gradientCheckpointing: { every: 2 }, loss: 'full_logits', microBatchSize: 8 })
    expect(plan.precision).toMatchObject({ weights: 'float32', compute: 'bfloat16' })
  })

  test('the keys of 2024 stand under `training`', async () => {
    const text = `${TITAN}batch_size = 2\ntensor_parallel_degree = 1\ncompile = true\n`
    const { plan } = await readText(text, { path: 'legacy.toml' })
    expect(plan).toMatchObject({ microBatchSize: 2, compile: true, compileLoss: null })
  })

  test.each([
    ['enable = true\ncomponents = ["model"]', true, false],
    ['enable = true\ncomponents = ["loss"]', false, true],
    ['enable = false\ncomponents = ["model", "loss"]', false, false],
  ])('compile.components: %s', async (lines, compile, compileLoss) => {
    const { plan } = await readText(`${TITAN}\n[compile]\n${lines}\n`, { path: 'compiled.toml' })
    expect(plan).toMatchObject({ compile, compileLoss })
  })
})

const MEGATRON = `MODEL_ARGS:
  --num-layers: 12
  --hidden-size: 512
  --num-attention-heads: 8
  --micro-batch-size: 4
  --global-batch-size: 32
  --seq-length: 1024
  --train-iters: 100
`

describe('Megatron-LM', () => {
  test('bf16 keeps float32 gradients and masters; one key-value head a query head unless grouped', async () => {
    const { format, plan } = await readText(`${MEGATRON}  --bf16: true\n  --num-query-groups: 2\n`)
    expect(format).toBe('megatron-lm')
    expect(plan.precision).toMatchObject({ weights: 'bfloat16', gradients: 'float32', masterWeights: true })
    expect(plan.model).toContain('"num_key_value_heads":8')
    expect(plan.gradientAccumulationSteps).toBe(8)
  })

  test('without a flag everything is float32', async () => {
    const { plan } = await readText(MEGATRON)
    expect(plan.precision).toMatchObject({ weights: 'float32', masterWeights: false })
  })

  test('how experts are launched and reached', async () => {
    const { plan } = await readText(MEGATRON)
    expect(plan).toMatchObject({
      fusedExperts: false,
      parallelism: { expertDispatcher: 'allgather', overlapsExperts: false },
    })
    expect((await readText(`${MEGATRON}  --moe-token-dispatcher-type: flex\n`)).plan.parallelism.expertDispatcher).toBe(
      'flex',
    )
  })
})

test.each([
  ['maxtext', 'base_config: base.yml\nper_device_batch_size: 4\n'],
  ['levanter', 'trainer:\n  mp: p=f32,c=bfloat16\n  train_batch_size: 256\n'],
])('%s is declined by name', async (format, text) => {
  const read = await readText(text)
  expect(read.format).toBe(format)
  expect(read.codes).toContain('unsupported-format')
})

test('builders allocate the parameters that their framework allocates', () => {
  const wrong = countedModelBuilders().flatMap(({ framework, name, config, parameters }) => {
    const { architecture } = readArchitecture(config, { name })
    const counted = architecture
      ? countedTensors(architecture).reduce((sum, { tensor, layers }) => sum + tensor.parameters * layers, 0)
      : 0
    return Math.abs(counted - parameters) / parameters > 0.002 ? [`${framework} ${name} ${counted} ${parameters}`] : []
  })
  expect(wrong).toEqual([])
})

test('NeMo Automodel keeps unsharded gradients while accumulating and counts the batch over all ranks', async () => {
  const { format, plan } = await readText(`# torchrun --nproc-per-node=8 x.py
step_scheduler: {global_batch_size: 64, local_batch_size: 2, max_steps: 100}
model: {pretrained_model_name_or_path: org/model}
distributed: {strategy: fsdp2, tp_size: 2, dp_size: none}
`)
  expect(format).toBe('nemo-automodel')
  expect(plan).toMatchObject({ gpus: 8, microBatchSize: 2, gradientAccumulationSteps: 8 })
  expect(plan.parallelism).toMatchObject({ tensor: 2, data: 'fsdp2', noSync: true })
})

test('nanotron: the degrees give the GPUs, float32 accumulation the master copy', async () => {
  const { format, plan } = await readText(`parallelism: {dp: 4, tp: 2, pp: 1}
tokens: {sequence_length: 2048, micro_batch_size: 3, batch_accumulation_per_replica: 2, train_steps: 50}
optimizer: {zero_stage: 1, accumulate_grad_in_fp32: true}
model: {dtype: bfloat16, model_config: {hidden_size: 64, num_hidden_layers: 2}}
`)
  expect(format).toBe('nanotron')
  expect(plan).toMatchObject({ gpus: 8, gradientAccumulationSteps: 2, sequenceLength: 2048 })
  expect(plan.precision).toMatchObject({ gradients: 'float32', masterWeights: true })
  expect(plan.parallelism).toMatchObject({ data: 'zero1', tensor: 2 })
})

test('nanotron: checkpoints, scattered rows, token folders, softmax kept in float32', async () => {
  const text = (factory: string): string => `parallelism: {dp: 4, tp: 2, pp: 1, tp_mode: REDUCE_SCATTER}
tokens: {sequence_length: 2048, micro_batch_size: 3, train_steps: 50}
optimizer: {zero_stage: 0, accumulate_grad_in_fp32: true, optimizer_factory: {torch_adam_is_fused: ${factory}}}
model: {dtype: bfloat16, model_config: {hidden_size: 64, num_hidden_layers: 2}}
checkpoints: {checkpoint_interval: 20, checkpoints_path: out}
data_stages:
- {name: one, start_training_step: 1, data: {dataset: {dataset_folder: [tokens/a, tokens/b]}}}
- {name: two, start_training_step: 9, data: {dataset: {hf_dataset_or_datasets: org/c}}}
`
  const { plan } = await readText(text('true'))
  expect(plan).toMatchObject({
    loss: 'vocab_parallel',
    optimizerImplementation: 'fused',
    parallelism: { sequenceParallel: true },
    checkpoints: { everySteps: 20, includesOptimizer: true },
    dataset: { padding: 'none', names: ['tokens/a', 'tokens/b', 'org/c'] },
  })
  expect((await readText(text('false'))).plan.optimizerImplementation).toBe('foreach')
  expect((await readText(text('true').replace('tp: 2', 'tp: 1'))).plan.parallelism.sequenceParallel).toBe(false)
})

test('LLM Foundry loads float32 weights, for LoRA too', async () => {
  const { format, plan } = await readText(`max_duration: 2ep
max_seq_len: 1024
train_loader: {name: finetuning}
global_train_batch_size: 16
device_train_microbatch_size: 2
model: {name: hf_causal_lm, pretrained_model_name_or_path: org/model, peft_config: {r: 16}}
`)
  expect(format).toBe('llm-foundry')
  expect(plan.precision.weights).toBe('float32')
  expect(plan).toMatchObject({ microBatchSize: 2, gradientAccumulationSteps: 8, adapter: { rank: 16 } })
})

test('torchtune reads several datasets like one, and evaluation is no run', async () => {
  const several = await readText(
    TORCHTUNE.replace(/^dataset: .*$/m, 'datasets: [{source: org/one}, {source: org/two}]'),
  )
  expect(several.format).toBe('torchtune')
  expect(several.plan).toMatchObject({ packing: false, sequenceLength: 4096 })
  expect((await readText(TORCHTUNE.replace(/^optimizer: .*$/m, 'tasks: [mmlu]'))).format).toBeNull()
})

describe('NeMo Automodel data and experts', () => {
  const LLM = 'nemo_automodel.components.datasets.llm'
  const recipe = (dataset: string, backend = '{}') => `step_scheduler: { global_batch_size: 8, max_steps: 5 }
model: { pretrained_model_name_or_path: org/model, backend: ${backend} }
dataset: ${dataset}
`
  test.each([
    [
      'mock data fills every sample',
      `{ _target_: ${LLM}.mock_iterable_dataset.MockIterableDataset, seq_len: 4096 }`,
      4096,
    ],
    ['with 1,024 tokens unless told', `{ _target_: ${LLM}.mock_iterable_dataset.MockIterableDataset }`, 1024],
    ['so do slices of a token stream', `{ _target_: ${LLM}.nanogpt_dataset.NanogptDataset, seq_len: 512 }`, 512],
  ])('%s', async (_, dataset, sequenceLength) => {
    const { plan } = await readText(recipe(dataset))
    expect(plan).toMatchObject({ sequenceLength, variableLength: false })
  })
  test.each([
    ['{ force_hf: true }', 'liger'],
    ['{ force_hf: true, use_liger_kernel: false }', 'none'],
    ['{}', 'none'],
  ])('Liger patches layers of transformers: %s', async (more, fusedKernels) => {
    const own = more.replace('{', '{ pretrained_model_name_or_path: org/model, ')
    const { plan } = await readText(`step_scheduler: { global_batch_size: 8 }\nmodel: ${own}\n`)
    expect(plan).toMatchObject({ fusedKernels })
  })
  test('samples of text are padded', async () => {
    const { plan } = await readText(recipe(`{ _target_: ${LLM}.squad.make_squad_dataset, seq_length: 512 }`))
    expect(plan).toMatchObject({ sequenceLength: 512, variableLength: true })
  })
  test.each([
    ['{ dispatcher: torch }', 'allgather'],
    ['{ dispatcher: uccl_ep }', 'flex'],
    ['{ experts: torch_mm }', null],
  ])('%s sends tokens by %s', async (backend, expertDispatcher) => {
    const { plan } = await readText(recipe('{ seq_length: 512 }', backend))
    expect(plan.parallelism).toMatchObject({ expertDispatcher })
  })
})

describe('NeMo Automodel pipelines', () => {
  const recipe = (distributed: string) => `recipe: TrainFinetuneRecipeForNextTokenPrediction
step_scheduler: { global_batch_size: 64, local_batch_size: 8, max_steps: 5 }
model: { _target_: nemo_automodel.NeMoAutoModelForCausalLM.from_pretrained, pretrained_model_name_or_path: org/model }
dataset: { _target_: nemo_automodel.components.datasets.llm.squad.make_squad_dataset, seq_length: 1024 }
distributed: ${distributed}
`
  test.each([
    ['{ strategy: fsdp2, pp_size: none }', 8, 1],
    ['{ strategy: fsdp2, pp_size: 2, pipeline: { pp_microbatch_size: 4 } }', 4, 4],
    ['{ strategy: fsdp2, pp_size: 8 }', 1, 64],
  ])('%s: micro-batches of %i, %i of them a step', async (distributed, microBatchSize, gradientAccumulationSteps) => {
    const { plan } = await readText(recipe(distributed), { gpus: 8 })
    expect(plan).toMatchObject({ microBatchSize, gradientAccumulationSteps })
  })
})
