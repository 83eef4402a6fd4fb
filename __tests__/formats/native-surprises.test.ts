import { describe, expect, test } from '@jest/globals'
import { countModel } from '../../src/models/count-parameters.ts'
import { countedTensors } from '../../src/models/counted-tensors.ts'
import { findModelBuilder } from '../../src/models/model-builders.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { readText } from './read-text.ts'

function litgptParameters(name: string): number {
  const found = findModelBuilder('litgpt', name)
  const { architecture } = readArchitecture(found?.kind === 'inline' ? found.config : {}, { name })
  const tensors = architecture ? countedTensors(architecture) : []
  return tensors.reduce((sum, { tensor, layers }) => sum + tensor.parameters * layers, 0)
}

function foundryText(line: string): string {
  return `max_duration: 2ep
max_seq_len: 1024
train_loader: {name: finetuning}
global_train_batch_size: 16
${line}
model: {name: hf_causal_lm, pretrained_model_name_or_path: org/model}
`
}

const TORCHTUNE_QLORA = `model:
  _component_: torchtune.models.BUILDER
  lora_attn_modules: ['q_proj', 'v_proj']
  apply_lora_to_mlp: False
  lora_rank: 8
  quantize_base: True
tokenizer: {_component_: torchtune.models.llama3.llama3_tokenizer, max_seq_len: 2048}
dataset: {_component_: torchtune.datasets.alpaca_dataset}
batch_size: 2
epochs: 1
optimizer: {_component_: torch.optim.AdamW}
loss: {_component_: torchtune.modules.loss.LinearCrossEntropyLoss}
dtype: bf16
`

async function torchtuneQuantized(builder: string): Promise<number> {
  const { plan } = await readText(TORCHTUNE_QLORA.replace('BUILDER', builder))
  const found = findModelBuilder('torchtune', (builder.split('.')[1] ?? '').replace(/^lora_/, ''))
  const { architecture } = readArchitecture(found?.kind === 'inline' ? found.config : {}, { name: builder })
  return architecture ? countModel(architecture, plan).counts.quantized : 0
}

const MEGATRON = `MODEL_ARGS:
  --num-layers: 32
  --hidden-size: 64
  --num-attention-heads: 4
  --seq-length: 128
  --max-position-embeddings: 128
  --micro-batch-size: 1
  --train-iters: 5
  --bf16: true
`

describe('what the native trainers do that one would not expect', () => {
  test('LitGPT: frozen weights are float32 without `precision`', async () => {
    const text = 'checkpoint_dir: checkpoints/meta-llama/Llama-3.2-1B\nlora_r: 8\ntrain: {micro_batch_size: 1}\n'
    const one = await readText(text)
    expect(one.plan.precision).toMatchObject({ weights: 'float32', compute: 'bfloat16', autocast: true })
    expect(one.plan.gradientCheckpointing).toBe('none')
    expect((await readText(`${text}devices: 2\n`)).plan.gradientCheckpointing).toBe('full')
  })

  test('LitGPT unties embeddings: Llama 3.2 1B trains 1.498 billion parameters', () => {
    expect(litgptParameters('Llama-3.2-1B') / 1e9).toBeCloseTo(1.498, 3)
  })

  test('torchtune: QLoRA on Qwen packs only what has an adapter, on Llama every matrix of the blocks', async () => {
    const { q, v } = { q: 3584 * 3584 + 3584, v: 3584 * 512 + 512 }
    expect(await torchtuneQuantized('qwen2_5.lora_qwen2_5_7b_base')).toBe(28 * (q + v))
    const llama = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14_336)
    expect(await torchtuneQuantized('llama3_1.lora_llama3_1_8b')).toBe(llama)
  })

  test('torchtitan: every second layer is recomputed, not none; one logit in float32', async () => {
    const text = '[model]\nname = "llama3"\nflavor = "8B"\n[training]\nsteps = 10\n'
    const { plan } = await readText(text, { path: 'job.toml' })
    expect(plan).toMatchObject({ gradientCheckpointing: { every: 2 }, loss: 'full_logits' })
    const none = await readText(`${text}[activation_checkpoint]\nmode = "none"\n`, { path: 'job.toml' })
    expect(none.plan.gradientCheckpointing).toBe('none')
  })

  test('Megatron: bf16 keeps float32 main gradients; multi-head, tied and biased unless told', async () => {
    const text = `MODEL_ARGS:
  --num-layers: 2
  --hidden-size: 64
  --num-attention-heads: 4
  --num-query-groups: 2
  --seq-length: 128
  --max-position-embeddings: 128
  --micro-batch-size: 1
  --train-iters: 5
  --bf16: true
`
    const { plan } = await readText(text)
    expect(plan.precision).toMatchObject({ weights: 'bfloat16', gradients: 'float32', masterWeights: true })
    const config = JSON.parse(plan.model ?? '{}').config
    expect(config).toMatchObject({
      num_key_value_heads: 4,
      tie_word_embeddings: true,
      qkv_bias: true,
      position_embeddings: 'learned',
    })
  })

  test.each([
    ['--exp-avg-dtype: bf16\n  --exp-avg-sq-dtype: bf16\n  --main-grads-dtype: bf16', 'float32', 'float32'],
    [
      '--exp-avg-dtype: bf16\n  --exp-avg-sq-dtype: bf16\n  --main-grads-dtype: bf16\n  --use-precision-aware-optimizer: true',
      'bfloat16',
      'bfloat16',
    ],
    ['--exp-avg-dtype: fp8\n  --exp-avg-sq-dtype: fp8\n  --use-precision-aware-optimizer: true', 'fp8', 'float32'],
  ])('Megatron: %j gives %s moments and %s gradients', async (lines, moments, gradients) => {
    const { plan } = await readText(`${MEGATRON}  ${lines}\n`)
    expect(plan.precision).toMatchObject({ optimizerStates: moments, gradients })
  })

  test.each([
    ['uniform\n  --recompute-num-layers: 1', 'full'],
    ['block\n  --recompute-num-layers: 8', { every: 4 }],
    ['block\n  --recompute-num-layers: 8\n  --pipeline-model-parallel-size: 4', 'full'],
    ['block\n  --recompute-num-layers: 24', { every: 2 }],
  ])('Megatron: full recomputation by %j is %j', async (method, expected) => {
    const { plan } = await readText(`${MEGATRON}  --recompute-granularity: full\n  --recompute-method: ${method}\n`)
    expect(plan.gradientCheckpointing).toEqual(expected)
  })

  test.each([
    ['LitGPT', 'checkpoint_dir: c/Llama-3.2-1B\ndevices: 2\ntrain: {micro_batch_size: 1}\n', true],
    ['Automodel', 'step_scheduler: {local_batch_size: 1}\nmodel: {pretrained_model_name_or_path: o/m}\n', true],
    ['torchtune', TORCHTUNE_QLORA.replace('BUILDER', 'llama3_1.lora_llama3_1_8b'), false],
    ['LLM Foundry', foundryText('fsdp_config: {}'), false],
  ])('%s keeps unsharded gradients between micro-batches: %#', async (_name, text, keeps) => {
    expect((await readText(text)).plan.parallelism.noSync).toBe(keeps)
  })
})
