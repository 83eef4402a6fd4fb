import { describe, expect, test } from '@jest/globals'
import { applyChanges } from '../../src/advice/apply-changes.ts'
import { findFlag } from '../../src/advice/shell-flags.ts'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'
import type { RunReport } from '../../src/report/report.ts'

const apply = (path: string, text: string, changes: readonly (readonly [key: string, to: unknown])[]) =>
  applyChanges(
    parseDocument(path, text),
    changes.map(([key, to]) => ({ key, to })),
  )

describe('YAML and JSON', () => {
  test('a value is replaced, a key added, comments and the rest stay', () => {
    const text = '# run\nmicro_batch_size: 8 # per GPU\nbf16: yes\n'
    expect(
      apply('a.yml', text, [
        ['micro_batch_size', 2],
        ['gradient_checkpointing', true],
      ]),
    ).toBe('# run\nmicro_batch_size: 2 # per GPU\nbf16: yes\ngradient_checkpointing: true\n')
  })

  test('dotted keys go into their mapping, which is made where there is none', () => {
    expect(
      apply('a.yml', 'model:\n  name: x\n', [
        ['model.quantize_base', true],
        ['loss.name', 'chunked'],
      ]),
    ).toBe('model:\n  name: x\n  quantize_base: true\nloss:\n  name: chunked\n')
  })

  test('JSON stays JSON', () => {
    expect(JSON.parse(apply('a.json', '{ "a": 1, "b": { "c": 2 } }', [['b.c', 3]]) ?? '')).toEqual({
      a: 1,
      b: { c: 3 },
    })
  })

  test.each([
    ['several documents', 'a.yml', 'a: 1\n---\na: 2\n', 'a'],
    ['a scalar where a mapping is needed', 'a.yml', 'a: 1\n', 'a.b'],
    ['no config', 'a.txt', 'a: 1\n', 'a'],
  ])('%s has no place for it', (_name, path, text, key) => {
    expect(apply(path, text, [[key, 3]])).toBeNull()
  })
})

describe('TOML', () => {
  const text = '[training]\nlocal_batch_size = 8 # per GPU\nseq_len = 8192\n\n[compile]\nenable = true\n'

  test('a key is replaced in its own table, or added to it, or the table is added', () => {
    const written = apply('a.toml', text, [
      ['training.local_batch_size', 2],
      ['compile.mode', 'max'],
      ['activation_checkpoint.mode', 'full'],
    ])
    expect(written?.split('\n').slice(0, 8)).toEqual([
      '[training]',
      'local_batch_size = 2',
      'seq_len = 8192',
      '',
      '[compile]',
      'mode = "max"',
      'enable = true',
      '',
    ])
    expect(written).toContain('[activation_checkpoint]\nmode = "full"')
    expect(parseDocument('a.toml', written ?? '').findings).toEqual([])
  })
})

describe('a command line', () => {
  const text = `#!/usr/bin/env bash
torchrun --nproc_per_node 8 train.py \\
  --per_device_train_batch_size 8 \\
  --learning_rate=1e-5 --bf16 \\
  --output_dir "$OUT"
`

  test.each([
    ['per_device_train_batch_size', { line: 3, value: 8 }],
    ['bf16', { line: 4, value: true }],
    ['output_dir', { line: 5, value: '$OUT' }],
    ['gradient_checkpointing', null],
    ['batch_size', null],
  ])('has %s at %j', (key, expected) => {
    expect(findFlag(text, key)).toEqual(expected)
  })

  test('a flag is replaced where it is, a missing one goes to the trainer, not to its launcher', () => {
    expect(
      apply('a.sh', text, [
        ['per_device_train_batch_size', 1],
        ['gradient_checkpointing', true],
      ]),
    ).toBe(
      text.replace('  --per_device_train_batch_size 8', '  --gradient_checkpointing --per_device_train_batch_size 1'),
    )
  })

  test('of two commands neither is touched', () => {
    expect(apply('a.sh', `${text}${text}`, [['per_device_train_batch_size', 1]])).toBeNull()
  })
})

describe('scripts and TOML that do not fit', () => {
  const SWIFT = `#!/usr/bin/env bash
CUDA_VISIBLE_DEVICES=0 swift sft \\
  --model meta-llama/Llama-3.1-8B \\
  --tuner_type lora \\
  --dataset a/b \\
  --torch_dtype bfloat16 \\
  --max_length 8192 \\
  --per_device_train_batch_size 16 \\
  --output_dir out
`
  const TRL = `#!/usr/bin/env bash
accelerate launch --num_processes 8 -m trl.scripts.sft \\
  --model_name_or_path meta-llama/Llama-3.1-8B \\
  --dtype bfloat16 --use_peft --lora_r 16 --lora_target_modules all-linear \\
  --dataset_name a/b --max_length 8192 \\
  --per_device_train_batch_size 16 \\
  --output_dir out
`
  const TITAN = `[model]
name = "llama3"
flavor = "8B"
[training]
local_batch_size = 8
seq_len = 8192
steps = 100
[parallelism]
data_parallel_shard_degree = -1
[activation_checkpoint]
mode = "selective"
`

  test.each([
    ['ms-swift in a script', 'scripts/run.sh', SWIFT, 1],
    ['TRL in a script', 'scripts/run.sh', TRL, 8],
    ['torchtitan', 'configs/llama3_8b.toml', TITAN, 8],
  ])('%s: the first fix passes when it is written into the file', async (_name, path, text, gpus) => {
    const run = await estimate(path, text, gpus)
    expect(run?.verdict).toBe('fail')
    const fixed = applyChanges(parseDocument(path, text), run?.fixes[0]?.changes ?? [])
    expect(fixed).not.toBe(text)
    expect((await estimate(path, fixed ?? '', gpus))?.verdict).toBe('pass')
  })

  async function estimate(path: string, text: string, gpus: number): Promise<RunReport | undefined> {
    const policy = `version: 1\nhardware: { gpu: a100-sxm-80gb, gpus: ${gpus} }\n`
    const report = await runPipeline({
      head: memoryFileSource(new Map([[path, text]])),
      base: null,
      changes: null,
      paths: [],
      policy: createPolicySet(readPolicy(parseDocument('.github/preflop.yml', policy))),
      policyPath: '.github/preflop.yml',
      models: createModelSource({ offline: true }),
    })
    return report.runs[0]
  }
})
