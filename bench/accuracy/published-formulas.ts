import type { Run } from '../../src/plan/run.ts'

/** Another estimator's figure for a run, in bytes per GPU. For comparison only. */
export interface PublishedFormula {
  readonly name: string
  readonly source: string
  readonly bytes: (run: Run) => number
}

export const PUBLISHED_FORMULAS: readonly PublishedFormula[] = [
  {
    name: 'rule of thumb',
    source: '4 × parameters × 2 B + batch × length × hidden × layers × 2 B',
    bytes: ruleOfThumb,
  },
  { name: 'EleutherAI cookbook', source: 'EleutherAI/cookbook calc/calc_transformer_mem.py', bytes: cookbook },
  {
    name: 'DeepSpeed estimator + activations',
    source: 'DeepSpeed runtime/zero/stage3.py estimate_zero3_model_states_mem_needs and Korthikanti et al. 2022',
    bytes: deepSpeed,
  },
  {
    name: 'states + activations',
    source: '16 B per trained parameter, 2 B per frozen one, Korthikanti et al. 2022',
    bytes: statesAndActivations,
  },
]

function layerCount(run: Run): number {
  return run.architecture.layers.reduce((sum, entry) => sum + entry.count, 0)
}

function tokens({ plan }: Run): number {
  return (plan.microBatchSize * plan.sequenceLength) / plan.parallelism.context
}

function modelParallel({ plan }: Run): number {
  return plan.parallelism.tensor * plan.parallelism.pipeline
}

function ruleOfThumb(run: Run): number {
  return 8 * run.counts.total + 2 * tokens(run) * run.architecture.hiddenSize * layerCount(run)
}

/** Korthikanti et al. 2022 (arXiv 2205.05198): 34·s·b·h per layer, 2·s·b·h with full re-computation. */
function korthikanti(run: Run): number {
  const perLayer = run.plan.gradientCheckpointing === 'full' ? 2 : 34
  return (perLayer * tokens(run) * run.architecture.hiddenSize * layerCount(run)) / modelParallel(run)
}

/** Parameters 2 B, gradients 4 B, AdamW 12 B, ZeRO divided by all GPUs, fixed buckets, 34·s·b·h activations whenever re-computation is on. */
function cookbook(run: Run): number {
  const { plan, counts, architecture } = run
  const parameters = counts.total / modelParallel(run)
  const stage = { none: 0, ddp: 0, zero1: 1, distributed_optimizer: 1, zero2: 2, zero3: 3, fsdp1: 3, fsdp2: 3 }[
    plan.parallelism.data
  ]
  const over = (from: number) => (stage >= from ? plan.gpus : 1)
  const states = parameters * (2 / over(3) + 4 / over(2) + 12 / over(1))
  const buckets = stage === 0 ? 0 : 1e9 + (stage === 3 ? 2e9 : 0)
  const perLayer =
    34 + (plan.gradientCheckpointing === 'full' ? 0 : (5 * heads(run) * plan.sequenceLength) / architecture.hiddenSize)
  return (
    states + buckets + perLayer * tokens(run) * architecture.hiddenSize * (layerCount(run) / plan.parallelism.pipeline)
  )
}

function heads(run: Run): number {
  return run.architecture.layers[0]?.layer.attention.heads ?? 0
}

/** ZeRO-3: 4 × largest layer + 18·P ÷ N; ZeRO-2: 2·P + 18·P ÷ N; elsewhere 18·P. */
function deepSpeed(run: Run): number {
  const { plan, counts } = run
  const parameters = counts.total / modelParallel(run)
  const ranks = Math.max(1, plan.gpus / modelParallel(run))
  const { data } = plan.parallelism
  const largest = Math.max(counts.embedding, counts.head)
  const states =
    data === 'zero3' || data === 'fsdp1' || data === 'fsdp2'
      ? 4 * largest + (18 * parameters) / ranks
      : data === 'zero1' || data === 'zero2' || data === 'distributed_optimizer'
        ? 2 * parameters + (18 * parameters) / ranks
        : 18 * parameters
  return states + korthikanti(run)
}

function statesAndActivations(run: Run): number {
  const { plan, counts } = run
  const sharded = plan.parallelism.data === 'zero3' || plan.parallelism.data.startsWith('fsdp')
  const ranks = sharded ? Math.max(1, plan.gpus / modelParallel(run)) : 1
  const frozen = Math.max(0, counts.total - counts.trainableBase)
  const weightBytes = plan.quantization === 'none' ? 2 : 0.5
  return (16 * counts.trainable + weightBytes * frozen) / modelParallel(run) / ranks + korthikanti(run)
}
