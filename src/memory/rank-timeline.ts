import type { MemoryItem } from '../plan/item.ts'
import type { Run } from '../plan/run.ts'
import { activationItems } from './activations/activation-items.ts'
import { adaptedExperts } from './activations/adapted-experts.ts'
import { denseUpdates } from './activations/dense-updates.ts'
import { weightCopies } from './activations/weight-copies.ts'
import { lossItems } from './loss/loss-items.ts'
import type { Moment, MomentName } from './memory-estimate.ts'
import { item, sumBytes } from './memory-item.ts'
import { colocatedEngine, evaluationItems, gatheredForGeneration } from './other-moments.ts'
import { workspaceItem } from './overheads/outside-tensors.ts'
import { activeParameters } from './sharding/active-parameters.ts'
import { bufferItems, type IdleStreams } from './sharding/buffer-items.ts'
import { type PipelineStage, rankParameters } from './sharding/rank-parameters.ts'
import { shardSizes } from './sharding/shard-sizes.ts'
import { gradientBytes, stepItem } from './states/gradient-items.ts'
import { persistentItems } from './states/persistent-items.ts'
import { logitTokensPerPass, tokensPerPass } from './tokens-per-pass.ts'

export interface RankTimeline {
  readonly moments: readonly Moment[]
  /** What the loss holds of whole logits at its most; 0 when they are never whole. */
  readonly logitsBytes: number
  /** The smaller of the layer's and the loss's hump: its blocks lie idle while the other one peaks. */
  readonly smallerHumpBytes: number
  /** What a forward and backward pass has on top of what stays, and what the optimizer step has. */
  readonly passBytes: number
  readonly stepBytes: number
  /** Of the optimizer step, what only it has. */
  readonly stepTemporaryBytes: number
  /** Gradients of layer inputs that take the place of what the loss freed. */
  readonly retainedBytes: number
  readonly idleStreams: IdleStreams
  /** Of the loss: freed before its peak, too small for what it makes then. */
  readonly idleLogitsBytes: number
  readonly persistentBytes: number
  /** Kept in host memory by this rank. */
  readonly hostBytes: number
}

/** What of the card a timeline depends on: kernels and workspace by generation, and an engine's share of its memory. */
export function cardKey({ plan, gpu }: Run): string {
  return `${gpu?.generation} ${plan.reinforcement?.generation === 'vllm_colocate' ? gpu?.usableBytes : ''}`
}

/** The moments of one steady-state step on one rank: what is there at each. */
export function rankTimeline(run: Run, stage: PipelineStage): RankTimeline {
  const { plan, architecture } = run
  const parameters = activeParameters(plan, rankParameters(run, stage))
  const context = { plan, parameters, shards: shardSizes(plan, parameters) }
  const tokens = tokensPerPass(plan)
  const states = persistentItems(context)
  const buffers = bufferItems(context, architecture.hiddenSize)
  const gradients = gradientBytes(context)
  const activations = activationItems(run, { tokens, stage })
  const loss = lossItems(run, { tokens: logitTokensPerPass(plan), trainsHead: gradients.unreducedHead > 0, stage })
  const engine = colocatedEngine(run)
  const sleeps = plan.reinforcement?.sleepMode === true
  const resident = engine === null || sleeps ? [] : [engine]
  const always = [...states.device, ...buffers.persistent, ...resident, workspaceItem(run.gpu)]
  const gathered = gatheredForGeneration(context)
  const whileGenerating = [sleeps ? engine : null, gathered].filter(entry => entry !== null)
  const evaluation = evaluationItems(run)
  const experts = adaptedExperts(run)
  const updates = denseUpdates(run)
  const step = stepItem(context)
  const copies = weightCopies(plan, parameters, activations.quantizesHead)
  const part = (bytes: number, note: string) => item('gradients', bytes, { note, source: gradients.all.source })
  const { early } = gradients
  const headGradient = gradients.preallocated ? early : part(gradients.head, 'of the head')
  const lastLayer = item(activations.kept.name, Math.min(activations.kept.bytes, activations.lastKept), {
    note: 'of the first layer',
    source: activations.kept.source,
  })
  const moments = [
    moment('after load', [...always, ...buffers.load]),
    moment('end of forward', [
      ...always,
      ...buffers.forward,
      copies.forward,
      copies.dequantizedStacks,
      experts.kept,
      updates.kept,
      early,
      activations.kept,
      activations.tail,
      loss.endOfForward,
    ]),
    moment('loss', [
      ...always,
      ...buffers.forward,
      copies.head,
      copies.dequantizedStacks,
      experts.kept,
      updates.kept,
      early,
      activations.kept,
      activations.tail,
      loss.backward,
      item('head gradients', loss.headGradients * gradients.unreducedHead, {
        note: 'one chunk added to the sum',
        source: gradients.all.source,
      }),
    ]),
    moment('head backward', [
      ...always,
      ...buffers.forward,
      copies.head,
      copies.dequantizedStacks,
      experts.kept,
      updates.kept,
      copies.dequantizedHead,
      early,
      activations.kept,
      activations.tail,
      loss.headBackward,
      part(gradients.preallocated ? 0 : gradients.unreducedHead, 'of the head'),
    ]),
    moment('backward', [
      ...always,
      ...buffers.backward,
      copies.backward,
      copies.dequantizedStacks,
      experts.kept,
      updates.kept,
      experts.hump,
      updates.hump,
      copies.dequantizedLayer,
      headGradient,
      activations.kept,
      activations.retained,
      activations.hump,
      loss.kept,
    ]),
    larger(
      moment('gradients complete', [
        ...always,
        ...buffers.backward,
        copies.backward,
        experts.hump,
        updates.hump,
        copies.dequantizedLayer,
        part(gradients.beforeFirstLayer, 'but those of the first layer and the embedding'),
        part(gradients.preallocated ? gradients.incoming : 0, 'one matrix being added'),
        lastLayer,
        activations.retained,
        activations.hump,
        loss.kept,
      ]),
      moment('gradients complete', [...always, ...buffers.backward, gradients.all, loss.kept]),
    ),
    moment('optimizer step', [...always, ...buffers.step, gradients.all, step]),
    ...(evaluation === null ? [] : [moment('evaluation', [...always, ...buffers.forward, ...evaluation])]),
    ...(engine === null && gathered === null ? [] : [moment('generation', [...always, ...whileGenerating])]),
  ]
  const persistentBytes = sumBytes(always)
  const most = (names: ReadonlySet<MomentName>) =>
    Math.max(0, ...moments.filter(({ name }) => names.has(name)).map(({ bytes }) => bytes - persistentBytes))
  return {
    moments,
    passBytes: most(PASS),
    stepBytes: most(STEP),
    stepTemporaryBytes: step.bytes,
    retainedBytes: activations.retained.bytes,
    idleStreams: buffers.idle,
    logitsBytes: loss.logits > 0 ? Math.max(loss.endOfForward.bytes, loss.backward.bytes) : 0,
    smallerHumpBytes: Math.min(activations.hump.bytes, loss.backward.bytes),
    idleLogitsBytes: loss.idle,
    persistentBytes,
    hostBytes: sumBytes(states.host) + activations.hostBytes,
  }
}

const PASS: ReadonlySet<MomentName> = new Set<MomentName>(['end of forward', 'loss', 'head backward', 'backward'])
const STEP: ReadonlySet<MomentName> = new Set<MomentName>(['optimizer step'])

function larger(first: Moment, second: Moment): Moment {
  return first.bytes >= second.bytes ? first : second
}

function moment(name: MomentName, items: readonly MemoryItem[]): Moment {
  const present = items.filter(entry => entry.bytes > 0)
  return { name, items: present, bytes: sumBytes(present) }
}
