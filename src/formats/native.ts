import { fsdpOfPlan } from '../launch/accelerate-fsdp.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { nearestKey } from '../plan/nearest-key.ts'
import {
  byDefault,
  type ModelReference,
  type MutablePlanDraft,
  type PlanKey,
  type PlanValues,
} from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type {
  EvaluationPlan,
  FreezePlan,
  GradientCheckpointing,
  PricePlan,
  ReinforcementPlan,
} from '../plan/training-plan.ts'
import {
  ADAPTER_TYPES,
  ATTENTION_KERNELS,
  COMPUTE_DTYPES,
  DATA_PARALLELISMS,
  FRAMEWORKS,
  FSDP_WRAPS,
  FUSED_KERNELS,
  LOSSES,
  OFFLOADS,
  OPTIMIZER_IMPLEMENTATIONS,
  OPTIMIZER_STATE_DTYPES,
  OPTIMIZERS,
  QUANTIZATIONS,
  STAGES,
  STORAGE_DTYPES,
} from '../plan/vocabulary.ts'
import { type ConfigDocument, type ConfigNode, hasKeys, plainData } from './config-document.ts'
import { Fields } from './fields.ts'
import { ALPACA_SHARE, LITGPT_EVALUATION, litgptEvaluation } from './litgpt-evaluation.ts'
import type { FormatReader, ReadResult } from './reader.ts'

/** Preflop's own format (DESIGN §2): every plan value under its own name. */
export const nativeReader: FormatReader = {
  format: 'preflop',
  recognise: document => document.roots.some(isPlan),
  async read(document) {
    return readNativeDocument(document)
  },
}

/** A mapping under the key is something else: a job of that name in GitLab's CI file, say. */
function isPlan(root: ConfigNode): boolean {
  return root.entries.get('preflop')?.kind === 'scalar'
}

/** The plan without any file access; the benchmarks and the `plan` input use it directly. */
export function readNativeDocument(document: ConfigDocument): ReadResult {
  const runs = document.roots
    .filter(root => hasKeys(root, 'preflop'))
    .map(root => {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      const draft = readNativePlan(fields, findings)
      return { name: null, draft, findings }
    })
  return { runs, findings: [] }
}

type Getter<T> = (fields: Fields, key: string) => Sourced<T> | undefined

interface NativeRow {
  readonly native: string
  readonly apply: (fields: Fields, draft: MutablePlanDraft) => void
}

function row<K extends PlanKey>(native: string, plan: K, read: Getter<PlanValues[K]>): NativeRow {
  const path = native.split('.')
  const key = path.at(-1) ?? native
  const apply = (fields: Fields, draft: MutablePlanDraft): void => {
    let scope: Fields | undefined = fields
    for (const parent of path.slice(0, -1)) scope = scope && nested(scope, parent)
    const value = scope && read(scope, key)
    if (value !== undefined) Object.assign(draft, { [plan]: value })
  }
  return { native, apply }
}

const scopes = new WeakMap<Fields, Map<string, Fields | undefined>>()

/** The same child for the same mapping, so that keys read through it are known as read. */
function nested(fields: Fields, key: string): Fields | undefined {
  const known = scopes.get(fields) ?? new Map<string, Fields | undefined>()
  scopes.set(fields, known)
  if (!known.has(key)) known.set(key, fields.raw(key)?.kind === 'mapping' ? fields.mapping(key) : undefined)
  return known.get(key)
}

const text: Getter<string> = (fields, key) => fields.string(key)
const flag: Getter<boolean> = (fields, key) => fields.boolean(key)
const count: Getter<number> = (fields, key) => fields.integer(key, { min: 1, max: 1e9 })
const countOrZero: Getter<number> = (fields, key) => fields.integer(key, { min: 0, max: 1e15 })
const word =
  <T extends string>(values: readonly T[]): Getter<T> =>
  (fields, key) =>
    fields.oneOf(key, values)
const names: Getter<readonly string[]> = (fields, key) => fields.strings(key)

const ROWS: readonly NativeRow[] = [
  row('name', 'name', text),
  row('framework', 'framework', word(FRAMEWORKS)),
  row('libraries', 'libraries', readLibraries),
  row('stage', 'stage', word(STAGES)),
  row('adapter.type', 'adapter.type', word(ADAPTER_TYPES)),
  row('adapter.rank', 'adapter.rank', count),
  row('adapter.target_modules', 'adapter.targetModules', readTargets),
  row('adapter.exclude_modules', 'adapter.excludeModules', names),
  row('adapter.target_parameters', 'adapter.targetParameters', names),
  row('adapter.modules_to_save', 'adapter.modulesToSave', names),
  row('adapter.layers_to_transform', 'adapter.layersToTransform', readLayerList),
  row('adapter.dtype', 'adapter.dtype', word(STORAGE_DTYPES)),
  row('adapter.dropout', 'adapter.dropout', (fields, key) => fields.number(key, { min: 0, max: 1 })),
  row('adapter.bias', 'adapter.bias', word(['none', 'all', 'lora_only'])),
  row('adapter.virtual_tokens', 'adapter.virtualTokens', count),
  row('freeze', 'freeze', readFreeze),
  row('quantization', 'quantization', word(QUANTIZATIONS)),
  row('precision.weights', 'precision.weights', word([...STORAGE_DTYPES, 'auto'])),
  row('precision.outer_weights', 'precision.outerWeights', word(STORAGE_DTYPES)),
  row('precision.trained_weights', 'precision.trainedWeights', word(STORAGE_DTYPES)),
  row('precision.compute', 'precision.compute', word([...COMPUTE_DTYPES, 'auto'])),
  row('precision.autocast', 'precision.autocast', flag),
  row('precision.gradients', 'precision.gradients', word([...STORAGE_DTYPES, 'auto'])),
  row('precision.optimizer_states', 'precision.optimizerStates', word([...OPTIMIZER_STATE_DTYPES, 'auto'])),
  row('precision.master_weights', 'precision.masterWeights', flag),
  row('precision.master_weight_bytes', 'precision.masterWeightBytes', (fields, key) =>
    fields.number(key, { min: 2, max: 4 }),
  ),
  row('optimizer', 'optimizer', word(OPTIMIZERS)),
  row('optimizer_implementation', 'optimizerImplementation', word(OPTIMIZER_IMPLEMENTATIONS)),
  row('optimizer_paged', 'optimizerPaged', flag),
  row('optimizer_rank', 'optimizerRank', count),
  row('micro_batch_size', 'microBatchSize', count),
  row('gradient_accumulation_steps', 'gradientAccumulationSteps', count),
  row('sequence_length', 'sequenceLength', count),
  row('variable_length', 'variableLength', flag),
  row('packing', 'packing', flag),
  row('mean_sequence_length', 'meanSequenceLength', (fields, key) => fields.number(key, { min: 1, max: 1e9 })),
  row('gradient_checkpointing', 'gradientCheckpointing', readCheckpointing),
  row('checkpointing_reentrant', 'checkpointingReentrant', flag),
  row('activation_offload', 'activationOffload', flag),
  row('expandable_segments', 'expandableSegments', flag),
  row('attention', 'attention', word(ATTENTION_KERNELS)),
  row('loss', 'loss', word(LOSSES)),
  row('classification_labels', 'classificationLabels', count),
  row('fused_kernels', 'fusedKernels', word(FUSED_KERNELS)),
  row('compile', 'compile', flag),
  row('compile_loss', 'compileLoss', flag),
  row('gpus', 'gpus', count),
  row('gpus_per_node', 'gpusPerNode', count),
  row('parallelism.data', 'parallelism.data', word(DATA_PARALLELISMS)),
  row('parallelism.shard_size', 'parallelism.shardSize', count),
  row('parallelism.reshard_after_forward', 'parallelism.reshardAfterForward', flag),
  row('parallelism.tensor', 'parallelism.tensor', count),
  row('parallelism.sequence_parallel', 'parallelism.sequenceParallel', flag),
  row('parallelism.pipeline', 'parallelism.pipeline', count),
  row('parallelism.pipeline_interleave', 'parallelism.pipelineInterleave', count),
  row('parallelism.context', 'parallelism.context', count),
  row('parallelism.expert', 'parallelism.expert', count),
  row('parallelism.expert_tensor', 'parallelism.expertTensor', count),
  row('parallelism.offload', 'parallelism.offload', word(OFFLOADS)),
  row('parallelism.wrap', 'parallelism.wrap', word(FSDP_WRAPS)),
  row('parallelism.no_sync', 'parallelism.noSync', flag),
  row('parallelism.loads_whole', 'parallelism.loadsWhole', flag),
  row('reinforcement', 'reinforcement', readReinforcement),
  row('reinforcement.mean_completion_length', 'reinforcement.meanCompletionLength', (fields, key) =>
    fields.number(key, { min: 1, max: 1e8 }),
  ),
  row('evaluation', 'evaluation', readEvaluation),
  row('dataset.samples', 'dataset.samples', countOrZero),
  row('dataset.epochs', 'dataset.epochs', (fields, key) => fields.number(key, { min: 0, max: 1e6 })),
  row('dataset.max_steps', 'dataset.maxSteps', countOrZero),
  row('dataset.tokens', 'dataset.tokens', countOrZero),
  row('dataset.drop_last', 'dataset.dropLast', flag),
  row('dataset.padding', 'dataset.padding', word(['longest', 'fixed', 'none'])),
  row('dataset.length_grouped', 'dataset.lengthGrouped', flag),
  row('dataset.names', 'dataset.names', names),
  row('hardware.gpu', 'hardware.gpu', text),
  row('hardware.price', 'hardware.price', readPrice),
  row('retries', 'retries', count),
  row('rule_of_thumb.step_seconds', 'ruleOfThumb.stepSeconds', (fields, key) =>
    fields.number(key, { min: 0, max: 1e6 }),
  ),
]

const KNOWN_PARENTS = ['adapter', 'precision', 'parallelism', 'dataset', 'hardware', 'rule_of_thumb'] as const

function readNativePlan(fields: Fields, findings: Finding[]): MutablePlanDraft {
  const draft: MutablePlanDraft = {}
  const version = fields.integer('preflop', { min: 1, max: 1 })
  if (!version && fields.raw('preflop')?.scalar === null) fields.invalid('preflop', '1, the version of the format')
  const model = readModel(fields)
  if (model) draft.model = model
  else if (!fields.isSet('model'))
    findings.push(
      finding('missing-key', {
        path: fields.node.path,
        line: fields.node.line,
        message: '`model` is missing; expected a Hub id, a path of a config.json, or its fields.',
      }),
    )
  for (const { apply } of ROWS) apply(fields, draft)
  if (draft.reinforcement === undefined) implyReinforcement(draft, fields, findings)
  if (draft.evaluation === undefined) implyEvaluation(draft)
  if (fields.isSet('adapter') && draft['adapter.type'] === undefined && fields.raw('adapter')?.kind !== 'mapping')
    fields.invalid('adapter', 'a mapping with `type`')
  reportUnknownKeys(fields, findings)
  return { ...draft, ...fsdpOfPlan(draft) }
}

/**
 * DPO and KTO compare with a reference unless the plan says otherwise: the base without its adapter, or else a frozen second copy
 * (trl 1.13 dpo_trainer.py, kto_trainer.py). What generates in PPO and GRPO, and how much, only the plan can say.
 */
function implyReinforcement(draft: MutablePlanDraft, fields: Fields, findings: Finding[]): void {
  const { stage, 'adapter.type': adapter } = draft
  const name = typeof stage === 'object' ? stage.value : null
  if (name === 'dpo' || name === 'kto') {
    const referenceModel = typeof adapter === 'object' && adapter.value !== null ? 'shared' : 'separate'
    draft.reinforcement = byDefault({ ...NO_REINFORCEMENT, referenceModel }, `trl 1.13: ${name} with a reference model`)
  }
  if (name === 'ppo' || name === 'grpo')
    findings.push(
      finding('assumed-default', {
        path: fields.node.path,
        line: fields.raw('stage')?.line ?? fields.node.line,
        message: `\`reinforcement\` is missing: generation and other models of ${name} are not in the figures.`,
        hint: 'Give `reinforcement` with `generation`, `generations`, `completion_length` and `reference_model`.',
      }),
    )
}

/** LitGPT validates whatever the plan says. */
function implyEvaluation(draft: MutablePlanDraft): void {
  const stated = <T>(read: Sourced<T> | ((...facts: never) => unknown) | undefined): T | null =>
    typeof read === 'object' ? read.value : null
  if (stated(draft.framework) !== 'litgpt') return
  const pretrain = stated(draft.stage) === 'pretrain'
  const lora = stated(draft['adapter.type']) !== null
  const microBatchSize = stated(draft.microBatchSize) ?? 1
  draft.evaluation = ({ gpus }) =>
    byDefault(litgptEvaluation({ pretrain, lora, microBatchSize, gpus, share: ALPACA_SHARE }), LITGPT_EVALUATION)
}

const NO_REINFORCEMENT: ReinforcementPlan = {
  referenceModel: 'none',
  generations: 1,
  promptLength: 0,
  completionLength: 0,
  iterations: 1,
  generation: 'none',
  colocatedMemoryShare: 0,
  sleepMode: false,
  rewardModel: false,
  valueModel: false,
}

function reportUnknownKeys(fields: Fields, findings: Finding[], prefix = ''): void {
  for (const key of fields.unread()) {
    const known = knownKeys(prefix)
    const at = fields.node.entries.get(key)
    const near = nearestKey(key, known)
    findings.push(
      finding('unknown-key', {
        path: fields.node.path,
        line: at?.keyLine ?? null,
        column: at?.keyColumn ?? null,
        message: `\`${prefix}${key}\` is not a key of the plan format.`,
        ...(near ? { hint: `Did you mean \`${prefix}${near}\`?` } : { hint: `Known keys: ${known.join(', ')}.` }),
      }),
    )
  }
  if (prefix === '')
    for (const parent of KNOWN_PARENTS) {
      const child = nested(fields, parent)
      if (child) reportUnknownKeys(child, findings, `${parent}.`)
    }
}

/** Native spellings, for messages and the JSON Schema. */
export const NATIVE_KEYS: readonly string[] = ['preflop', 'model', ...ROWS.map(({ native }) => native)]

function knownKeys(prefix: string): readonly string[] {
  const own = NATIVE_KEYS.filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length))
  return [...new Set(own.map(key => key.split('.')[0] ?? key))]
}

function readModel(fields: Fields): Sourced<ModelReference> | undefined {
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

function readLibraries(fields: Fields, key: string): Sourced<Readonly<Record<string, string>>> | undefined {
  const versions = fields.mapping(key)
  if (!versions) return undefined
  const entries = [...versions.node.entries.keys()].flatMap(name => {
    const version = versions.string(name)
    return version ? [[name, version.value] as const] : []
  })
  return fields.sourced(key, Object.fromEntries(entries))
}

function readTargets(fields: Fields, key: string): Sourced<PlanValues['adapter.targetModules']> | undefined {
  const node = fields.raw(key)
  if (node?.scalar === 'all-linear' || node?.scalar === 'default') return fields.sourced(key, node.scalar)
  return fields.strings(key)
}

function readLayerList(fields: Fields, key: string): Sourced<readonly number[]> | undefined {
  const node = fields.raw(key)
  if (!node) return undefined
  const values = node.items.map(item => item.scalar)
  const numbers = values.filter(value => typeof value === 'number')
  return node.kind === 'sequence' && numbers.length === values.length
    ? fields.sourced(key, numbers)
    : fields.invalid(key, 'a list of layer numbers')
}

function readFreeze(fields: Fields, key: string): Sourced<FreezePlan> | undefined {
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

function readCheckpointing(fields: Fields, key: string): Sourced<GradientCheckpointing> | undefined {
  if (fields.raw(key)?.kind !== 'mapping') return fields.oneOf(key, ['none', 'full', 'selective'] as const)
  const every = fields.mapping(key)?.integer('every', { min: 1, max: 10_000 })
  return every && fields.sourced(key, { every: every.value })
}

function readPrice(fields: Fields, key: string): Sourced<PricePlan> | undefined {
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

function readEvaluation(fields: Fields, key: string): Sourced<EvaluationPlan> | undefined {
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

function readReinforcement(fields: Fields, key: string): Sourced<ReinforcementPlan> | undefined {
  const block = fields.mapping(key)
  if (!block) return undefined
  return fields.sourced(key, {
    referenceModel:
      block.oneOf('reference_model', ['none', 'shared', 'separate', 'precomputed'])?.value ??
      NO_REINFORCEMENT.referenceModel,
    generations: block.integer('generations', { min: 1, max: 1e5 })?.value ?? NO_REINFORCEMENT.generations,
    promptLength: block.integer('prompt_length', { min: 0, max: 1e8 })?.value ?? NO_REINFORCEMENT.promptLength,
    completionLength:
      block.integer('completion_length', { min: 0, max: 1e8 })?.value ?? NO_REINFORCEMENT.completionLength,
    iterations: block.integer('iterations', { min: 1, max: 1e5 })?.value ?? NO_REINFORCEMENT.iterations,
    generation:
      block.oneOf('generation', ['none', 'transformers', 'vllm_colocate', 'vllm_server'])?.value ??
      NO_REINFORCEMENT.generation,
    colocatedMemoryShare:
      block.number('colocated_memory_share', { min: 0, max: 1 })?.value ?? NO_REINFORCEMENT.colocatedMemoryShare,
    sleepMode: block.boolean('sleep_mode')?.value ?? NO_REINFORCEMENT.sleepMode,
    rewardModel: block.boolean('reward_model')?.value ?? NO_REINFORCEMENT.rewardModel,
    valueModel: block.boolean('value_model')?.value ?? NO_REINFORCEMENT.valueModel,
  })
}
