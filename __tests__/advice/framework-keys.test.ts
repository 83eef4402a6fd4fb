import { describe, expect, test } from '@jest/globals'
import { FRAMEWORK_KEYS } from '../../src/advice/framework-keys/framework-keys.ts'
import { ValueBySpelling } from '../../src/advice/framework-keys/spelling.ts'
import { PLAN_CHANGES, type SpelledChange } from '../../src/advice/plan-changes.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import { readText } from '../formats/read-text.ts'

/** A full fine-tuning config of each format as nested data; torchtitan's is TOML, which JSON-like tables cover. */
const BASES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  unsloth: {
    model: 'org/model',
    training: {
      training_type: 'full',
      load_in_4bit: false,
      batch_size: 8,
      gradient_checkpointing: 'none',
      optim: 'adamw_torch',
    },
    lora: { lora_alpha: 16 },
  },
  autotrain: {
    task: 'llm-sft',
    base_model: 'org/model',
    project_name: 'p',
    backend: 'local',
    data: { path: 'org/data', column_mapping: { text_column: 'text' } },
    params: { batch_size: 8, disable_gradient_checkpointing: true, block_size: 4096 },
  },
  oumi: {
    model: { model_name: 'org/model', model_max_length: 4096 },
    data: { train: { datasets: [{ dataset_name: 'org/data' }] } },
    training: { trainer_type: 'TRL_SFT', per_device_train_batch_size: 8, output_dir: 'out' },
  },
  verl: {
    actor_rollout_ref: {
      model: { path: 'org/model', enable_gradient_checkpointing: false },
      actor: { ppo_micro_batch_size_per_gpu: 8, ppo_mini_batch_size: 64 },
    },
    data: { train_batch_size: 64 },
  },
  litgpt: {
    checkpoint_dir: 'c/Llama-3.2-1B',
    train: { micro_batch_size: 8, global_batch_size: 8, max_seq_length: 4096 },
  },
  'nemo-automodel': {
    step_scheduler: { global_batch_size: 8, local_batch_size: 8 },
    model: { pretrained_model_name_or_path: 'org/model' },
    dataset: { seq_length: 4096 },
  },
  torchtitan: { model: { name: 'llama3', flavor: '8B' }, training: { local_batch_size: 8, seq_len: 4096 } },
}

/** What the first change of a kind must have done to the plan that is read back. */
const SEEN: Readonly<Partial<Record<SpelledChange, (plan: TrainingPlan) => unknown>>> = {
  'micro-batch': plan => [plan.microBatchSize, plan.gradientAccumulationSteps],
  checkpointing: plan => plan.gradientCheckpointing,
  'sequence-length': plan => plan.sequenceLength,
  'eight-bit-optimizer': plan => plan.precision.optimizerStates,
  lora: plan => [plan.adapter?.type, plan.adapter?.rank],
}

function withKeys(base: Readonly<Record<string, unknown>>, changes: Readonly<Record<string, unknown>>): string {
  const copy: Record<string, unknown> = structuredClone(base)
  for (const [dotted, value] of Object.entries(changes)) {
    const name = dotted.split('|')[0] ?? dotted
    const keys = name.split('.')
    let at: Record<string, unknown> = copy
    for (const key of keys.slice(0, -1)) {
      const next = at[key]
      const child = typeof next === 'object' && next !== null ? Object.fromEntries(Object.entries(next)) : {}
      at[key] = child
      at = child
    }
    at[keys.at(-1) ?? ''] = value instanceof ValueBySpelling ? value.of(name) : value
  }
  return JSON.stringify(copy)
}

const CASES = Object.keys(BASES).flatMap(format =>
  PLAN_CHANGES.filter(({ spelling }, index) => {
    const isFirst = PLAN_CHANGES.findIndex(change => change.spelling === spelling) === index
    const isSpelled = FRAMEWORK_KEYS[format]?.[spelling] !== undefined && SEEN[spelling] !== undefined
    return isFirst && isSpelled && !(format === 'verl' && spelling === 'sequence-length')
  }).map(change => [format, change.title, change] as const),
)

describe('a change in a framework’s own keys reads back as the changed plan', () => {
  test.each(CASES)('%s: %s', async (format, _title, change) => {
    const base = BASES[format] ?? {}
    const { plan } = await readText(withKeys(base, {}))
    const changed = change.apply(plan, { parameters: 1e9, gpu: null, usableBytes: 80e9, ownEvaluationBatch: false })
    if (!changed) throw new Error('the change does not apply to the base')
    const keys = FRAMEWORK_KEYS[format]?.[change.spelling]?.(changed) ?? {}
    const again = await readText(withKeys(base, keys))
    expect(again.format).toBe(format)
    expect(SEEN[change.spelling]?.(again.plan)).toEqual(SEEN[change.spelling]?.(changed))
    expect(SEEN[change.spelling]?.(again.plan)).not.toEqual(SEEN[change.spelling]?.(plan))
  })

  test.each(['unsloth', 'autotrain'])('%s: a quantised base under an adapter', async format => {
    const lora = FRAMEWORK_KEYS[format]?.lora
    const quantized = FRAMEWORK_KEYS[format]?.['quantized-base']
    const { plan } = await readText(withKeys(BASES[format] ?? {}, {}))
    const keys = { ...lora?.(plan), ...quantized?.(plan) }
    const again = await readText(withKeys(BASES[format] ?? {}, keys))
    expect(again.plan.quantization).toMatch(/^nf4/)
    expect((await readText(withKeys(BASES[format] ?? {}, lora?.(plan) ?? {}))).plan.quantization).toBe('none')
  })
})
