import type { Architecture, Layer, LayerRun } from '../../models/architecture.ts'
import type { MemoryItem } from '../../plan/item.ts'
import type { Run } from '../../plan/run.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { item, short } from '../memory-item.ts'
import type { PipelineStage } from '../sharding/rank-parameters.ts'
import { type LayerTape, measureLayer } from './block.ts'
import type { BlockContext } from './block-context.ts'
import { computeBytes } from './element-sizes.ts'
import { type LayerContexts, layerContext } from './layer-context.ts'
import { linear } from './linear.ts'
import { norm } from './norm.ts'
import { Tape } from './tape.ts'

export interface ActivationItems {
  /** Saved tensors or checkpoints of all layers at the end of forward. */
  readonly kept: MemoryItem
  /** What one layer's backward (with its re-computation) adds to `kept`. */
  readonly hump: MemoryItem
  /** Gradients of layer inputs that outlive their layer's backward; all are there when the first layer runs. */
  readonly retained: MemoryItem
  /** Final norm and the head's input. */
  readonly tail: MemoryItem
  /** Moved to host memory. */
  readonly hostBytes: number
  /** Kept bytes of one layer: what is left when the first layer runs backward. */
  readonly lastKept: number
  readonly quantizesHead: boolean
}

interface LayerMeasure extends LayerTape {
  readonly count: number
  readonly checkpoint: number
  readonly selective: number
  /** Most that is there while full checkpointing runs a unit again and backward. */
  readonly recomputed: number
  /** Saved where the attention scores are computed again. */
  readonly withoutScores: number
}

export function activationItems(
  run: Run,
  { tokens, stage }: { readonly tokens: number; readonly stage: PipelineStage },
): ActivationItems {
  const { plan } = run
  const contextOf = layerContext(run)
  const measures = run.architecture.layers.map(entry => measured(entry, contextOf(entry.layer), run))
  const inFlight = microBatchesInFlight(plan, stage)
  const layersShare = 1 / plan.parallelism.pipeline
  const perToken = keptPerToken(plan, measures) * layersShare * inFlight
  const recomputes = plan.gradientCheckpointing !== 'none' && !keepsLayers(plan)
  const humps = measures.map(entry => humpPerToken(plan, entry))
  const hump = Math.max(0, ...humps)
  const offloaded = plan.activationOffload
  const layers = run.architecture.layers.reduce((sum, entry) => sum + entry.count, 0) * layersShare
  const lastKept = (perToken / Math.max(1, layers)) * tokens
  const kept = offloaded ? Math.min(perToken, (2 * perToken) / Math.max(1, layers)) : perToken
  const flightNote = inFlight === 1 ? '' : ` × ${short(inFlight)} micro-batches in flight`
  return {
    kept: item(recomputes ? 'checkpoints' : 'activations', kept * tokens, {
      note: `${short(tokens)} tokens × ${short(perToken / Math.max(1, layers) / inFlight)} B × ${short(layers)} layers${flightNote}${offloaded ? ', offloaded to the host but for two layers' : ''}`,
      source: contextOf.source,
    }),
    hump: item(recomputes ? 're-computed layer and its gradients' : 'gradients of activations', hump * tokens, {
      note: `${short(tokens)} tokens × ${short(hump)} B of the largest layer${keepsLayers(plan) ? ', re-computed scores included' : ''}`,
      source: contextOf.source,
    }),
    retained: retainedGradients(plan, tokens * layersShare, measures),
    tail: tailItem(run, { tokens, stage, contextOf }),
    hostBytes: offloaded ? perToken * tokens : 0,
    lastKept,
    quantizesHead: plan.quantizationDetails.quantizesHead || contextOf.shared.rules.quantizesHead,
  }
}

/** Bytes per token of the plan: a stack of fixed length holds the same whatever the sequences' length. */
function measured(
  { count, layer, positions }: LayerRun,
  { sequenceLength, ...rest }: BlockContext,
  run: Run,
): LayerMeasure {
  const length = positions ?? sequenceLength
  const share = length / sequenceLength
  const context = { ...rest, sequenceLength: length }
  const { saved, backwardPeak, inputSaved } = measureLayer(layer, context)
  const [units, recomputed] = recomputedUnits(run, layer)
  const humps = recomputed.map(unit => measureLayer(unit, context)).map(unit => unit.backwardPeak - unit.inputSaved)
  return {
    count,
    saved: share * saved,
    backwardPeak: share * backwardPeak,
    inputSaved: share * inputSaved,
    checkpoint: share * units * context.hiddenSize * context.sizes.residual,
    selective: share * selectivePerToken(layer, context, run.plan.compile),
    recomputed: share * Math.max(...humps),
    withoutScores:
      context.algorithm === 'fused'
        ? share * saved
        : share * measureLayer(layer, { ...context, algorithm: 'fused' }).saved,
  }
}

/** Of these it has layers of its own (nemo_automodel _transformers/registry.py @36044ad3d); those of transformers it re-computes whole. */
const OWN_LAYERS = new Set(['llama', 'qwen2', 'qwen3', 'baichuan', 'ministral3'])

/**
 * What full checkpointing runs again at once, and how many inputs of such units a layer keeps. nemo_automodel
 * components/distributed/activation_checkpointing.py apply_submodule_checkpointing: both norms, attention and MLP each keep theirs.
 */
function recomputedUnits({ plan, architecture }: Run, layer: Layer): readonly [number, readonly Layer[]] {
  const apart = plan.framework === 'nemo-automodel' && layer.moe === null && !layer.parallelResidual
  if (!apart || !(OWN_LAYERS.has(architecture.modelType) || plan.compile)) return [1, [layer]]
  const attention = { ...layer, mlp: { ...layer.mlp, kind: 'none', width: 0 } } as const
  const mlp = { ...layer, attention: { ...layer.attention, kind: 'none' } } as const
  return [plan.compile ? 2 : 4, [attention, mlp]]
}

/**
 * torchtitan distributed/activation_checkpoint.py op policy: attention outputs and every second matrix product are kept,
 * the rest of the layer is re-computed. Products in order: q, k, v, o, gate, up, down. No backward reads the last one's output, which a
 * compiled graph therefore drops (measured with PyTorch 2.13 on CPU, bench/memory-lab/selective_compiled.py).
 */
function selectivePerToken(layer: Layer, context: BlockContext, compiled: boolean): number {
  const { attention, mlp } = layer
  const share = context.sizes.compute / context.tensorParallel
  const last = compiled ? 0 : context.hiddenSize * context.sizes.compute
  const products = (attention.queryWidth + attention.keyValueWidth + mlp.width) * share + last
  return (
    context.hiddenSize * context.sizes.residual +
    products +
    attention.queryWidth * share +
    (4 * attention.heads) / context.tensorParallel
  )
}

/** Selective re-computation that drops no more than the scores of unfused attention. */
function keepsLayers(plan: TrainingPlan): boolean {
  return plan.gradientCheckpointing === 'selective' && recomputesCoreAttentionOnly(plan)
}

function keptPerToken(plan: TrainingPlan, measures: readonly LayerMeasure[]): number {
  const mode = plan.gradientCheckpointing
  let sum = 0
  for (const entry of measures) sum += entry.count * keptOfLayer(plan, mode, entry)
  return sum
}

function keptOfLayer(plan: TrainingPlan, mode: TrainingPlan['gradientCheckpointing'], entry: LayerMeasure): number {
  if (mode === 'none') return entry.saved
  if (mode === 'full') return entry.checkpoint
  if (mode === 'selective') return recomputesCoreAttentionOnly(plan) ? entry.withoutScores : entry.selective
  return entry.checkpoint / mode.every + entry.saved * (1 - 1 / mode.every)
}

/** Megatron's selective re-computation drops the scores only, which a flash kernel never keeps; so do its forks without TransformerEngine. */
function recomputesCoreAttentionOnly(plan: TrainingPlan): boolean {
  return (
    plan.framework === 'megatron' ||
    plan.fusedKernels === 'transformer_engine' ||
    plan.parallelism.data === 'distributed_optimizer'
  )
}

function humpPerToken(plan: TrainingPlan, entry: LayerMeasure): number {
  const mode = plan.gradientCheckpointing
  const gradients = entry.backwardPeak - entry.saved
  if (mode === 'none') return gradients
  if (keepsLayers(plan)) return entry.saved - entry.withoutScores + gradients
  const reentrantCopy = plan.checkpointingReentrant ? entry.checkpoint : 0
  if (mode === 'selective') return entry.saved - entry.selective + gradients
  return entry.recomputed + reentrantCopy
}

/**
 * A frozen FSDP1 unit waits for its backward with a hook on its inputs (torch 2.13 distributed/fsdp/_runtime_utils.py
 * _register_post_backward_reshard_only_hooks). Re-entrant checkpointing makes these inputs leaves, which the hook then keeps, their
 * gradients with them, until the whole backward is done. Adapters are units of their own there (peft utils/other.py fsdp_auto_wrap_policy).
 */
function retainedGradients(plan: TrainingPlan, tokens: number, measures: readonly LayerMeasure[]): MemoryItem {
  const { adapter, checkpointingReentrant, gpus, gradientCheckpointing, parallelism } = plan
  const shards = gpus > 1 && parallelism.data === 'fsdp1' && parallelism.wrap === 'layers'
  const keeps = shards && adapter !== null && checkpointingReentrant && gradientCheckpointing === 'full'
  const inputs = measures.reduce((sum, { count, checkpoint }) => sum + count * checkpoint, 0)
  const last = measures.at(-1)?.checkpoint ?? 0
  const perToken = keeps ? Math.max(0, inputs - last) : 0
  return item('retained gradients of layer inputs', tokens * perToken, {
    note: `${short(tokens)} tokens × ${short(perToken)} B, until the backward is done`,
    source: 'torch 2.13 distributed/fsdp/_runtime_utils.py; bench/memory-lab/fsdp_retained.py',
  })
}

/** 1F1B (Narayanan et al. 2021, arXiv 2104.04473 §2.2): the first stage holds `pipeline` micro-batches, the last one. Interleaving: warm-up chunks of Megatron-LM core/pipeline_parallel/schedules.py. */
function microBatchesInFlight(plan: TrainingPlan, stage: PipelineStage): number {
  const { pipeline, pipelineInterleave } = plan.parallelism
  if (pipeline === 1) return 1
  const interleaved = pipelineInterleave > 1
  const ahead = stage === 'first' ? pipeline - 1 : 0
  if (!interleaved) return Math.min(plan.gradientAccumulationSteps, ahead + 1)
  const chunks = 2 * ahead + (pipelineInterleave - 1) * pipeline + 1
  return Math.min(plan.gradientAccumulationSteps, chunks / pipelineInterleave)
}

/** The final norm and the head keep what a norm and a projection of a layer would, and the head's input whole under sequence parallelism. */
function tailItem(
  run: Run,
  {
    tokens,
    stage,
    contextOf,
  }: { readonly tokens: number; readonly stage: PipelineStage; readonly contextOf: LayerContexts },
): MemoryItem {
  const { plan, architecture } = run
  const layer = architecture.layers.at(-1)?.layer
  const none = stage === 'first' || architecture.head.kind === 'sequence-classification' || layer === undefined
  const { tensor, sequenceParallel } = plan.parallelism
  const gathered = !none && sequenceParallel && tensor > 1 ? architecture.hiddenSize * computeBytes(plan) : 0
  const perToken = none ? 0 : headPerToken(architecture, { layer, context: contextOf(layer) })
  return item('final norm and head input', tokens * (perToken + gathered), {
    note: `${short(tokens)} tokens × ${short(perToken)} B${gathered > 0 ? ` + ${gathered} B gathered over the sequence` : ''}`,
    source: `${contextOf.source}; Megatron-LM core/tensor_parallel/layers.py and torch DTensor gather the head's input`,
  })
}

function headPerToken(
  { finalNorm, head, embedding }: Architecture,
  { layer, context }: { readonly layer: Layer; readonly context: BlockContext },
): number {
  const tape = new Tape()
  const stream = tape.input(context.hiddenSize, context.sizes.residual)
  const trains = finalNorm.some(({ path }) => context.trains(path))
  const normed = finalNorm.length === 0 ? stream : norm(tape, stream, context, { norms: layer.norms, trains })
  const [matrix] = head.tensors.length > 0 ? head.tensors : embedding
  linear(tape, normed, context, { path: matrix?.path ?? '', width: head.outputs / context.tensorParallel })
  return tape.measure().saved
}
