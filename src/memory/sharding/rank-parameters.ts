import type { ParameterTensor } from '../../models/architecture.ts'
import type { Run } from '../../plan/run.ts'
import { expertTensorParallel } from './shard-sizes.ts'

/** Which pipeline rank: `first` holds the embedding and the most micro-batches in flight, `last` the head and the loss. */
export type PipelineStage = 'only' | 'first' | 'last'

/** Elements held by one model-parallel rank before data-parallel sharding. */
export interface RankParameters {
  /** Base model, adapters not included. */
  readonly total: number
  readonly quantized: number
  readonly unquantized: number
  readonly trainableBase: number
  readonly adapter: number
  readonly savedModules: number
  readonly trainable: number
  /** Trainable elements in embedding tables. */
  readonly trainableEmbedding: number
  readonly embedding: number
  readonly head: number
  /** The matrix that makes the logits, a tied table included; 0 on the first pipeline rank. */
  readonly outputMatrix: number
  /** Trained elements of one layer, adapters included (mean over the layers). */
  readonly trainableLayer: number
  /** Trained elements of embeddings that no head shares: their gradients come last. */
  readonly untiedEmbedding: number
  /** The largest layer, and how many layers this rank holds. */
  readonly largestLayer: number
  readonly layers: number
  /** Elements of the largest trainable matrix, and of the largest matrix at all. */
  readonly largestTrainable: number
  readonly largestLayerMatrix: number
  readonly largestQuantizedMatrix: number
  /** Elements in experts that are spread over the expert-parallel group. */
  readonly expertTotal: number
  /** Those of them that train. */
  readonly trainableExperts: number
}

interface Split {
  readonly dense: number
  readonly experts: number
}

export function rankParameters(run: Run, stage: PipelineStage): RankParameters {
  const { plan, architecture, counts } = run
  const { tensor, pipeline, expert } = plan.parallelism
  const expertRanks = expertTensorParallel(plan) * expert
  const share = (split: Split) => split.dense / tensor + split.experts / expertRanks
  const layerCount = architecture.layers.reduce((sum, entry) => sum + entry.count, 0)
  const onStage = layerCount === 0 ? 0 : Math.ceil(layerCount / pipeline) / layerCount
  const layerTotals = architecture.layers.map(entry => ({ count: entry.count, split: splitOf(entry.layer.tensors) }))
  const layers = layerTotals.reduce((sum, entry) => sum + entry.count * share(entry.split), 0) * onStage
  const experts = layerTotals.reduce((sum, entry) => sum + entry.count * entry.split.experts, 0)
  const hasEmbedding = stage !== 'last'
  const hasHead = stage !== 'first'
  const embeddingAll = elements(architecture.embedding) / tensor
  const headAll = elements(architecture.head.tensors) / tensor
  const table = largest(architecture.embedding) / tensor
  const tiedCopy = stage === 'last' && architecture.tiedEmbeddings ? table : 0
  const embedding = hasEmbedding ? embeddingAll : 0
  const head = (hasHead ? headAll : 0) + tiedCopy
  const tower =
    hasEmbedding && architecture.vision !== null
      ? elements(architecture.vision.tensors) + elements(architecture.vision.projector)
      : 0
  const total = layers + embedding + head + (hasHead ? elements(architecture.finalNorm) : 0) + tower
  const trained = trainedParts(run, { share, onStage, hasEmbedding, hasHead, tiedCopy })
  const adapter = (counts.adapter / tensor) * onStage
  const savedModules = (counts.savedModules / tensor) * (pipeline > 1 ? 0.5 : 1)
  const quantizedShare = counts.total === 0 ? 0 : counts.quantized / Math.max(1, counts.quantized + counts.unquantized)
  const quantized = pipeline === 1 && tensor === 1 && expert === 1 ? counts.quantized : total * quantizedShare
  const matrices = architecture.layers.flatMap(entry => entry.layer.tensors)
  const largestLayerMatrix = largest(matrices) / tensor
  return {
    total,
    quantized,
    unquantized: Math.max(0, total - quantized),
    trainableBase: trained.base,
    adapter,
    savedModules,
    trainable: trained.base + adapter + savedModules,
    trainableEmbedding: trained.embedding,
    embedding,
    head,
    outputMatrix: hasHead ? (headAll > 0 ? largest(architecture.head.tensors) / tensor : table) : 0,
    trainableLayer: (trained.layers + adapter) / Math.max(1, layerCount * onStage),
    untiedEmbedding: architecture.tiedEmbeddings ? 0 : trained.embedding,
    largestLayer: Math.max(0, ...layerTotals.map(entry => share(entry.split))),
    layers: layerCount * onStage,
    largestTrainable: trained.largest / tensor,
    largestLayerMatrix,
    largestQuantizedMatrix: plan.quantizationDetails.quantizesHead
      ? Math.max(headAll, largestLayerMatrix)
      : largestLayerMatrix,
    expertTotal: (experts / expertRanks) * onStage,
    trainableExperts: trained.experts,
  }
}

interface TrainedContext {
  readonly share: (split: Split) => number
  readonly onStage: number
  readonly hasEmbedding: boolean
  readonly hasHead: boolean
  readonly tiedCopy: number
}

interface TrainedParts {
  readonly base: number
  readonly layers: number
  readonly embedding: number
  readonly experts: number
  readonly largest: number
}

function trainedParts(run: Run, context: TrainedContext): TrainedParts {
  const outer = new Set([
    ...run.architecture.embedding,
    ...run.architecture.finalNorm,
    ...run.architecture.head.tensors,
  ])
  const outerPaths = new Set([...outer].map(tensor => tensor.path))
  let [base, inLayers, embedding, experts, biggest] = [0, 0, 0, 0, 0]
  for (const { tensor, layers } of run.counts.trainableTensors) {
    const split = splitOf([tensor])
    const held = context.share(split) * layers
    biggest = Math.max(biggest, matrixElements(tensor))
    if (tensor.part === 'experts') experts += held * context.onStage
    if (!outerPaths.has(tensor.path)) {
      const inTower = tensor.part === 'vision' || tensor.part === 'projector'
      base += held * (inTower ? 1 : context.onStage)
      inLayers += inTower ? 0 : held * context.onStage
    } else if (tensor.part === 'embedding') {
      const here = context.hasEmbedding ? held : Math.min(held, isTable(tensor, run) ? context.tiedCopy : 0)
      base += here
      embedding += here
    } else {
      base += context.hasHead ? held : 0
    }
  }
  return { base, layers: inLayers, embedding, experts, largest: biggest }
}

/** The token table, which a tied head shares; position tables are smaller. */
function isTable(tensor: ParameterTensor, run: Run): boolean {
  return matrixElements(tensor) === largest(run.architecture.embedding)
}

function splitOf(tensors: readonly ParameterTensor[]): Split {
  let [dense, experts] = [0, 0]
  for (const tensor of tensors) {
    if (tensor.part === 'experts') experts += tensor.parameters
    else dense += tensor.parameters
  }
  return { dense, experts }
}

function elements(tensors: readonly ParameterTensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.parameters, 0)
}

/** Fused experts are one parameter; separate ones are matrices of their own. */
function matrixElements(tensor: ParameterTensor): number {
  return tensor.fused ? tensor.parameters : tensor.parameters / Math.max(1, tensor.count)
}

function largest(tensors: readonly ParameterTensor[]): number {
  return tensors.reduce((most, tensor) => Math.max(most, matrixElements(tensor)), 0)
}
