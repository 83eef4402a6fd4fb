import { beforeAll, describe, expect, test } from '@jest/globals'
import { applyChanges } from '../../src/advice/apply-changes.ts'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'
import type { ChangeReport, RunReport } from '../../src/report/report.ts'
import { OVER_MEMORY_FILES, type OverMemoryFile } from './over-memory-files.ts'

const METHODS = ['full', 'lora', 'qlora'] as const
type Method = (typeof METHODS)[number]

/** A config far over memory in each framework's own keys. */
const CONFIGS: Readonly<Record<string, (method: Method) => readonly string[]>> = {
  axolotl: method => [
    'base_model: meta-llama/Llama-3.1-8B',
    ...(method === 'full' ? [] : [`adapter: ${method}`, 'lora_r: 16', 'lora_alpha: 32', 'lora_target_linear: true']),
    ...(method === 'qlora' ? ['load_in_4bit: true'] : []),
    'datasets:',
    '  - path: a/b',
    '    type: alpaca',
    'sequence_len: 8192',
    'micro_batch_size: 8',
    'gradient_accumulation_steps: 1',
    'num_epochs: 1',
    'optimizer: adamw_torch',
    'bf16: true',
    'attn_implementation: flash_attention_2',
  ],
  'llama-factory': method => [
    'model_name_or_path: meta-llama/Llama-3.1-8B',
    'stage: sft',
    'do_train: true',
    `finetuning_type: ${method === 'full' ? 'full' : 'lora'}`,
    ...(method === 'full' ? [] : ['lora_rank: 16', 'lora_target: all']),
    ...(method === 'qlora' ? ['quantization_bit: 4', 'quantization_method: bnb'] : []),
    'dataset: alpaca_en_demo',
    'template: llama3',
    'cutoff_len: 8192',
    'output_dir: out',
    'per_device_train_batch_size: 8',
    'gradient_accumulation_steps: 1',
    'num_train_epochs: 1',
    'bf16: true',
  ],
  trl: method => [
    'model_name_or_path: meta-llama/Llama-3.1-8B',
    'dtype: bfloat16',
    'trainer_type: sft',
    ...(method === 'full' ? [] : ['use_peft: true', 'lora_r: 16', 'lora_target_modules: all-linear']),
    ...(method === 'qlora' ? ['load_in_4bit: true'] : []),
    'dataset_name: a/b',
    'max_length: 8192',
    'per_device_train_batch_size: 32',
    'gradient_accumulation_steps: 1',
    'num_train_epochs: 1',
    'bf16: true',
    'output_dir: out',
  ],
  'ms-swift': method => [
    'model: meta-llama/Llama-3.1-8B',
    `tuner_type: ${method === 'full' ? 'full' : 'lora'}`,
    ...(method === 'full' ? [] : ['lora_rank: 16', 'target_modules: all-linear']),
    ...(method === 'qlora' ? ['quant_method: bnb', 'quant_bits: 4'] : []),
    'dataset:',
    '  - a/b',
    'torch_dtype: bfloat16',
    'max_length: 8192',
    'per_device_train_batch_size: 8',
    'gradient_accumulation_steps: 1',
    'output_dir: out',
  ],
  'alignment-handbook': method => [
    'model_name_or_path: meta-llama/Llama-3.1-8B',
    'torch_dtype: bfloat16',
    ...(method === 'full' ? [] : ['use_peft: true', 'lora_r: 16', 'lora_target_modules: all-linear']),
    ...(method === 'qlora' ? ['load_in_4bit: true'] : []),
    'dataset_mixer:',
    '  a/b: 1.0',
    'dataset_splits:',
    '  - train',
    'max_seq_length: 8192',
    'per_device_train_batch_size: 32',
    'gradient_accumulation_steps: 1',
    'num_train_epochs: 1',
    'bf16: true',
    'output_dir: out',
  ],
  torchtune: method => [
    'model:',
    `  _component_: torchtune.models.llama3_1.${method === 'full' ? '' : 'lora_'}llama3_1_8b`,
    ...(method === 'full'
      ? []
      : ["  lora_attn_modules: ['q_proj', 'v_proj', 'output_proj']", '  apply_lora_to_mlp: True', '  lora_rank: 16']),
    ...(method === 'qlora' ? ['  quantize_base: True'] : []),
    'tokenizer:',
    '  _component_: torchtune.models.llama3.llama3_tokenizer',
    '  max_seq_len: 8192',
    'dataset:',
    '  _component_: torchtune.datasets.alpaca_cleaned_dataset',
    '  packed: True',
    'batch_size: 16',
    'gradient_accumulation_steps: 1',
    'optimizer:',
    '  _component_: torch.optim.AdamW',
    '  lr: 3e-4',
    'loss:',
    '  _component_: torchtune.modules.loss.LinearCrossEntropyLoss',
    'epochs: 1',
    'enable_activation_checkpointing: false',
    'dtype: bf16',
  ],
  native: method => [
    'preflop: 1',
    'model: meta-llama/Llama-3.1-8B',
    ...(method === 'full' ? [] : ['adapter:', '  type: lora', '  rank: 16', '  target_modules: all-linear']),
    ...(method === 'qlora' ? ['quantization: nf4-double'] : []),
    'micro_batch_size: 8',
    'gradient_accumulation_steps: 1',
    'sequence_length: 8192',
    'gradient_checkpointing: none',
    'attention: flash',
  ],
}

const BUILT: readonly OverMemoryFile[] = Object.keys(CONFIGS)
  .flatMap(format => METHODS.flatMap(method => [1, 8].map(gpus => ({ format, method, gpus }))))
  .filter(({ format, method, gpus }) => !(format === 'torchtune' && method === 'full' && gpus === 1))
  .map(({ format, method, gpus }) => ({
    name: `${format}, ${method}, ${gpus} GPUs`,
    path: 'configs/run.yaml',
    text: `${CONFIGS[format]?.(method).join('\n')}\n`,
    gpus,
  }))

async function estimate({ path, gpus }: OverMemoryFile, text: string, budget = ''): Promise<RunReport> {
  const policy = `version: 1\nhardware: { gpu: a100-sxm-80gb, gpus: ${gpus}, price: { per_gpu_hour: 2, currency: USD } }\n${budget}`
  const report = await runPipeline({
    head: memoryFileSource(new Map([[path, text]])),
    base: null,
    changes: null,
    paths: [],
    policy: createPolicySet(readPolicy(parseDocument('.github/preflop.yml', policy))),
    policyPath: '.github/preflop.yml',
    models: createModelSource({ offline: true }),
  })
  const [run] = report.runs
  if (!run) throw new Error('the config was not recognised')
  return run
}

/** What a user does who reads the fix: the line is changed where it is, a new key is written where the program would. */
function applied(path: string, text: string, changes: readonly ChangeReport[]): string {
  const lines = text.split('\n')
  for (const { line, from, to } of changes) {
    if (line === null) continue
    const before = lines[line - 1] ?? ''
    lines[line - 1] = before.replace(new RegExp(`\\b${String(from)}\\b(?=[^\\w]*(?:#.*)?(?:\\\\| |,|$))`), String(to))
  }
  const added = changes.filter(({ line }) => line === null)
  const edited = lines.join('\n')
  return added.length === 0 ? edited : (applyChanges(parseDocument(path, edited), added) ?? '')
}

describe.each([...BUILT, ...OVER_MEMORY_FILES].map(file => [file.name, file] as const))('%s', (_name, file) => {
  const { path, text } = file
  let run: RunReport
  beforeAll(async () => {
    run = await estimate(file, text)
  })

  test('the first fix passes when it is written into the file', async () => {
    expect(run.verdict).toBe('fail')
    const [fix] = run.fixes
    expect([fix?.tooTight, fix?.remaining]).toEqual([false, undefined])
    const fixed = applied(path, text, fix?.changes ?? [])
    expect(fixed).not.toBe(text)
    expect((await estimate(file, fixed)).verdict).toBe('pass')
  })

  test('a change names the value and the line that the file has', () => {
    const lines = text.split('\n')
    for (const { key, from, line, style } of run.fixes.flatMap(({ changes }) => changes)) {
      const name = key.split('.').at(-1) ?? key
      if (line === null) expect(from).toBeNull()
      else {
        // in a list of words the flag may stand a line above its value
        expect(lines.slice(line - (style === 'item' ? 2 : 1), line).join('\n')).toContain(name)
        expect(lines[line - 1]?.toLowerCase()).toContain(String(from).toLowerCase())
      }
    }
  })

  test('the parts of a fix sum to its memory', () => {
    for (const { components, memoryBytes } of run.fixes)
      expect(components.reduce((sum, { bytes }) => sum + bytes, 0) / memoryBytes).toBeCloseTo(1, 6)
  })

  test('other hardware passes with room', () => {
    for (const { memoryBytes, usableBytes } of run.alternatives) expect(memoryBytes / usableBytes).toBeLessThan(0.9)
  })
})

describe('limits of money and time', () => {
  const SLOW: OverMemoryFile = {
    name: 'slow',
    path: 'configs/run.yaml',
    gpus: 1,
    text: `model_name_or_path: Qwen/Qwen2.5-1.5B-Instruct
dtype: bfloat16
bf16: true
dataset_name: a/b
max_length: 1024
per_device_train_batch_size: 1
gradient_accumulation_steps: 16
gradient_checkpointing: true
max_steps: 4000
output_dir: out
`,
  }

  test.each([
    ['cost', 'budget: { cost: { fail: 3 } }\n', 'over-cost'],
    ['hours', 'budget: { hours: { fail: 1.5 } }\n', 'over-hours'],
    ['GPU-hours', 'budget: { gpu_hours: { fail: 1.5 } }\n', 'over-gpu-hours'],
  ])('a run over its %s alone is offered what shortens it, not less training', async (_name, budget, code) => {
    const run = await estimate(SLOW, SLOW.text, budget)
    expect([run.verdict, run.findings[0]?.code]).toEqual(['fail', code])
    const [fix] = run.fixes
    expect(fix?.runSeconds ?? Infinity).toBeLessThan(run.time?.runSeconds ?? 0)
    expect(run.fixes.flatMap(({ changes }) => changes.map(({ key }) => key))).not.toEqual(
      expect.arrayContaining(['max_steps', 'max_length']),
    )
    const fixed = applied(SLOW.path, SLOW.text, fix?.changes ?? [])
    expect((await estimate(SLOW, fixed, budget)).verdict).toBe('pass')
  })

  test('verl’s deprecated micro-batch stays the only one, counted over the data-parallel ranks', async () => {
    const file = OVER_MEMORY_FILES.find(({ path }) => path === 'configs/verl-global.yaml')
    if (!file) throw new Error('no file')
    const { fixes } = await estimate(file, file.text)
    const changes = fixes.flatMap(fix => fix.changes).filter(({ key }) => key.includes('ppo_micro_batch'))
    expect(changes.length).toBeGreaterThan(0)
    for (const { key, from, to } of changes) {
      expect([key, from]).toEqual(['actor_rollout_ref.actor.ppo_micro_batch_size', 256])
      expect(Number(to) % 8).toBe(0)
    }
  })

  test('what cannot be met is not said to pass', async () => {
    const [file] = BUILT
    if (!file) throw new Error('no file')
    const run = await estimate(file, `${file.text}max_steps: 5000\n`, 'budget: { cost: { fail: 0.01 } }\n')
    expect(run.fixes.length).toBeGreaterThan(0)
    for (const { remaining } of run.fixes) expect(remaining).toEqual(['cost'])
    expect(run.alternatives).toEqual([])
  })

  test('a fix of memory does not break the budget', async () => {
    const [file] = BUILT
    if (!file) throw new Error('no file')
    const free = await estimate(file, `${file.text}max_steps: 500\n`)
    const cheapest = Math.min(...free.fixes.map(({ cost }) => cost ?? Infinity))
    const dearest = Math.max(...free.fixes.map(({ cost }) => cost ?? 0))
    const limit = (cheapest + dearest) / 2
    const run = await estimate(
      file,
      `${file.text}max_steps: 500\n`,
      `budget: { cost: { fail: ${limit.toFixed(2)} } }\n`,
    )
    for (const { cost, remaining } of run.fixes) if (!remaining) expect(cost).toBeLessThanOrEqual(limit)
  })
})
