import type { Architecture } from '../../src/models/architecture.ts'
import type { ModelCounts } from '../../src/models/model-counts.ts'
import type { Run } from '../../src/plan/run.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import { llamaLayer, weight } from './sample-layer.ts'

export const SAMPLE_PLAN: TrainingPlan = {
  name: null,
  model: null,
  framework: 'transformers',
  libraries: {},
  stage: 'sft',
  adapter: null,
  freeze: { kind: 'none' },
  quantization: 'none',
  quantizationDetails: {
    quantizesHead: false,
    quantizesExperts: 'none',
    quantizesAdaptedOnly: false,
    packsInBytes: false,
    computeDtype: null,
  },
  precision: {
    weights: 'bfloat16',
    compute: 'bfloat16',
    autocast: false,
    gradients: 'bfloat16',
    optimizerStates: 'bfloat16',
    masterWeights: false,
    masterWeightBytes: 4,
    outerWeights: null,
    trainedWeights: null,
  },
  optimizer: 'adamw',
  optimizerImplementation: 'fused',
  optimizerPaged: false,
  optimizerRank: null,
  microBatchSize: 1,
  gradientAccumulationSteps: 1,
  sequenceLength: 2048,
  variableLength: false,
  packing: true,
  meanSequenceLength: null,
  gradientCheckpointing: 'full',
  checkpointingReentrant: false,
  activationOffload: false,
  expandableSegments: false,
  attention: 'flash',
  loss: 'full_logits',
  classificationLabels: null,
  fusedKernels: 'none',
  compile: false,
  compileLoss: null,
  fusedExperts: null,
  gpus: 1,
  gpusPerNode: 8,
  parallelism: {
    data: 'none',
    shardSize: null,
    reshardAfterForward: true,
    tensor: 1,
    sequenceParallel: false,
    pipeline: 1,
    pipelineInterleave: 1,
    context: 1,
    expert: 1,
    expertTensor: null,
    expertDispatcher: null,
    overlapsExperts: null,
    offload: 'none',
    wrap: 'layers',
    noSync: false,
    loadsWhole: false,
  },
  buffers: {
    reduceBucketElements: null,
    allgatherBucketElements: null,
    prefetchBucketElements: null,
    persistenceThresholdElements: null,
    maxLiveParameters: null,
    subGroupElements: null,
    overlapComm: null,
    ddpBucketBytes: null,
    gradientAsBucketView: false,
  },
  reinforcement: null,
  evaluation: null,
  checkpoints: null,
  dataset: {
    samples: null,
    epochs: null,
    maxSteps: null,
    tokens: null,
    dropLast: false,
    padding: 'none',
    lengthGrouped: false,
    names: [],
  },
  hardware: { gpu: null, price: null },
  retries: 1,
  billing: { unit: 'second', discounts: {}, reserved: {}, prices: [] },
  overheads: { startUpSeconds: null, interruptionShare: 0 },
  calibration: [],
  ruleOfThumb: { stepSeconds: 1.5 },
}

export interface SampleShape {
  readonly layers: number
  readonly rank: number
}

/** A run of a small Llama on one GPU; `rank` > 0 trains LoRA on every projection instead of the model. */
export function sampleRun(plan: Partial<TrainingPlan> = {}, shape: Partial<SampleShape> = {}): Run {
  const { layers, rank } = { layers: 4, rank: 0, ...shape }
  const hidden = 1024
  const vocabulary = 32_000
  const layer = llamaLayer({ hidden, heads: 16, keyValueHeads: 4, headDim: 64, width: 2816 })
  const embedding = weight('embed_tokens', 'embedding', [vocabulary, hidden])
  const head = weight('lm_head', 'head', [hidden, vocabulary])
  const finalNorm = weight('norm', 'norm', [hidden, 1])
  const architecture: Architecture = {
    name: 'sample',
    modelType: 'llama',
    family: 'llama',
    exact: true,
    hiddenSize: hidden,
    vocabSize: vocabulary,
    maxPositions: 4096,
    tiedEmbeddings: false,
    embedding: [embedding],
    layers: [{ count: layers, layer }],
    finalNorm: [finalNorm],
    head: { kind: 'causal-lm', outputs: vocabulary, tensors: [head] },
    vision: null,
    finalLogitSoftcap: false,
    hiddenDropout: 0,
    embeddingDropout: 0,
    checkpointDtype: 'bfloat16',
    checkpointQuantization: 'none',
    publishedParameters: null,
  }
  return { plan: { ...SAMPLE_PLAN, ...plan }, architecture, counts: countsOf(architecture, rank), gpu: null }
}

function countsOf(architecture: Architecture, rank: number): ModelCounts {
  const [run] = architecture.layers
  if (run === undefined) throw new Error('the sample has layers')
  const outer = [...architecture.embedding, ...architecture.finalNorm, ...architecture.head.tensors]
  const entries = [
    ...outer.map(tensor => ({ tensor, layers: 1 })),
    ...run.layer.tensors.map(tensor => ({ tensor, layers: run.count })),
  ]
  const total = entries.reduce((sum, entry) => sum + entry.layers * entry.tensor.parameters, 0)
  const targets = run.layer.tensors
    .filter(tensor => rank > 0 && tensor.kind === 'linear')
    .map(tensor => ({ tensor, layers: run.count, rank, parameters: rank * (tensor.inFeatures + tensor.outFeatures) }))
  const adapter = targets.reduce((sum, target) => sum + target.layers * target.parameters, 0)
  return {
    total,
    trainable: rank > 0 ? adapter : total,
    active: total,
    trainableBase: rank > 0 ? 0 : total,
    adapter,
    savedModules: 0,
    quantized: 0,
    unquantized: total,
    embedding: architecture.embedding.reduce((sum, tensor) => sum + tensor.parameters, 0),
    head: architecture.head.tensors.reduce((sum, tensor) => sum + tensor.parameters, 0),
    trainableTensors: rank > 0 ? [] : entries,
    adapterTargets: targets,
  }
}
