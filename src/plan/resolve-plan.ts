import { defaultAllocator } from './allocator-default.ts'
import { settleQuantization } from './checkpoint-quantization.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding-texts.ts'
import { isImplausible } from './implausible-value.ts'
import { GENERIC_DEFAULTS } from './plan-defaults.ts'
import type { DraftValue, PlanDraft, PlanKey, PlanValues, ResolutionFacts } from './plan-draft.ts'
import type { Provenance, Sourced } from './provenance.ts'
import type { AdapterPlan, ReinforcementPlan, TrainingPlan } from './training-plan.ts'
import type { Framework, OptimizerStateDtype, StorageDtype } from './vocabulary.ts'

export type PlanProvenance = Readonly<Partial<Record<PlanKey, Provenance>>>

export interface ResolvedPlan {
  readonly plan: TrainingPlan
  /** Where each value came from, by plan key. */
  readonly provenance: PlanProvenance
  /** Sequences of one optimizer step over all ranks, where the files say; null: it follows from the others. */
  readonly globalBatch: Sourced<number> | null
  readonly findings: readonly Finding[]
}

/** Composer’s last micro-batch may be short; others leave out what does not fill one. */
const CUTS_LAST_MICRO_BATCH: readonly Framework[] = ['llm-foundry']

interface ResolveOptions {
  readonly draft: PlanDraft
  /** Model facts; `gpus` and `gpusPerNode` in it are ignored and taken from the draft. */
  readonly facts: Omit<ResolutionFacts, 'gpus' | 'gpusPerNode'>
  readonly modelName: string | null
}

/**
 * Settles every value: what the reader said, else the generic default; `auto` values and rules that depend on model
 * and GPU; gradient accumulation from a global batch. The result has no open field.
 */
export function resolvePlan({ draft, facts, modelName }: ResolveOptions): ResolvedPlan {
  const findings: Finding[] = []
  const settleDraft = <K extends PlanKey>(
    key: K,
    fallback: DraftValue<PlanValues[K]>,
    known: ResolutionFacts,
  ): Sourced<PlanValues[K]> => {
    const own: DraftValue<PlanValues[K]> | undefined = draft[key]
    const result = settle(own ?? fallback, known)
    if (!isImplausible(key, result.value)) return result
    const message = `\`${result.key ?? key}\` is ${result.value}, which no run can have; the default is used.`
    findings.push(finding('invalid-value', { ...placeOf(result), message }))
    return settle(fallback, known)
  }
  const gpus = settleDraft('gpus', GENERIC_DEFAULTS.gpus, { ...facts, gpus: 1, gpusPerNode: 8 })
  const perNode = settleDraft('gpusPerNode', GENERIC_DEFAULTS.gpusPerNode, {
    ...facts,
    gpus: gpus.value,
    gpusPerNode: 8,
  })
  const complete: ResolutionFacts = { ...facts, gpus: gpus.value, gpusPerNode: perNode.value }
  const provenance: MutableProvenance = {}

  const sourced = <K extends PlanKey>(key: K, fallback: DraftValue<PlanValues[K]>): Sourced<PlanValues[K]> => {
    const result = settleDraft(key, fallback, complete)
    provenance[key] = withoutValue(result)
    return result
  }
  const get = <K extends keyof typeof GENERIC_DEFAULTS & PlanKey>(key: K): PlanValues[K] => {
    const fallback: DraftValue<PlanValues[K]> = GENERIC_DEFAULTS[key]
    return sourced(key, fallback).value
  }

  const weights = get('precision.weights')
  const storage = weights === 'auto' ? autoWeights(facts, provenance) : weights
  const compute = get('precision.compute')
  const computeDtype = compute === 'auto' ? autoCompute(facts, provenance) : compute
  const adapter = resolveAdapter(get, storage)
  const trainedWeights = adapter ? null : get('precision.trainedWeights')
  const trained: StorageDtype = adapter ? adapter.dtype : (trainedWeights ?? storage)
  const gradients = get('precision.gradients')
  const states = get('precision.optimizerStates')
  const masterWeights = get('precision.masterWeights')
  const stateDtype: OptimizerStateDtype = states === 'auto' ? (masterWeights ? 'float32' : trained) : states

  const settled = settleQuantization({
    asked: settle(draft.quantization ?? GENERIC_DEFAULTS.quantization, complete),
    published: facts.checkpointQuantization ?? null,
    trainsAdapter: adapter !== null,
    model: draft.model ? withoutValue(settle(draft.model, complete)) : undefined,
  })
  provenance.quantization = withoutValue(settled.quantization)
  if (settled.refusal !== null)
    findings.push(finding('will-not-start', { ...placeOf(provenance.quantization), message: settled.refusal }))

  const parallelism = {
    data: get('parallelism.data'),
    shardSize: get('parallelism.shardSize'),
    reshardAfterForward: get('parallelism.reshardAfterForward'),
    tensor: get('parallelism.tensor'),
    sequenceParallel: get('parallelism.sequenceParallel'),
    pipeline: get('parallelism.pipeline'),
    pipelineInterleave: get('parallelism.pipelineInterleave'),
    context: get('parallelism.context'),
    expert: get('parallelism.expert'),
    expertTensor: get('parallelism.expertTensor'),
    expertDispatcher: get('parallelism.expertDispatcher'),
    overlapsExperts: get('parallelism.overlapsExperts'),
    offload: get('parallelism.offload'),
    wrap: get('parallelism.wrap'),
    noSync: get('parallelism.noSync'),
    loadsWhole: get('parallelism.loadsWhole'),
  }
  const modelRanks = parallelism.tensor * parallelism.pipeline * parallelism.context
  const microBatchSize = get('microBatchSize')
  const accumulation = get('gradientAccumulationSteps')
  const replicas = Math.max(1, Math.floor(gpus.value / modelRanks))
  const globalBatch = draft.globalBatchSize ? settle(draft.globalBatchSize, complete) : null
  const framework = get('framework')
  const libraries = get('libraries')
  const share = (globalBatch?.value ?? microBatchSize * replicas) / (microBatchSize * replicas)
  const gradientAccumulationSteps =
    accumulation === 'auto'
      ? Math.max(1, CUTS_LAST_MICRO_BATCH.includes(framework) ? Math.ceil(share) : Math.floor(share))
      : accumulation
  if (accumulation === 'auto' && globalBatch)
    provenance.gradientAccumulationSteps = {
      ...withoutValue(globalBatch),
      note: `global batch ${globalBatch.value} ÷ (${microBatchSize} × ${replicas} data-parallel ranks)`,
    }

  if (draft.model) provenance.model = withoutValue(settle(draft.model, complete))
  const reinforcement = resolveReinforcement(get, provenance)
  const meanSequenceLength = get('meanSequenceLength') ?? meanOfGenerated(reinforcement, provenance)

  const plan: TrainingPlan = {
    name: get('name') || null,
    model: modelName,
    framework,
    libraries,
    stage: get('stage'),
    adapter,
    freeze: get('freeze'),
    quantization: settled.quantization.value,
    quantizationDetails: {
      quantizesHead: get('quantizationDetails.quantizesHead'),
      quantizesExperts: get('quantizationDetails.quantizesExperts'),
      quantizesAdaptedOnly: get('quantizationDetails.quantizesAdaptedOnly'),
      computeDtype: get('quantizationDetails.computeDtype'),
      packsInBytes: get('quantizationDetails.packsInBytes'),
    },
    precision: {
      weights: storage,
      outerWeights: get('precision.outerWeights'),
      trainedWeights,
      compute: computeDtype,
      autocast: get('precision.autocast'),
      gradients: gradients === 'auto' ? trained : gradients,
      optimizerStates: stateDtype,
      masterWeights,
      masterWeightBytes: get('precision.masterWeightBytes'),
    },
    optimizer: get('optimizer'),
    optimizerImplementation: get('optimizerImplementation'),
    optimizerPaged: get('optimizerPaged'),
    optimizerRank: get('optimizerRank'),
    microBatchSize,
    gradientAccumulationSteps,
    sequenceLength: get('sequenceLength'),
    variableLength: get('variableLength'),
    packing: get('packing'),
    meanSequenceLength,
    gradientCheckpointing: get('gradientCheckpointing'),
    checkpointingReentrant: get('checkpointingReentrant'),
    activationOffload: get('activationOffload'),
    expandableSegments: sourced('expandableSegments', defaultAllocator(framework, { libraries, gpus: gpus.value }))
      .value,
    attention: get('attention'),
    loss: get('loss'),
    classificationLabels: get('classificationLabels'),
    fusedKernels: get('fusedKernels'),
    compile: get('compile'),
    compileLoss: get('compileLoss'),
    fusedExperts: get('fusedExperts'),
    gpus: get('gpus'),
    gpusPerNode: Math.min(get('gpusPerNode'), gpus.value),
    parallelism,
    buffers: get('buffers'),
    reinforcement,
    evaluation: get('evaluation'),
    checkpoints: get('checkpoints'),
    dataset: {
      samples: get('dataset.samples'),
      epochs: get('dataset.epochs'),
      maxSteps: get('dataset.maxSteps'),
      tokens: get('dataset.tokens'),
      dropLast: get('dataset.dropLast'),
      padding: get('dataset.padding'),
      lengthGrouped: get('dataset.lengthGrouped'),
      names: get('dataset.names'),
    },
    hardware: {
      gpu: get('hardware.gpu') || null,
      price: draft['hardware.price'] ? settle(draft['hardware.price'], complete).value : null,
    },
    retries: get('retries'),
    billing: get('billing'),
    overheads: get('overheads'),
    calibration: get('calibration'),
    ruleOfThumb: { stepSeconds: get('ruleOfThumb.stepSeconds') },
  }
  if (draft['hardware.price']) provenance['hardware.price'] = withoutValue(settle(draft['hardware.price'], complete))
  return { plan, provenance, globalBatch, findings }
}

type Get = <K extends keyof typeof GENERIC_DEFAULTS & PlanKey>(key: K) => PlanValues[K]

function resolveAdapter(get: Get, base: StorageDtype): AdapterPlan | null {
  const type = get('adapter.type')
  if (type === null) return null
  return {
    type,
    rank: get('adapter.rank'),
    targetModules: get('adapter.targetModules'),
    excludeModules: get('adapter.excludeModules'),
    targetParameters: get('adapter.targetParameters'),
    layersToTransform: get('adapter.layersToTransform'),
    rankPattern: get('adapter.rankPattern'),
    modulesToSave: get('adapter.modulesToSave'),
    dtype: get('adapter.dtype') ?? base,
    dropout: get('adapter.dropout'),
    bias: get('adapter.bias'),
    virtualTokens: get('adapter.virtualTokens'),
    kernels: get('adapter.kernels'),
    targetRule: get('adapter.targetRule'),
  }
}

/** Where a run generates, an open mean completion length is an assumption: that every completion is as long as it may be. */
function resolveReinforcement(get: Get, provenance: MutableProvenance): ReinforcementPlan | null {
  const stated = get('reinforcement')
  const meanCompletionLength = get('reinforcement.meanCompletionLength')
  const key = 'reinforcement.meanCompletionLength'
  if (stated === null || stated.generation === 'none') {
    delete provenance[key]
    return stated
  }
  if (meanCompletionLength === null) {
    const note = `every completion taken at its full ${stated.completionLength} tokens; set \`mean_completion_tokens\` of the data set in the policy`
    provenance[key] = { from: 'assumed', key: 'mean_completion_tokens', note }
  }
  return { ...stated, meanCompletionLength }
}

/** A generated sequence on average: a prompt of full length and a mean completion. */
function meanOfGenerated(plan: ReinforcementPlan | null, provenance: MutableProvenance): number | null {
  const completion = provenance['reinforcement.meanCompletionLength']
  if (plan?.meanCompletionLength == null || !completion) return null
  const note = `prompt ${plan.promptLength} + mean completion ${plan.meanCompletionLength} tokens`
  provenance.meanSequenceLength = { ...completion, note }
  return plan.promptLength + plan.meanCompletionLength
}

type MutableProvenance = Partial<Record<PlanKey, Provenance>>

function autoWeights(facts: ResolveOptions['facts'], provenance: MutableProvenance): StorageDtype {
  const own = provenance['precision.weights']
  provenance['precision.weights'] = facts.checkpointDtype
    ? { ...own, from: 'model', note: 'the dtype of the published weights' }
    : { ...own, from: 'assumed', note: 'the dtype of the published weights is not known; bfloat16 is usual' }
  return facts.checkpointDtype ?? 'bfloat16'
}

function autoCompute(facts: ResolveOptions['facts'], provenance: MutableProvenance): 'bfloat16' | 'float16' {
  const supported = facts.bf16Supported ?? true
  provenance['precision.compute'] = {
    ...provenance['precision.compute'],
    from: 'default',
    note: supported ? 'bfloat16, which the GPU supports' : 'float16: the GPU has no bfloat16',
  }
  return supported ? 'bfloat16' : 'float16'
}

function settle<T>(value: DraftValue<T>, facts: ResolutionFacts): Sourced<T> {
  return typeof value === 'function' ? value(facts) : value
}

/** One object per sourced value: thousands of runs share the provenance of their defaults. */
const provenances = new WeakMap<Sourced<unknown>, Provenance>()

function withoutValue(sourced: Sourced<unknown>): Provenance {
  const known = provenances.get(sourced)
  if (known) return known
  const { value: _value, ...provenance } = sourced
  provenances.set(sourced, provenance)
  return provenance
}

function placeOf(provenance: Provenance | undefined): {
  path: string | null
  line: number | null
  column: number | null
} {
  return { path: provenance?.path ?? null, line: provenance?.line ?? null, column: provenance?.column ?? null }
}
