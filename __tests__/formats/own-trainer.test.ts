import { describe, expect, test } from '@jest/globals'
import { readText } from './read-text.ts'

/** Arguments that every trainer around transformers takes, as a script hands them on. */
const BASE = `model_name_or_path: org/model
output_dir: out
per_device_train_batch_size: 2
num_train_epochs: 1
bf16: true
`

const read = (over: string, path = 'scripts/train.py run.yaml', facts = {}) => readText(BASE + over, { path, facts })

describe('adapters under names of people’s own trainers', () => {
  test.each([
    ['lora_enable: true\nlora_r: 128\n', 128],
    ['use_lora: true\nlora_rank: 32\n', 32],
    ['use_peft: true\nlora_rank: 4\n', 4],
    ['q_lora: false\nlora_r: 12\nlora_rank: 12\n', 12],
    ['use_llm_lora: 24\n', 24],
    ['use_lora: true\n', 16],
  ])('%j', async (over, rank) => {
    const { format, plan } = await read(over)
    expect([format, plan.adapter?.type, plan.adapter?.rank, plan.quantization]).toEqual([
      'transformers',
      'lora',
      rank,
      'none',
    ])
  })

  test.each(['use_lora: false\nlora_rank: 8\n', 'use_llm_lora: 0\n', 'train_mode: full\nlora_rank: 8\n', 'bits: 16\n'])(
    'off: %j',
    async over => {
      expect((await read(over)).plan.adapter).toBeNull()
    },
  )

  test('a program called after LoRA trains it although no key says so', async () => {
    expect((await read('', 'scripts/qlora.py run.yaml')).plan).toMatchObject({
      adapter: { type: 'lora' },
      quantization: 'nf4-double',
    })
    expect((await read('', 'lora/train.py run.yaml')).plan.adapter).toBeNull()
  })

  test('targets and modules that train in full', async () => {
    const { plan } = await read('lora_rank: 8\ntrainable: "q_proj,v_proj"\nmodules_to_save: "embed_tokens,lm_head"\n')
    expect(plan.adapter).toMatchObject({
      targetModules: ['q_proj', 'v_proj'],
      modulesToSave: ['embed_tokens', 'lm_head'],
    })
  })
})

describe('quantization', () => {
  test.each([
    ['bits: 4\nlora_modules: all\n', 'nf4-double'],
    ['bits: 4\ndouble_quant: false\n', 'nf4'],
    ['bits: 4\nquant_type: fp4\n', 'fp4'],
    ['load_in_kbits: 8\n', 'int8'],
    ['use_lora: true\nq_lora: true\n', 'nf4-double'],
    ['train_mode: qlora\n', 'nf4-double'],
    ['use_lora: true\nload_in_8bit: true\n', 'int8'],
  ])('%j', async (over, quantization) => {
    const { plan } = await read(over)
    expect([plan.adapter?.type, plan.quantization, plan.precision.weights]).toEqual(['lora', quantization, 'float32'])
  })
})

describe('what of a vision model trains', () => {
  test.each([
    ['tune_mm_llm: true\ntune_mm_vision: false\ntune_mm_mlp: true\n', ['vision_tower']],
    ['tune_mm_llm: false\nfreeze_vision_tower: true\nfreeze_merger: false\n', ['vision_tower', 'language_model']],
  ])('%j', async (over, patterns) => {
    const { plan } = await read(over, undefined, { hasVision: true })
    expect(plan.freeze.kind === 'patterns' && [...plan.freeze.patterns].sort()).toEqual([...patterns].sort())
  })

  test('a text model has no such part', async () => {
    expect((await read('tune_mm_llm: false\n')).plan.freeze).toEqual({ kind: 'none' })
  })

  test('a tower beside a text model is said to be left out', async () => {
    expect((await read('vision_tower: openai/clip-vit-large-patch14-336\n')).codes).toContain('unsupported-option')
  })
})

describe('a DeepSpeed switch without a value', () => {
  test.each([
    ['deepspeed: true\nzero_stage: 3\noffload: true\n', 'zero3', 'parameters_and_optimizer'],
    ['deepspeed: true\nzero_stage: 2\n', 'zero2', 'none'],
  ])('%j', async (over, data, offload) => {
    const { plan, codes } = await read(over)
    expect([plan.parallelism.data, plan.parallelism.offload, codes]).toEqual([data, offload, []])
  })

  test('with a file', async () => {
    const text = `${BASE}deepspeed: true\ndeepspeed_config: ds.json\n`
    const { plan } = await readText(text, { files: { 'ds.json': '{"zero_optimization": {"stage": 1}}' } })
    expect(plan.parallelism.data).toBe('zero1')
  })
})

test('question and answer are one sequence of a decoder', async () => {
  const { plan } = await read('source_max_len: 16\ntarget_max_len: 512\n')
  expect(plan.sequenceLength).toBe(528)
  const halves = 'max_source_length: 384\nmax_target_length: 128\n'
  expect((await read(halves)).plan.sequenceLength).toBe(512)
  expect((await read(halves, undefined, { modelType: 't5' })).plan.sequenceLength).toBe(384)
})

describe('which trainer it is', () => {
  test('preference training of one’s own is TRL’s, with the adapter read all the same', async () => {
    const { format, plan, codes } = await read('use_lora: true\nlora_rank: 8\nbeta: 0.1\n')
    expect([format, plan.stage, plan.adapter?.rank, codes]).toEqual(['trl', 'dpo', 8, []])
  })

  test('TRL itself counts lora_r only under use_peft', async () => {
    const { format, plan, codes } = await readText(`${BASE}dataset_name: org/data\nlora_r: 8\n`)
    expect([format, plan.adapter, codes]).toEqual(['trl', null, ['ignored-key']])
    const off = await readText(`${BASE}dataset_name: org/data\nlora_r: 8\nuse_peft: false\n`)
    expect(off.codes).toEqual([])
  })

  test('sequence-to-sequence lengths do not make it MaxText', async () => {
    expect((await read('max_target_length: 256\n')).format).toBe('transformers')
  })
})
