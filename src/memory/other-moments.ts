import type { MemoryItem } from '../plan/item.ts'
import type { Run } from '../plan/run.ts'
import { computeBytes } from './activations/element-sizes.ts'
import { evaluationLogitBytes } from './loss/evaluation-logit-bytes.ts'
import { item, short, sumBytes } from './memory-item.ts'
import { type StateContext, weightItems } from './states/persistent-items.ts'
import { tokensPerPass } from './tokens-per-pass.ts'

/** Evaluation keeps no activations; its logits coexist with what the loss makes of them. Null: the run does not evaluate. */
export function evaluationItems(run: Run): readonly MemoryItem[] | null {
  const { plan, architecture } = run
  if (plan.evaluation === null) return null
  const tokens = (tokensPerPass(plan) / plan.microBatchSize) * plan.evaluation.microBatchSize
  const perSequence = architecture.head.kind === 'sequence-classification'
  const perToken = perSequence ? 0 : architecture.head.outputs / plan.parallelism.tensor
  const { bytes, source } = evaluationLogitBytes(plan, computeBytes(plan))
  const widest = Math.max(...architecture.layers.map(({ layer }) => layer.mlp.width), architecture.hiddenSize)
  return [
    item('evaluation logits', tokens * perToken * bytes, {
      note: `${short(tokens)} tokens × ${short(perToken)} outputs × ${bytes} B`,
      source,
    }),
    item('evaluation activations', tokens * (3 * widest + 4 * architecture.hiddenSize) * computeBytes(plan), {
      note: `${short(tokens)} tokens × 3 MLP and 4 hidden tensors × ${computeBytes(plan)} B`,
      source: 'one layer at a time without autograd',
    }),
  ]
}

/** Memory of a generation engine on the training GPUs; null: none. */
export function colocatedEngine(run: Run): MemoryItem | null {
  const { reinforcement } = run.plan
  if (reinforcement === null || reinforcement.generation !== 'vllm_colocate' || run.gpu === null) return null
  const share = reinforcement.colocatedMemoryShare
  return item('generation engine', run.gpu.usableBytes * share, {
    note: `${share} of ${short(run.gpu.usableBytes)} B`,
    source: 'vLLM gpu_memory_utilization (trl 1.13 vllm_gpu_memory_utilization)',
  })
}

/** ZeRO-3 gathers all that generates beside its shards: the policy, and a value model in the same wrapper. Null: nothing is gathered. */
export function gatheredForGeneration({ plan, parameters, shards }: StateContext): MemoryItem | null {
  const { reinforcement, parallelism } = plan
  const generates = reinforcement?.generation === 'transformers' && reinforcement.gathersForGeneration !== false
  if (!generates || parallelism.data !== 'zero3' || shards.weights === 1) return null
  const policy = { ...plan, reinforcement: null }
  const models = reinforcement.valueModel ? 2 : 1
  const whole = sumBytes(weightItems({ plan: policy, parameters, shards: { ...shards, weights: 1 } }))
  return item('gathered weights', models * whole, {
    note: `${models} × ${short(parameters.total)} parameters, whole while they generate`,
    source: 'trl 1.13 models/utils.py unwrap_model_for_generation (deepspeed.zero.GatheredParameters)',
  })
}
