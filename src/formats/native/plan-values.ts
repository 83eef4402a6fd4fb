import { NO_GENERATION } from '../../plan/no-generation.ts'
import type { ModelReference, PlanValues } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type {
  EvaluationPlan,
  FreezePlan,
  GradientCheckpointing,
  PricePlan,
  ReinforcementPlan,
} from '../../plan/training-plan.ts'
import { plainData } from '../config-document.ts'
import type { Fields } from '../fields.ts'

export function readModel(fields: Fields): Sourced<ModelReference> | undefined {
  const node = fields.raw('model')
  if (!node || (node.kind === 'scalar' && node.scalar === null)) return undefined
  if (node.kind === 'mapping') return fields.sourced('model', { kind: 'inline', config: plainData(node) })
  const name = fields.string('model')
  if (!name) return undefined
  const isPath = /^\.{0,2}\//.test(name.value) || name.value.endsWith('.json') || name.value.split('/').length > 2
  return {
    ...name,
    value: isPath ? { kind: 'path', path: name.value } : { kind: 'hub', id: name.value, revision: null },
  }
}

export function readLibraries(fields: Fields, key: string): Sourced<Readonly<Record<string, string>>> | undefined {
  const versions = fields.mapping(key)
  if (!versions) return undefined
  const entries = [...versions.node.entries.keys()].flatMap(name => {
    const version = versions.string(name)
    return version ? [[name, version.value] as const] : []
  })
  return fields.sourced(key, Object.fromEntries(entries))
}

export function readTargets(fields: Fields, key: string): Sourced<PlanValues['adapter.targetModules']> | undefined {
  const node = fields.raw(key)
  if (node?.scalar === 'all-linear' || node?.scalar === 'default') return fields.sourced(key, node.scalar)
  return fields.strings(key)
}

export function readLayerList(fields: Fields, key: string): Sourced<readonly number[]> | undefined {
  const node = fields.raw(key)
  if (!node) return undefined
  const values = node.items.map(item => item.scalar)
  const numbers = values.filter(value => typeof value === 'number')
  return node.kind === 'sequence' && numbers.length === values.length
    ? fields.sourced(key, numbers)
    : fields.invalid(key, 'a list of layer numbers')
}

export function readFreeze(fields: Fields, key: string): Sourced<FreezePlan> | undefined {
  const node = fields.raw(key)
  if (!node || node.scalar === 'none') return node && fields.sourced(key, { kind: 'none' })
  const freeze = fields.mapping(key)
  const layers = freeze?.integer('trainable_layers', { min: 0, max: 10_000 })
  if (layers) return fields.sourced(key, { kind: 'trainable_layers', layers: layers.value })
  const trainable = freeze?.strings('trainable_patterns')
  if (trainable) return fields.sourced(key, { kind: 'trainable_patterns', patterns: trainable.value })
  const patterns = freeze?.strings('patterns')
  return patterns && fields.sourced(key, { kind: 'patterns', patterns: patterns.value })
}

export function readCheckpointing(fields: Fields, key: string): Sourced<GradientCheckpointing> | undefined {
  if (fields.raw(key)?.kind !== 'mapping') return fields.oneOf(key, ['none', 'full', 'selective'] as const)
  const every = fields.mapping(key)?.integer('every', { min: 1, max: 10_000 })
  return every && fields.sourced(key, { every: every.value })
}

export function readPrice(fields: Fields, key: string): Sourced<PricePlan> | undefined {
  const price = fields.mapping(key)
  if (!price) return undefined
  return fields.sourced(key, {
    perGpuHour: price.number('per_gpu_hour', { min: 0, max: 1e6 })?.value ?? null,
    currency: price.currency('currency')?.value ?? null,
    provider: price.string('provider')?.value ?? null,
    region: price.string('region')?.value ?? null,
    spot: price.boolean('spot')?.value ?? null,
  })
}

export function readEvaluation(fields: Fields, key: string): Sourced<EvaluationPlan> | undefined {
  const evaluation = fields.mapping(key)
  if (!evaluation) return undefined
  return fields.sourced(key, {
    everySteps: evaluation.integer('every_steps', { min: 1 })?.value ?? null,
    timesTotal: evaluation.integer('times_total', { min: 0 })?.value ?? null,
    microBatchSize: evaluation.integer('micro_batch_size', { min: 1, max: 1e6 })?.value ?? 1,
    samples: evaluation.integer('samples', { min: 0 })?.value ?? null,
    share: evaluation.number('share', { min: 0, max: 1 })?.value ?? 0,
    newTokens: evaluation.integer('new_tokens', { min: 0, max: 1e8 })?.value ?? null,
    answers: evaluation.integer('answers', { min: 0, max: 1e8 })?.value ?? null,
    atEnd: evaluation.boolean('at_end')?.value ?? false,
  })
}

export function readReinforcement(fields: Fields, key: string): Sourced<ReinforcementPlan> | undefined {
  const block = fields.mapping(key)
  if (!block) return undefined
  return fields.sourced(key, {
    referenceModel:
      block.oneOf('reference_model', ['none', 'shared', 'separate', 'precomputed'])?.value ??
      NO_GENERATION.referenceModel,
    generations: block.integer('generations', { min: 1, max: 1e5 })?.value ?? NO_GENERATION.generations,
    promptLength: block.integer('prompt_length', { min: 0, max: 1e8 })?.value ?? NO_GENERATION.promptLength,
    completionLength: block.integer('completion_length', { min: 0, max: 1e8 })?.value ?? NO_GENERATION.completionLength,
    iterations: block.integer('iterations', { min: 1, max: 1e5 })?.value ?? NO_GENERATION.iterations,
    generation:
      block.oneOf('generation', ['none', 'transformers', 'vllm_colocate', 'vllm_server'])?.value ??
      NO_GENERATION.generation,
    colocatedMemoryShare:
      block.number('colocated_memory_share', { min: 0, max: 1 })?.value ?? NO_GENERATION.colocatedMemoryShare,
    sleepMode: block.boolean('sleep_mode')?.value ?? NO_GENERATION.sleepMode,
    rewardModel: block.boolean('reward_model')?.value ?? NO_GENERATION.rewardModel,
    valueModel: block.boolean('value_model')?.value ?? NO_GENERATION.valueModel,
  })
}
