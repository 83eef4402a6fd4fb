import type { Attention, ParameterTensor } from '../../models/architecture.ts'
import { quantizes } from '../../models/count-parameters.ts'
import type { Run } from '../../plan/run.ts'
import { type HeldElements, heldElements } from './held-elements.ts'
import { stageLayers } from './stage-layers.ts'

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
  /** What is expanded from a quantised format at once while a layer runs, and what of that autograd keeps of every layer. */
  readonly expandedInLayer: number
  readonly expandedStacks: number
  /** Elements in experts that are spread over the expert-parallel group. */
  readonly expertTotal: number
  /** Those of them that train. */
  readonly trainableExperts: number
}

export function rankParameters(run: Run, stage: PipelineStage): RankParameters {
  const { plan, architecture, counts } = run
  const { tensor, pipeline, expert } = plan.parallelism
  const held = heldElements(plan)
  const here = layersHere(run, stage)
  const layerTotals = architecture.layers.map(({ layer }, index) => ({
    count: here.ofRuns[index] ?? 0,
    size: sumOf(layer.tensors, entry => held(entry, layer.attention)),
    experts: sumOf(layer.tensors, entry => (entry.part === 'experts' ? held(entry) : 0)),
  }))
  const layers = layerTotals.reduce((sum, entry) => sum + entry.count * entry.size, 0)
  const hasEmbedding = stage !== 'last'
  const hasHead = stage !== 'first'
  const headAll = sumOf(architecture.head.tensors, held)
  const table = Math.max(0, ...architecture.embedding.map(entry => held(entry)))
  const tiedCopy = stage === 'last' && architecture.tiedEmbeddings ? table : 0
  const embedding = hasEmbedding ? sumOf(architecture.embedding, held) : 0
  const head = (hasHead ? headAll : 0) + tiedCopy
  const vision = hasEmbedding ? architecture.vision : null
  const tower = vision === null ? 0 : sumOf([...vision.tensors, ...vision.projector], held)
  const total = layers + embedding + head + (hasHead ? sumOf(architecture.finalNorm, held) : 0) + tower
  const trained = trainedParts(run, { held, here, hasEmbedding, hasHead, tiedCopy })
  const { all: adapter, experts: adaptedExperts } = adapterElements(run, here, held)
  const savedModules = (counts.savedModules / tensor) * (pipeline > 1 ? 0.5 : 1)
  const quantizedShare = counts.total === 0 ? 0 : counts.quantized / Math.max(1, counts.quantized + counts.unquantized)
  const quantized = pipeline === 1 && tensor === 1 && expert === 1 ? counts.quantized : total * quantizedShare
  const matrices = architecture.layers.flatMap(entry => entry.layer.tensors)
  const expanded = architecture.layers.map(({ layer }, index) => ({
    count: here.ofRuns[index] ?? 0,
    ...expandedWeights(run, layer.tensors, entry => held(entry, layer.attention)),
  }))
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
    outputMatrix: hasHead
      ? headAll > 0
        ? Math.max(...architecture.head.tensors.map(entry => held(entry)))
        : table
      : 0,
    trainableLayer: (trained.layers + adapter) / Math.max(1, here.layers),
    untiedEmbedding: architecture.tiedEmbeddings ? 0 : trained.embedding,
    largestLayer: Math.max(0, ...layerTotals.map(entry => (entry.count > 0 ? entry.size : 0))),
    layers: here.layers,
    largestTrainable: trained.largest / tensor,
    largestLayerMatrix,
    expandedInLayer: Math.max(0, ...expanded.map(entry => (entry.count > 0 ? entry.atOnce : 0))),
    expandedStacks: expanded.reduce((sum, entry) => sum + entry.count * entry.stacks, 0),
    expertTotal: layerTotals.reduce((sum, entry) => sum + entry.count * entry.experts, 0),
    trainableExperts: trained.experts + adaptedExperts,
  }
}

interface LayersHere {
  readonly layers: number
  /** Part of all layers. */
  readonly mean: number
  /** Of each run of the architecture. */
  readonly ofRuns: readonly number[]
  /** Which part of a tensor's layers is here, and its layer's attention. */
  readonly of: (tensor: ParameterTensor) => { readonly share: number; readonly attention?: Attention }
}

function layersHere({ plan, architecture }: Run, stage: PipelineStage): LayersHere {
  const ofRuns = stageLayers(architecture, plan.parallelism, stage)
  const layers = ofRuns.reduce((sum, count) => sum + count, 0)
  const all = architecture.layers.reduce((sum, { count }) => sum + count, 0)
  const mean = all === 0 ? 0 : layers / all
  const known = new Map(
    architecture.layers.flatMap(({ count, layer }, index) => {
      const entry = { share: (ofRuns[index] ?? 0) / Math.max(1, count), attention: layer.attention }
      return layer.tensors.map(tensor => [tensor, entry] as const)
    }),
  )
  return { layers, mean, ofRuns, of: tensor => known.get(tensor) ?? { share: mean } }
}

/** Adapters in the layers that are here, an expert's with its expert; what belongs to no module is spread evenly. */
function adapterElements(
  { plan, counts }: Run,
  here: LayersHere,
  held: HeldElements,
): { all: number; experts: number } {
  let [all, experts, inModules] = [0, 0, 0]
  for (const { tensor, layers, parameters } of counts.adapterTargets) {
    const { share, attention } = here.of(tensor)
    const isExpert = tensor.part === 'experts'
    const ranks = isExpert ? tensor.parameters / held(tensor, attention) : plan.parallelism.tensor
    const elements = (layers * parameters * share) / ranks
    inModules += layers * parameters
    all += elements
    experts += isExpert ? elements : 0
  }
  return { all: all + ((counts.adapter - inModules) * here.mean) / plan.parallelism.tensor, experts }
}

interface TrainedContext {
  readonly held: HeldElements
  readonly here: LayersHere
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
    const { share, attention } = context.here.of(tensor)
    const held = context.held(tensor, attention) * layers
    biggest = Math.max(biggest, matrixElements(tensor))
    if (tensor.part === 'experts') experts += held * share
    if (!outerPaths.has(tensor.path)) {
      const inTower = tensor.part === 'vision' || tensor.part === 'projector'
      base += held * (inTower ? 1 : share)
      inLayers += inTower ? 0 : held * share
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

function sumOf(tensors: readonly ParameterTensor[], held: HeldElements): number {
  return tensors.reduce((sum, tensor) => sum + held(tensor), 0)
}

/** Fused experts are one parameter; separate ones are matrices of their own. */
function matrixElements(tensor: ParameterTensor): number {
  return tensor.fused ? tensor.parameters : tensor.parameters / Math.max(1, tensor.count)
}

/**
 * A quantised matrix is expanded for its product and let go. A stack of experts is a parametrised tensor: all of it is expanded at its first
 * use, and autograd keeps the result for the gradient of its input (bitsandbytes 0.49 nn/parametrize.py). An adapted one is kept as W + B·A.
 */
function expandedWeights(
  { plan, counts }: Run,
  tensors: readonly ParameterTensor[],
  held: HeldElements,
): { readonly atOnce: number; readonly stacks: number } {
  if (plan.quantization === 'none') return { atOnce: 0, stacks: 0 }
  const { quantizesExperts } = plan.quantizationDetails
  const isStack = (tensor: ParameterTensor): boolean =>
    (quantizesExperts === 'stacks' || quantizesExperts === 'read_stacks') && tensor.kind === 'expert' && tensor.fused
  const adapted = new Set(quantizesExperts === 'read_stacks' ? [] : counts.adapterTargets.map(({ tensor }) => tensor))
  const quantized = tensors.filter(tensor => quantizes(tensor, plan))
  const matrices = quantized.map(tensor =>
    tensor.fused && quantizesExperts !== 'linear' ? held(tensor) : held(tensor) / Math.max(1, tensor.count),
  )
  const stacks = sumOf(
    quantized.filter(tensor => isStack(tensor) && !adapted.has(tensor)),
    held,
  )
  return { atOnce: Math.max(stacks, ...matrices), stacks: quantizesExperts === 'stacks' ? stacks : 0 }
}

function largest(tensors: readonly ParameterTensor[]): number {
  return tensors.reduce((most, tensor) => Math.max(most, matrixElements(tensor)), 0)
}
