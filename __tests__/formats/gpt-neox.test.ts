import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { countOf } from './described-count.ts'
import { readText } from './read-text.ts'

const SHAPES = `{
  "pipe-parallel-size": 1, # dashes and underscores are the same
  "model_parallel_size": 2,
  "num_layers": 12,
  "hidden_size": 768,
  "num_attention_heads": 12,
  "seq_length": 2048,
  "max_position_embeddings": 2048,
  "pos_emb": "rotary",
  "no_weight_tying": true,
  "make_vocab_size_divisible_by": 64,
}
`
const BATCH = `{
  "train_micro_batch_size_per_gpu": 4,
  "gradient_accumulation_steps": 2,
  "zero_optimization": {"stage": 1, "reduce_bucket_size": 500000000},
  "fp16": {"enabled": true},
  "checkpoint_activations": true,
  "train_iters": 320000,
  "num_gpus": 8,
}
`
const WHOLE = `${SHAPES.trimEnd().slice(0, -1)}${BATCH.slice(1)}`

describe('GPT-NeoX', () => {
  test('the whole plan', async () => {
    const { format, plan, codes } = await readText(WHOLE, { path: 'configs/160M.yml' })
    expect(format).toBe('gpt-neox')
    expect(codes).toEqual([])
    expect(countOf(plan.model)).toBe(162_322_944)
    expect({ ...plan, model: null }).toMatchObject({
      framework: 'gpt-neox',
      stage: 'pretrain',
      adapter: null,
      precision: {
        weights: 'float16',
        compute: 'float16',
        autocast: false,
        gradients: 'float16',
        optimizerStates: 'float32',
        masterWeights: true,
      },
      optimizer: 'adamw',
      optimizerImplementation: 'fused',
      microBatchSize: 4,
      gradientAccumulationSteps: 2,
      sequenceLength: 2048,
      packing: true,
      gradientCheckpointing: 'full',
      checkpointingReentrant: true,
      attention: 'eager',
      loss: 'vocab_parallel',
      gpus: 8,
      parallelism: { data: 'zero1', tensor: 2, pipeline: 1, sequenceParallel: false },
      buffers: { reduceBucketElements: 500_000_000 },
      evaluation: { everySteps: 1000, microBatchSize: 4 },
      checkpoints: null,
      dataset: { maxSteps: 320_000, padding: 'none' },
    })
  })

  test('without a precision everything is float32 and nothing is sharded', async () => {
    const { plan } = await readText(WHOLE.replace(/ {2}"(fp16|zero_optimization)".*\n/g, ''))
    expect(plan.precision).toMatchObject({ weights: 'float32', compute: 'float32', masterWeights: false })
    expect(plan.parallelism.data).toBe('ddp')
  })

  test('bfloat16 without ZeRO sums gradients in float32, with ZeRO in bfloat16', async () => {
    const bf16 = WHOLE.replace('"fp16": {"enabled": true}', '"bf16": {"enabled": true}')
    expect((await readText(bf16)).plan.precision.gradients).toBe('bfloat16')
    const plain = bf16.replace('"stage": 1', '"stage": 0')
    expect((await readText(plain)).plan.precision).toMatchObject({ gradients: 'float32', weights: 'bfloat16' })
    const named = bf16.replace('"bf16"', '"data_types": {"grad_accum_dtype": "fp32"}, "bf16"')
    expect((await readText(named)).plan.precision.gradients).toBe('float32')
  })

  test('a gated width is two thirds of the written one, halved and rounded', async () => {
    const gated = '"activation": "swiglu", "intermediate_size": 32768, "mlp_multiple_of": 256, "num_layers": 12'
    const { plan } = await readText(WHOLE.replace('"num_layers": 12', gated))
    expect(JSON.parse(plan.model ?? '').config).toMatchObject({ intermediate_size: 11008, gated_mlp: true })
  })

  test('the micro-batch follows from train_batch_size with accumulation 1', async () => {
    const text = WHOLE.replace('"train_micro_batch_size_per_gpu": 4', '"train_batch_size": 64').replace(
      '"gradient_accumulation_steps": 2,',
      '',
    )
    expect((await readText(text)).plan).toMatchObject({ microBatchSize: 16, gradientAccumulationSteps: 1 })
  })

  test('layers that are no attention blocks are an unknown model', async () => {
    const mamba = WHOLE.replace('"seq_length"', '"attention_config": [[["mamba"], 12]], "seq_length"')
    expect((await readText(mamba)).codes).toContain('unknown-model')
  })

  test('shapes without a batch size are part of a run', async () => {
    const document = parseDocument('configs/7B.yml', SHAPES)
    const reader = FORMAT_READERS.find(candidate => candidate.recognise(document))
    expect(reader?.format).toBe('gpt-neox')
    const { codes } = await readText(SHAPES, { path: 'configs/7B.yml' })
    expect(codes).toEqual(['missing-key'])
  })

  test.each([
    ['python ./deepy.py train.py -d configs shapes.yml batch', []],
    ['python ./deepy.py train.py configs/shapes.yml configs/batch.yml', []],
    ['python ./deepy.py train.py configs/shapes.yml configs/batch.yml configs/again.yml', ['duplicate-key']],
    ['python ./deepy.py train.py configs/shapes.yml configs/batch.yml configs/gone.yml', ['missing-companion']],
  ])('%s merges the files', async (command, expected) => {
    const files = memoryFileSource(
      new Map(
        Object.entries({
          'run.sh': `${command}\n`,
          'configs/shapes.yml': SHAPES,
          'configs/batch.yml': BATCH,
          'configs/again.yml': '{"train_iters": 5}',
        }),
      ),
    )
    const session = new ReadSession(files, FORMAT_READERS)
    const document = await session.document('run.sh')
    const reader = document && session.readerOf(document)
    expect(reader?.format).toBe('shell')
    if (!document || !reader) return
    const { result } = await session.read(document, reader)
    const [run] = result.runs
    expect(run?.draft.sequenceLength).toMatchObject({ value: 2048, path: 'configs/shapes.yml', line: 7 })
    expect(run?.draft.microBatchSize).toMatchObject({ value: 4, path: 'configs/batch.yml' })
    expect(run?.findings.map(({ code }) => code)).toEqual(expected)
  })

  test('a command that generates is no run', () => {
    const document = parseDocument('generate.sh', 'python ./deepy.py generate.py configs/shapes.yml\n')
    expect(FORMAT_READERS.some(reader => reader.recognise(document))).toBe(false)
  })
})
