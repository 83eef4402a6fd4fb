import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { readKitRows } from '../../bench/gpu/kit-row.ts'
import { type SentenceFigures, sentenceFigures, withFigures } from '../../scripts/pages/sentence-figures.ts'
import { INPUT_LIMITS } from '../../src/formats/input-limits.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { GPUS } from '../../src/hardware/gpu-catalogue.ts'
import { CURRENT_PROFILE, VERSION_DEFAULTS } from '../../src/launch/version-defaults.ts'
import { estimateMemory } from '../../src/memory/estimate-memory.ts'
import { logitBytes } from '../../src/memory/loss/logit-bytes.ts'
import { lossItems } from '../../src/memory/loss/loss-items.ts'
import { NO_GENERATION } from '../../src/plan/no-generation.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import { EFFICIENCY, SEEN_GPUS, UNSEEN_FACTOR } from '../../src/time/efficiency.ts'
import { VERSION } from '../../src/version.ts'
import { HOSTILE_INPUTS } from '../hostile/hostile-inputs.ts'
import { SAMPLE_PLAN, sampleRun } from '../memory/sample-run.ts'

const textOf = (path: string) => readFileSync(path, 'utf8')
const inline = (text: string) => text.replaceAll(/\s+/g, ' ')
const group = (value: number) => value.toLocaleString('en-US')

/** Bytes per score of one forward and backward, src/time/attention-seconds.ts. */
function scoreBytes(kernels: 'fused' | 'eager'): number {
  const at = (pass: string) =>
    constant('src/time/attention-seconds.ts', new RegExp(`${kernels}: \\{[^}]*${pass}: (\\d+)`))
  return at('forward') + at('backward')
}

/** A number that a module keeps to itself. */
function constant(file: string, pattern: RegExp): number {
  const [, digits] = pattern.exec(textOf(file)) ?? []
  if (digits === undefined) throw new Error(`${file} has no ${pattern}`)
  return Number(digits.replaceAll('_', ''))
}

const rowOf = (path: string, name: string) =>
  textOf(path)
    .split('\n')
    .find(line => line.startsWith(`| ${name}`))

const FLOAT32 = { weights: 'float32', gradients: 'float32', optimizerStates: 'float32' } as const

/** Rows of docs/memory.md: bytes per parameter of weights, gradients and states, and in all. */
const REGIMES: readonly (readonly [string, Partial<TrainingPlan['precision']>, string])[] = [
  ['pure 16-bit', {}, '2 | 2 | 2 + 2 | 8'],
  ['float32 weights under autocast', { ...FLOAT32, autocast: true }, '4 | 4 | 4 + 4 | 16'],
  ['DeepSpeed in 16 bit', { optimizerStates: 'float32', masterWeights: true }, '2 | 2 | 4 + 4 + 4 | 16'],
  [
    'Megatron in 16 bit',
    { gradients: 'float32', optimizerStates: 'float32', masterWeights: true },
    '2 | 4 | 4 + 4 + 4 | 18',
  ],
  ['FSDP under Accelerate', FLOAT32, '4 | 4 | 4 + 4 | 16'],
  ['float32 adapters', FLOAT32, '4 | 4 | 4 + 4 | 16'],
]

test.each(REGIMES)('docs/memory.md: states of %s', (name, precision, row) => {
  const run = sampleRun({ precision: { ...SAMPLE_PLAN.precision, ...precision } })
  const items = estimateMemory(run).moments.find(moment => moment.name === 'optimizer step')?.items ?? []
  const bytesOf = (...names: string[]) =>
    items.filter(item => names.includes(item.name)).reduce((sum, { bytes }) => sum + bytes, 0) / run.counts.total
  const [weights = '', gradients = '', states = '', all = ''] = row.split(' | ')
  const sum = (text: string) => text.split(' + ').reduce((total, part) => total + Number(part), 0)
  expect(rowOf('docs/memory.md', name)).toContain(row)
  expect(bytesOf('weights')).toBeCloseTo(Number(weights), 6)
  expect(bytesOf('gradients')).toBeCloseTo(Number(gradients), 6)
  expect(bytesOf('optimizer states', 'master weights')).toBeCloseTo(sum(states), 6)
  expect(bytesOf('weights', 'gradients', 'optimizer states', 'master weights')).toBeCloseTo(Number(all), 6)
})

const lossOf = (changes: Partial<TrainingPlan>, element = 2) => logitBytes({ ...SAMPLE_PLAN, ...changes }, element)
const peak = (changes: Partial<TrainingPlan>, element = 2) => lossOf(changes, element).backward
const SHIFTED: Partial<TrainingPlan> = { libraries: { transformers: '4.48.0' } }
const COMPARED: Partial<TrainingPlan> = {
  stage: 'dpo',
  reinforcement: { ...NO_GENERATION, referenceModel: 'separate' },
}

/** Logits and loss of the sample, of 32,000 outputs. */
function lossBytes(finalLogitSoftcap: boolean): number {
  const run = sampleRun({})
  const { moments } = estimateMemory({ ...run, architecture: { ...run.architecture, finalLogitSoftcap } })
  const items = moments.find(({ name }) => name === 'loss')?.items ?? []
  return items.find(({ name }) => name === 'logits and loss')?.bytes ?? 0
}

/** Tokens of a chunk and bytes per logit of it, from batches of one and of two chunks. */
const CHUNK = ((): { readonly tokens: number; readonly bytes: number } => {
  const perTokens = (tokens: number) =>
    lossItems(sampleRun({ framework: 'trl', loss: 'chunked' }), { tokens, trainsHead: false, stage: 'only' }).backward
      .bytes -
    2 * tokens * 1024 * 2
  const whole = perTokens(8192)
  const bytes = perTokens(1) / 32_000
  return { tokens: whole / 32_000 / bytes, bytes }
})()

/** Rows of docs/memory.md: bytes per logit at the peak of each loss. */
const LOSSES: readonly (readonly [string, string])[] = [
  ['transformers, 16-bit logits, outputs kept by the caller', `${peak({})}`],
  ['transformers up to 4.48', `${lossOf(SHIFTED).endOfForward}, ${lossOf(SHIFTED, 4).endOfForward}`],
  ['the same under a trainer that drops the outputs', `${peak({ framework: 'trl' })}`],
  ['float32 logits kept', `${peak({}, 4)}`],
  ['compiled cross entropy', `${peak({ compile: true })}`],
  ['chunked, eager (torchtune)', `6 + ${(peak({ loss: 'chunked', framework: 'torchtune' }) - 6) * 8} ÷ chunks`],
  [`TRL's SFT loss: the head on ${CHUNK.tokens} tokens at a time`, `${CHUNK.bytes} of the chunk`],
  [
    'LitGPT: float32 outputs in chunks of 128 tokens',
    `8 + ${((peak({ loss: 'chunked', framework: 'litgpt' }) - 8) * SAMPLE_PLAN.sequenceLength) / 128} × 128 ÷ length`,
  ],
  ['Megatron vocabulary-parallel', `${peak({ loss: 'vocab_parallel', framework: 'megatron' })} ÷ ranks`],
  ['torch.distributed loss parallelism', `${peak({ loss: 'vocab_parallel', framework: 'torchtitan' })} ÷ ranks`],
  [
    'DPO, KTO with the reference in the step',
    `6 + ${(lossOf(COMPARED).endOfForward - 6) * 2} ÷ r, ${peak(COMPARED, 4)}`,
  ],
  ['ORPO, SimPO', `${peak({ stage: 'orpo' })}, ${peak({ stage: 'simpo' }, 4)}`],
  ['GRPO, on completions only', `${peak({ stage: 'grpo' })}, ${peak({ stage: 'grpo' }, 4)}`],
  ['logits that the model caps', `+ ${(lossBytes(true) - lossBytes(false)) / (SAMPLE_PLAN.sequenceLength * 32_000)}`],
]

test.each(LOSSES)('docs/memory.md: loss of %s', (name, bytes) => {
  expect(rowOf('docs/memory.md', name)).toContain(`| ${bytes} |`)
})

const policy = createPolicySet(null).forPath('a.yml').budget.memory
const energy = (name: string) => constant('src/time/energy.ts', new RegExp(`const ${name} = ([\\d.]+)`))
const passes = (name: string) => constant('src/time/optimizer-step.ts', new RegExp(`${name}: ([\\d.]+)`))
const phase = (pattern: RegExp) => constant('src/time/run-phases.ts', pattern)
const workflows = readdirSync('examples/workflows').length
const hostile = Object.values(HOSTILE_INPUTS).flat().length
const node = constant('package.json', /"node": ">=(\d+)"/)
const major = VERSION.split('.')[0]
const counts = /const COUNTS = \[([^\]]+)\]/.exec(textOf('src/advice/search-hardware.ts'))?.[1]?.split(', ') ?? []
const kitRows = readKitRows(textOf('bench/gpu/cpu-rows.jsonl')).length

/** What a page says, with each figure from where the program keeps it. */
const CLAIMS: Readonly<Record<string, readonly string[]>> = {
  'README.md': [
    `needs nothing installed but Node ${node}`,
    '4 × parameters × 2 bytes',
    `${['no', 'one', 'two', 'Three', 'Four', 'Five'][workflows]} ready workflows`,
    `preflop/preflop@v${major}`,
  ],
  'README.zh-CN.md': [
    `只需要 Node ${node}`,
    '4 × 参数量 × 2 字节',
    `preflop/preflop@v${major}`,
    `${constant('examples/article-7b.yml', /parameters: (\d+)/) / 1e8} 亿参数`,
    `${group(constant('examples/article-7b.yml', /samples: (\d+)/))} 条样本，${constant('examples/article-7b.yml', /epochs: (\d+)/)} 轮`,
    `每小时 ${constant('examples/article-7b.yml', /per_gpu_hour: ([\d.]+)/)} 元，启动 ${constant('examples/article-7b.yml', /retries: (\d+)/)} 次才成功`,
    `${((4 * 7e9 * 2 + 32 * 1024 * 4096 * 32 * 2) / 1e9).toFixed(1)} GB 显存、${group(313 * 3 * 1.5)} 秒、${Math.ceil((313 * 3 * 1.5) / 3600) * 3} 个计费小时、${(3 * 27.08).toFixed(2)} 元`,
    `不可能只用 ${constant('examples/article-7b.yml', /step_seconds: ([\d.]+)/)} 秒`,
    '第 90 百分位',
    '峰值算力的 40 %',
    '0 通过或警告，1 不通过，2 用法或配置错误，3 内部错误',
    '在超限时以 1 退出',
  ],
  'CONTRIBUTING.md': [`Node ${node} or newer`],
  'CHANGELOG.md': [`## ${VERSION}`],
  'SECURITY.md': [
    `${INPUT_LIMITS.fileBytes / 2 ** 20} MiB, ${INPUT_LIMITS.depth} levels, ${group(INPUT_LIMITS.values)} values, ${group(INPUT_LIMITS.aliasExpansions)} alias expansions`,
    `${group(INPUT_LIMITS.files)} files, ${INPUT_LIMITS.totalBytes / 2 ** 20} MiB`,
    `more than ${Math.floor(hostile / 100) * 100} inputs`,
  ],
  'docs/dependencies.md': [`types of Node ${node}`],
  'docs/memory.md': [
    `since Accelerate ${VERSION_DEFAULTS['accelerate.fsdp_float32'].steps.at(-1)?.[0].replace(/\.0$/, '')}`,
    `transformers ${CURRENT_PROFILE['transformers']?.split('.')[0]} keeps them as one 3-D parameter`,
    `${kitRows} small plans`,
    `within ${(100 * constant('__tests__/bench/gpu-kit.test.ts', /toBeLessThan\((0\.\d+)\)/)).toFixed(1)} %`,
    `within ${100 * constant('__tests__/bench/gpu-kit.test.ts', /backward_peak: (0\.\d+)/)} %`,
    '2 bytes per parameter on every GPU',
  ],
  'docs/policy.md': [
    `memory fails above ${100 * (policy.fail ?? 0)} % of what the GPU can give and warns above ${100 * (policy.warn ?? 0)} %`,
    `worse by more than ${Math.round(100 * (constant('src/policy/judge.ts', /base \* (1\.\d+)/) - 1))} %`,
    `older than ${constant('src/cost/run-price.ts', /FRESH_DAYS = (\d+)/)} days`,
    `up to ${constant('src/datasets/record-sampler.ts', /MOST_SAMPLES = (\d+)/)} records`,
    `${constant('src/datasets/text-tokens.ts', /alphabetic: ([\d.]+)/)} characters a token, ${constant('src/datasets/text-tokens.ts', /ideographic: ([\d.]+)/)} of Chinese`,
    '3 GPUs on an 8-GPU type',
  ],
  'docs/the-article.md': [
    // the example's own inputs, from the plan that the page runs
    `a model of ${constant('examples/article-7b.yml', /parameters: (\d+)/) / 1e9} billion parameters`,
    `(hidden size ${group(constant('examples/article-7b.yml', /hidden_size: (\d+)/))}, ${constant('examples/article-7b.yml', /num_hidden_layers: (\d+)/)} layers)`,
    `${group(constant('examples/article-7b.yml', /samples: (\d+)/))} samples of ${group(constant('examples/article-7b.yml', /sequence_length: (\d+)/))} tokens`,
    `batches of ${constant('examples/article-7b.yml', /micro_batch_size: (\d+)/)}`,
    `one A100 with 80 GB at ${constant('examples/article-7b.yml', /per_gpu_hour: ([\d.]+)/)} CNY an hour`,
    `${logitBytes(SAMPLE_PLAN, 2).backward} bytes for every token`,
    `6 × 7 × 10⁹ × ${group(32 * 1024)} tokens`,
    `${constant('examples/article-7b.yml', /step_seconds: ([\d.]+)/)} seconds for it`,
    'The rule counts 10⁹ bytes; cards and tools count 2³⁰. An “80 GB” A100',
    // held by pages.test.ts
    '7,075 tokens a second',
    `the rule's 1.5 seconds would be ${group(Math.round((32 * 1024) / 1.5))}`,
  ],
  'docs/time.md': [
    `∛((2 N (t + ${EFFICIENCY.tile_waste}) ÷ rate)³`,
    `flash: ${1 + constant('src/time/attention-seconds.ts', /\(1 \+ trains\.backward \* \(([\d.]+) \+ again\)\) \* work2/)} forwards of 2 s·width`,
    'unfused: 12 s·width',
    `foreach ${passes('foreach')} and loop ${passes('loop')} passes`,
    `${EFFICIENCY.cpu_optimizer * 1e9} ns per parameter and node`,
    `engine's ${constant('src/time/decoding.ts', /ENGINE_SECONDS = (\de-\d)/) * 1000} ms`,
    `(${phase(/seconds: (\d+) \+ gigabytes/)} s + weights at ${phase(/gigabytes \/ ([\d.]+)/)} GB/s + ${phase(/\+ (\d+) \* doublings/)} s per doubling of nodes)`,
    `widened by ${UNSEEN_FACTOR}`,
    `(${energy('WAITING')} idle … ${energy('BUSY')} busy) × ${energy('SERVER')}`,
    `× ${counts[0]} to ${counts.at(-1)} GPUs (up to 8, or four times the config's)`,
    `over ${group(constant('src/advice/search-hardware.ts', /COMPARED_STEPS = (\d+)/))} steps`,
    'each source weighted by 1 ÷ √rows',
    'expert loops of transformers before 5',
    `Megatron-Bridge's performance recipes since ${constant('src/time/expert-software.ts', /gated: \[(\d+), /)}.0${constant('src/time/expert-software.ts', /gated: \[\d+, (\d+)\]/)}`,
    `of which they hold up ${EFFICIENCY.exposed_shard}, on Hopper and Blackwell ${EFFICIENCY.exposed_shard_persistent}:`,
    `and ${EFFICIENCY.flash_edge} keys more`,
    `${EFFICIENCY.cudnn_attention} times faster than FlashAttention-2`,
    `${scoreBytes('fused')} bytes with one kernel for scale, mask and softmax, ${scoreBytes('eager')} without`,
    '1 ÷ (1 + narrow ÷ width)',
    '(1 + variation × g(b))',
  ],
}

/** Words with digits that name a thing and measure nothing. */
const NAMES =
  /A10G|LLaMA-Factory ?[(（]v0[,、] ?v1[)）]|NeMo 1\b|\b(?:4|8|16|32)[- ]bit\b|(?:float|bfloat)(?:16|32|8)|ZeRO-[123](?: up)?|\b[A-Z]+\d+\b|RTX \d+(?: and \d+)?|MI300|YAML 1\.1|1\.1 scalars|5xx|open-r1|rank 0|x64|Node \d+|3-D|Gemma 2|Llama \d(?:\.\d)?(?: \d+B)?|transformers (?:before )?5|Python 3\.10|10⁹|2³⁰|⌈0\.39 h⌉/g

/** Prose of a page: no code, no links' targets, no part that `npm run docs` or the bench writes. */
function prose(page: string): string {
  return inline(
    page
      .replaceAll(/```[\s\S]*?```/g, ' ')
      .replaceAll(/<!-- ([a-z ]+?)(?:: written by npm run docs)? -->\n[\s\S]*?<!-- end of \1 -->/g, ' ')
      .replaceAll(/<!-- figure [\w-]+ -->[^<]*<!-- -->/g, ' ')
      .replaceAll(/^\d+\. /gm, ' ')
      .replaceAll(/<[^>]+>/g, ' '),
  )
}

/** First cells of rows that the tests above hold one by one, and of the article's rule, that pages.test.ts computes. */
const HELD_ROWS: Readonly<Record<string, readonly string[]>> = {
  'docs/memory.md': [...REGIMES, ...LOSSES].map(([name]) => name),
  'docs/the-article.md': ['fixed memory', 'dynamic memory', 'peak', 'steps', 'time', 'billed hours', 'cost'],
}

function withoutRows(page: string, names: readonly string[]): string {
  const isHeld = (line: string): boolean => names.some(name => line.startsWith(`| ${name}`))
  return page
    .split('\n')
    .filter(line => !isHeld(line))
    .join('\n')
}

describe.each(Object.keys(CLAIMS))('%s', path => {
  const page = textOf(path)

  test.each(CLAIMS[path] ?? [])('says: %s', claim => expect(inline(page)).toContain(claim))

  // a figure that fails here gets a claim above, a mark in the page (`scripts/pages/sentence-figures.ts`), or goes
  test('has no figure that nothing holds', () => {
    const held = (CLAIMS[path] ?? []).reduce(
      (text, claim) => text.replaceAll(claim, ' '),
      prose(withoutRows(page, HELD_ROWS[path] ?? [])),
    )
    const rest = held
      .replaceAll(/`[^`]*`/g, ' ')
      .replaceAll(/\]\([^)]*\)/g, '] ')
      .replaceAll(NAMES, ' ')
    expect([...rest.matchAll(/.{0,30}\d.{0,20}/g)].map(([found]) => found)).toEqual([])
  })
})

test('other pages have no figures but in outputs and generated tables', () => {
  const others = [
    ...[
      'docs/action.md',
      'docs/faq.md',
      'docs/plan.md',
      'docs/cookbook.md',
      'docs/architecture.md',
      'CODE_OF_CONDUCT.md',
    ],
    ...readdirSync('.github/ISSUE_TEMPLATE').map(name => `.github/ISSUE_TEMPLATE/${name}`),
  ]
  for (const path of others.filter(name => name.endsWith('.md'))) {
    const rest = prose(textOf(path))
      .replaceAll(/`[^`]*`/g, ' ')
      .replaceAll(/\]\([^)]*\)/g, '] ')
      .replaceAll(NAMES, ' ')
    expect([path, ...rest.matchAll(/.{0,30}\d.{0,20}/g)]).toEqual([path])
  }
})

let figures: SentenceFigures = {}
beforeAll(async () => {
  figures = await sentenceFigures('.')
}, 60_000)

test.each([
  'CHANGELOG.md',
  ...readdirSync('docs')
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
])('%s shows the figures of this version in its sentences', path => {
  expect(withFigures(textOf(path), figures)).toBe(textOf(path))
})

test('cards that docs/time.md calls unmeasured have no rows', () => {
  expect(textOf('docs/time.md')).toContain(
    'GeForce cards over PCIe, T4, L4, RTX 3090 and 5090, H100 PCIe, H20, AMD below MI300: no rows',
  )
  const unmeasured = GPUS.filter(({ id }) =>
    /^(?:t4|l4|rtx-3090|rtx-5090|h100-pcie-80gb|h20-.*|mi[12]\d\d.*)$/.test(id),
  ).map(({ id }) => id)
  expect(unmeasured.length).toBeGreaterThanOrEqual(6)
  expect(unmeasured.filter(id => SEEN_GPUS.has(id))).toEqual([])
})

test.each(['README.md', 'README.zh-CN.md'])('%s names every framework that is read', path => {
  const flat = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  const page = flat(textOf(path))
  const spelled: Readonly<Record<string, string>> = {
    preflop: 'article-7b.yml',
    shell: 'shell',
    transformers: 'TrainingArguments',
    nemo: 'NeMo 1',
    'wandb-sweep': 'W&B sweep',
    'llama-factory-v1': path === 'README.md' ? 'LLaMA-Factory (v0, v1)' : 'LLaMA-Factory（v0、v1）',
    maxtext: path === 'README.md' ? 'JAX trainers' : 'JAX',
    levanter: path === 'README.md' ? 'JAX trainers' : 'JAX',
  }
  const missing = FORMAT_READERS.filter(({ format }) => !page.includes(flat(spelled[format] ?? format)))
  expect(missing.map(({ format }) => format)).toEqual([])
})
