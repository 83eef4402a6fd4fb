import { fsdpOfPlan } from '../launch/accelerate-fsdp.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { nearestKey } from '../plan/nearest-key.ts'
import type { MutablePlanDraft, PlanKey, PlanValues } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import {
  ADAPTER_TYPES,
  ATTENTION_KERNELS,
  COMPUTE_DTYPES,
  DATA_PARALLELISMS,
  EXPERT_DISPATCHERS,
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
import { type ConfigDocument, type ConfigNode, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { implyEvaluation, implyReinforcement } from './native/implied-values.ts'
import {
  readCheckpointing,
  readEvaluation,
  readFreeze,
  readLayerList,
  readLibraries,
  readModel,
  readPrice,
  readReinforcement,
  readTargets,
} from './native/plan-values.ts'
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
  row('fused_experts', 'fusedExperts', flag),
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
  row('parallelism.expert_dispatcher', 'parallelism.expertDispatcher', word(EXPERT_DISPATCHERS)),
  row('parallelism.overlaps_experts', 'parallelism.overlapsExperts', flag),
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
