import { describe, expect, test } from '@jest/globals'
import { applyChanges } from '../../src/advice/apply-changes.ts'
import { type ArgumentStyle, findFlag, styleOfAdded, writeFlags } from '../../src/advice/shell-flags.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'

type Written = readonly [key: string, to: unknown, style?: ArgumentStyle]

const apply = (path: string, text: string, changes: readonly Written[]) =>
  applyChanges(
    parseDocument(path, text),
    changes.map(([key, to, style]) => ({ key, to, ...(style ? { style } : {}) })),
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
    ['per_device_train_batch_size', { key: 'per_device_train_batch_size', line: 3, value: 8, style: 'flag' }],
    ['bf16', { key: 'bf16', line: 4, value: true, style: 'flag' }],
    ['output_dir', { key: 'output_dir', line: 5, value: '$OUT', style: 'flag' }],
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

describe('a list of words', () => {
  const text = `args:
  # - --per_device_train_batch_size
  - --learning_rate=1e-5
  - --per_device_train_batch_size
  - "8"
  - --max_length='4096'
  - --bf16
  - '--lora_r'
  - 16
`
  const flow =
    'args: ["--learning_rate", "1e-5", "--per_device_train_batch_size", "8", "--max_length=4096", "--bf16"]\n'

  test.each([
    [text, 'per_device_train_batch_size', { line: 5, value: 8, style: 'item' }],
    [text, 'lora_r', { line: 9, value: 16, style: 'item' }],
    [text, 'max_length', { line: 6, value: 4096, style: 'flag' }],
    [text, 'bf16', { line: 7, value: true, style: 'flag' }],
    [flow, 'per_device_train_batch_size', { line: 1, value: 8, style: 'item' }],
    [flow, 'bf16', { line: 1, value: true, style: 'flag' }],
    [text + text, 'lora_r', null],
  ])('%# has %s', (written, key, expected) => {
    expect(findFlag(written, key)).toEqual(expected && { key, ...expected })
  })

  test.each([
    ['a value below its flag', text, 'per_device_train_batch_size', 2, 'item', text.replace('"8"', '"2"')],
    ['a value without quotes', text, 'lora_r', 4, 'item', text.replace('- 16', '- 4')],
    ['a flag and value in one word', text, 'max_length', 1024, 'flag', text.replace("'4096'", "'1024'")],
    ['a new word', text, 'optim', 'sgd', 'item', text.replace('  - --learning', '  - --optim=sgd\n  - --learning')],
    ['a switch', text, 'packing', true, 'item', text.replace('  - --learning', '  - --packing\n  - --learning')],
    ['a value between brackets', flow, 'per_device_train_batch_size', 2, 'item', flow.replace('"8"', '"2"')],
    ['one word of them', flow, 'max_length', 1024, 'flag', flow.replace('=4096', '=1024')],
    ['a new word between brackets', flow, 'optim', 'sgd', 'item', flow.replace('["--l', '["--optim=sgd", "--l')],
  ] as const)('%s', (_, written, key, to, style, expected) => {
    expect(writeFlags(written, [{ key, to, style }])).toBe(expected)
  })
})

describe('Hydra’s assignments, arrays and variables', () => {
  const hydra = `# trainer.micro=9 is what we had
python -m verl.trainer.main_ppo trainer.n=8 \\
  +actor.micro_batch=32 actor.path='a b' \\
  actor.on=False $@
`
  const array = `MBS=16 # per rank
export SEQ="4096"
A=$B
ARGS=(
  --micro-batch-size $MBS
  --seq-length \${SEQ}
  --lr $LR --ranks $A)
run "\${ARGS[@]}" "--bf16"
`

  test.each([
    [hydra, 'trainer.n', { key: 'trainer.n', line: 2, value: 8, style: 'assignment' }],
    [hydra, 'actor.micro_batch', { key: 'actor.micro_batch', line: 3, value: 32, style: 'assignment' }],
    [hydra, 'actor.path', { key: 'actor.path', line: 3, value: 'a b', style: 'assignment' }],
    [hydra, 'trainer.micro', null],
    [array, 'micro_batch_size', { key: 'MBS', line: 1, value: 16, style: 'variable' }],
    [array, 'seq-length', { key: 'SEQ', line: 2, value: 4096, style: 'variable' }],
    [array, 'lr', { key: 'lr', line: 7, value: '$LR', style: 'flag' }],
    [array, 'ranks', { key: 'ranks', line: 7, value: '$A', style: 'flag' }],
    [array, 'bf16', { key: 'bf16', line: 8, value: true, style: 'flag' }],
  ])('%#: %s', (text, key, expected) => expect(findFlag(text, key)).toEqual(expected))

  test('a variable that is set in two places, or by a loop, is not followed', () => {
    expect(findFlag(`MBS=8\n${array}`, 'micro-batch-size')).toMatchObject({ value: '$MBS', style: 'flag' })
    expect(findFlag(`for MBS in 1 2; do\n${array.slice(array.indexOf('\n'))}`, 'micro-batch-size')?.style).toBe('flag')
  })

  test('are written where they stand, new ones beside others of their kind', () => {
    expect(
      apply('a.sh', hydra, [
        ['actor.micro_batch', 4, 'assignment'],
        ['actor.on', true, 'assignment'],
        ['actor.new', true, 'assignment'],
      ]),
    ).toBe(
      hydra
        .replace('+actor.micro_batch=32', '+actor.micro_batch=4')
        .replace('actor.on=False', 'actor.on=True')
        .replace('trainer.n=8', 'actor.new=True trainer.n=8'),
    )
    expect(
      apply('a.sh', array, [
        ['MBS', 2, 'variable'],
        ['SEQ', 2048, 'variable'],
        ['recompute', true, 'flag'],
      ]),
    ).toBe(
      array
        .replace('MBS=16', 'MBS=2')
        .replace('SEQ="4096"', 'SEQ=2048')
        .replace('--micro-batch-size', '--recompute --micro-batch-size'),
    )
  })

  test('the style of a new key is that of the others', () => {
    expect(styleOfAdded(hydra, 'actor.new')).toBe('assignment')
    expect(styleOfAdded(array, 'actor.new')).toBe('flag')
    expect(styleOfAdded('train --train.lr 1 a.b=c', 'train.new')).toBe('flag')
  })
})
