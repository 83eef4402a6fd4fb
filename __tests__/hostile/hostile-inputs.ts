import { INJECTIONS, OBJECT_WORDS, PATTERNS, PLACES, SECRETS } from '../../bench/fuzz/hostile-values.ts'

/** A file that must not stop the others from being estimated. */
export interface HostileInput {
  readonly name: string
  readonly path: string
  readonly text: string
  readonly companions: Readonly<Record<string, string>>
}

interface Details {
  readonly path?: string
  readonly companions?: Readonly<Record<string, string>>
}

function input(name: string, text: string, { path = 'a.yml', companions = {} }: Details = {}): HostileInput {
  return { name, path, text, companions }
}

/** A native plan whose added text begins on line 4. */
const plan = (lines: string): string => `preflop: 1\nmodel: Qwen/Qwen2.5-7B\nsequence_length: 512\n${lines}\n`
const quoted = (text: string): string => JSON.stringify(text).replaceAll(/[\u007f-\uffff]/g, escapeUnit)
const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
const short = (text: string): string => JSON.stringify(text.slice(0, 24))
const MEGABYTE = 2 ** 20

const SIZES_AND_SHAPES: readonly HostileInput[] = [
  input('more than 1 MiB', plan(`# ${'x'.repeat(MEGABYTE)}`)),
  input('nested brackets', plan(`name: ${'['.repeat(3000)}`)),
  input('nested braces', plan(`name: ${'{a: '.repeat(3000)}`)),
  input('nested sequences', plan(`name:\n  ${'- '.repeat(3000)}x`)),
  input('65 levels', plan(`name: ${'['.repeat(65)}${']'.repeat(65)}`)),
  input('nested by indentation', Array.from({ length: 1200 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')),
  input('nested JSON', `${'['.repeat(5000)}${']'.repeat(5000)}`, { path: 'a.json' }),
  input('nested TOML arrays', `a = ${'['.repeat(3000)}`, { path: 'a.toml' }),
  input('nested TOML tables', `[${'a.'.repeat(3000)}a]\nb = 1`, { path: 'a.toml' }),
  input('nested TOML keys', `${'a.'.repeat(3000)}a = 1`, { path: 'a.toml' }),
  input('100,001 values', plan(`name: [${'1,'.repeat(100_001)}]`)),
  input('100,500 documents', '--- a\n'.repeat(100_500)),
  input('100,500 TOML values', `a = [${'1,'.repeat(100_500)}]`, { path: 'a.toml' }),
  input(
    'aliases that double',
    plan(
      ['a', 'b', 'c', 'd', 'e']
        .map((name, index, all) => `${name}: &${name} [${index === 0 ? 'x' : `*${all[index - 1]},`.repeat(9)}]`)
        .join('\n'),
    ),
  ),
  input('an alias to itself', plan('name: &a [*a]')),
  input('a mapping in itself', '&a {preflop: 1, model: *a}'),
  input('merges without end', plan(`x: &x {y: 1}\nz:\n${'  <<: *x\n'.repeat(2000)}`)),
  input('an alias to nothing', plan('name: *nowhere')),
  input('30 duplicates', plan('retries: 2\n'.repeat(30))),
  input('a duplicate', plan('gpus: 8\ngpus: 16')),
  input('a duplicate in JSON', '{"preflop": 1, "model": "Qwen/Qwen2.5-7B", "gpus": 8, "gpus": 16}', { path: 'a.json' }),
  input('unclosed comments in JSON', `{"preflop": 1} ${'/*'.repeat(40_000)}`, { path: 'a.json' }),
  input('unclosed strings in JSON', `{${'"\\'.repeat(40_000)} //`, { path: 'a.json' }),
  input('an open quote', plan('name: "open')),
  input('a tab for indentation', plan('precision:\n\tweights: bfloat16')),
  input('a reserved character', plan('name: @here')),
  input('a key without a value', plan('gpus')),
  input('a sequence for a plan', '- preflop: 1\n- model: x'),
  input('a number for a plan', '42', { path: 'preflop.yml' }),
  input('a foreign tag', plan('name: !!python/object/apply:os.system [id]')),
  input('a tag of our own', plan('name: !secret x')),
  input('a broken TOML', '[model\nname = 1', { path: 'a.toml' }),
  input('a plan in the second document', `--- x\n---\n${plan('gpus: 0')}`),
]

const ENCODINGS: readonly HostileInput[] = [
  input('NUL', plan('name: a\u0000b')),
  input('an escape character', plan('name: a\u001b[31mb')),
  input('a C1 control', plan('name: a\u009bb')),
  input('DEL', plan('name: a\u007fb')),
  input('bytes that were not UTF-8', plan('name: a\uFFFDb')),
  input('a byte order mark', `\ufeff${plan('gpus: 0')}`),
  input('CRLF', plan('gpus: 0').replaceAll('\n', '\r\n')),
  input('lone CR', plan('gpus: 0').replaceAll('\n', '\r')),
  input('an LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
  input('NUL in a script', '#!/bin/bash\ntorchrun train.py\u0000', { path: 'a.sh' }),
  input('a zero-width key', plan('gp\u200bus: 8')),
  input('a Cyrillic key', plan('gрus: 8')),
  input('full-width digits', plan('gpus: １６')),
]

/** As YAML source under a key that takes a whole number. */
const NUMBERS = [
  '0',
  '-1',
  '-8',
  '0.5',
  '1e308',
  '1.0e+308',
  '-1e308',
  '.inf',
  '-.inf',
  '.nan',
  'NaN',
  'Infinity',
  '1e-320',
  '9007199254740993',
  '99999999999999999999999',
  '"8x"',
  '""',
  '" "',
  '1 000',
  '0o10',
  '٣',
  '[1]',
  '{a: 1}',
  'true',
  'off',
  'y',
  'two',
  '2024-01-01',
  '2001-12-14t21:59:43.10-05:00',
  '!!binary aGVsbG8=',
  '0x',
  '--8',
  '+',
  '.',
  'e5',
  '1e',
  '8GiB',
  '8%',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of a shell
  '"${N}"',
  '$N',
  '`8`',
  '=8',
  '1;2',
] as const
/** Numbers as PyYAML reads them, which are fine: octal, hexadecimal, binary, base 60, underscores, quoted. */
export const GOOD_NUMBERS = [
  ['010', 8],
  ['0x10', 16],
  ['0b11', 3],
  ['1:30', 90],
  ['1_6', 16],
  ['"8"', 8],
  ["'16'", 16],
  ['+4', 4],
  ['4.0', 4],
  ['1e1', 10],
  ['08', 8],
] as const

const numberInputs = NUMBERS.map(source => input(`gpus: ${source}`, plan(`gpus: ${source}`)))
const RANGES = [
  'micro_batch_size: 0',
  'gradient_accumulation_steps: -1',
  'sequence_length: 1e99',
  'retries: 0',
  'adapter: { type: lora, rank: -1 }',
  'adapter: { type: lora, dropout: 2 }',
  'parallelism: { tensor: 0 }',
  'parallelism: { pipeline: .nan }',
  'dataset: { samples: -1 }',
  'dataset: { epochs: .inf }',
  'hardware: { price: { per_gpu_hour: -1 } }',
  'hardware: { price: { per_gpu_hour: 1, currency: "<b>" } }',
  'rule_of_thumb: { step_seconds: .nan }',
  'precision: { weights: float65 }',
  'optimizer: os.system',
  'quantization: nf5',
  'gradient_checkpointing: { every: 0 }',
  'packing: perhaps',
  'framework: __proto__',
  'stage: constructor',
]
const rangeInputs = RANGES.map(line => input(line, plan(line)))

const MODELS: readonly HostileInput[] = [
  ['nothing in it', '{}'],
  ['a negative size', '{ hidden_size: -1, num_hidden_layers: 2, num_attention_heads: 2, vocab_size: 10 }'],
  ['a billion layers', '{ hidden_size: 64, num_hidden_layers: 1000000000, num_attention_heads: 2, vocab_size: 10 }'],
  ['no heads', '{ hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 0, vocab_size: 10 }'],
  ['infinite words', '{ hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2, vocab_size: .inf }'],
  ['heads that do not divide', '{ hidden_size: 65, num_hidden_layers: 2, num_attention_heads: 2, vocab_size: 10 }'],
  ['text for numbers', '{ hidden_size: big, num_hidden_layers: many, num_attention_heads: x, vocab_size: y }'],
  ['parameters below zero', '{ parameters: -7 }'],
  ['infinite parameters', '{ parameters: .inf, hidden_size: 64, num_hidden_layers: 2 }'],
  ['a list', '[1, 2]'],
].map(([name, model]) => input(`a model with ${name}`, `preflop: 1\nmodel: ${model}\n`))

/** Texts in every place that a report repeats: name, model, GPU, an unknown key, a word of a vocabulary. */
const injected = INJECTIONS.filter(text => text.length < 400).flatMap(text => [
  input(`model ${short(text)}`, `preflop: 1\nname: ${quoted(text)}\nmodel: ${quoted(text)}\n`),
  input(
    `GPU, stage and key ${short(text)}`,
    plan(`hardware: { gpu: ${quoted(text)} }\nstage: ${quoted(text)}\n? ${quoted(text)}\n: 1`),
  ),
])
const pathsInjected = [
  '@octocat',
  '#1 x',
  'a|b',
  '<img src=x>',
  '`x`',
  '[a](b)',
  'a\nb',
  'a\r::error::x',
  '\u202Ex',
  '\u001b[31m',
  'a b',
  'ü',
  '%0A',
  "'; id; '",
  '--help',
  '$(id)',
].map(name => input(`path ${short(name)}`, plan('gpus: 0'), { path: `configs/${name}.yml` }))
const modelPlaces = PLACES.map(place => input(`model at ${short(place)}`, `preflop: 1\nmodel: ${quoted(place)}\n`))
const companionPlaces = PLACES.map(place =>
  input(
    `deepspeed at ${short(place)}`,
    `base_model: Qwen/Qwen2.5-7B\nadapter: lora\nlora_r: 8\nlora_target_linear: true\nmicro_batch_size: 1\ndatasets: [{path: x, type: alpaca}]\nsequence_len: 512\ndeepspeed: ${quoted(place)}\n`,
    { path: 'axolotl.yml' },
  ),
)
const objectWords = OBJECT_WORDS.flatMap(word => [
  input(`key ${word}`, plan(`${word}: { gpus: 1, polluted: yes }`)),
  input(`value ${word}`, plan(`stage: ${word}\noptimizer: ${word}\nhardware: { gpu: ${word} }`)),
  input(
    `model type ${word}`,
    `preflop: 1\nmodel: { model_type: ${word}, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2, vocab_size: 10 }\n`,
  ),
  input(`JSON key ${word}`, `{"preflop": 1, "model": "Qwen/Qwen2.5-7B", "${word}": {"polluted": true}}`, {
    path: 'a.json',
  }),
])
const peftPatterns = PATTERNS.filter(pattern => !/[*]$|_proj/.test(pattern) || pattern === '(?=(a*)*)*').map(pattern =>
  input(
    `PEFT pattern ${pattern}`,
    `model_name_or_path: Qwen/Qwen2.5-7B\ndataset_name: x\nlearning_rate: 2.0e-5\nmax_length: 512\nper_device_train_batch_size: 1\nuse_peft: true\nlora_r: 8\nlora_target_modules: ${quoted(pattern)}\n`,
    { path: 'trl.yaml' },
  ),
)
const secrets = SECRETS.flatMap(secret => [
  input(`secret as a model ${secret.slice(0, 6)}`, `preflop: 1\nmodel: ${quoted(secret)}\n`),
  input(
    `secret as a value ${secret.slice(0, 6)}`,
    plan(`stage: ${quoted(secret)}\nname: ${quoted(secret)}\n${quoted(secret)}: 1`),
  ),
])

/** What fuzzing found, kept. */
const found = [
  input(
    'a block of 1e308 tokens',
    `task: llm-sft\nbase_model: HuggingFaceTB/SmolLM2-1.7B-Instruct\nproject_name: p\ndata: { path: x, train_split: train }\nparams: { block_size: 1.0e+308, epochs: 1, batch_size: 1, peft: true, target_modules: all-linear }\n`,
    { path: 'autotrain.yml' },
  ),
  input(
    'no GPU per node',
    '#!/bin/bash\n#SBATCH --nodes=2\n#SBATCH --gpus-per-node=0\naccelerate launch train.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size 1 --bf16 True\n',
    { path: 'launch.sh' },
  ),
  input(
    'toString for a torchtune dtype',
    'model: { _component_: torchtune.models.llama3_1.llama3_1_8b }\noptimizer: { _component_: torch.optim.AdamW }\ndataset: { _component_: x.constructor }\nbatch_size: 2\nmax_steps_per_epoch: 50\ndtype: toString\n',
    { path: 'torchtune.yaml' },
  ),
  input(
    'constructor for a LitGPT data set',
    'checkpoint_dir: checkpoints/Qwen/Qwen2.5-7B\nprecision: bf16-true\ndata: { class_path: litgpt.data.constructor }\ntrain: { epochs: 1, global_batch_size: 8, micro_batch_size: 0, max_seq_length: 512 }\n',
    { path: 'litgpt.yaml' },
  ),
  input(
    'constructor for an FSDP strategy',
    '#!/bin/bash\naccelerate launch --use_fsdp --fsdp_sharding_strategy constructor --num_processes 8 train.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size 0 --bf16 True\n',
    { path: 'launch.sh' },
  ),
  input(
    'constructor for an audio encoder',
    'preflop: 1\nmodel: { model_type: qwen2, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2, vocab_size: 10, audio_config: { model_type: constructor } }\ngpus: 0\n',
  ),
]

/** Every input by group; the expected findings stand in expected-findings.json. */
export const HOSTILE_INPUTS: Readonly<Record<string, readonly HostileInput[]>> = {
  'sizes and shapes': SIZES_AND_SHAPES,
  encodings: ENCODINGS,
  numbers: [...numberInputs, ...rangeInputs],
  models: MODELS,
  injections: [...injected, ...pathsInjected],
  places: [...modelPlaces, ...companionPlaces],
  'object words': objectWords,
  patterns: peftPatterns,
  secrets,
  found,
}
