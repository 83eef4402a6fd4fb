import type { MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { ConfigDocument } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import { launchComment } from '../header-comment.ts'
import { mapped, section } from '../section.ts'

export function readShardSize(top: Fields): MutablePlanDraft {
  const shard = top.isSet('data_parallel_shard_dim') ? top.integer('data_parallel_shard_dim') : undefined
  if (shard && shard.value > 0) return { 'parallelism.shardSize': shard }
  const copies = top.isSet('data_parallel_replicate_dim')
    ? top.integer('data_parallel_replicate_dim', { min: 1 })
    : undefined
  if (!copies || copies.value === 1) return {}
  const others = ['tensor_parallel_dim', 'context_parallel_dim'].map(key => top.integer(key, { min: 1 })?.value ?? 1)
  const ranks = others.reduce((product, size) => product * size, copies.value)
  return { 'parallelism.shardSize': facts => mapped(copies, () => Math.max(1, Math.floor(facts.gpus / ranks))) }
}

/** training/_distributed.py get_shard_conditions: modules of these names are units of their own; the rest is the root's. */
const OUTER_MODULES = new Set(['tok_embeddings', 'output'])

export function readUnits(top: Fields): MutablePlanDraft {
  const names = top.isSet('custom_sharded_layers') ? top.strings('custom_sharded_layers') : undefined
  const isOuter = names?.value.some(name => OUTER_MODULES.has(name)) === true
  return names && isOuter ? { 'parallelism.wrap': { ...names, value: 'outer' } } : {}
}

const DISTRIBUTED = ['fsdp_cpu_offload', 'custom_sharded_layers', 'tensor_parallel_dim', 'fsdp_reshard_after_forward']

export function readGpus(document: ConfigDocument, top: Fields): MutablePlanDraft {
  const launched = launchComment(document)
  if (launched.gpus) return launched
  const workers = section(top.node, 'orchestration', []).integer('num_training_workers', { min: 1 })
  if (workers) return { gpus: workers, gpusPerNode: workers }
  const { path, text } = document
  const single =
    /single_device/.test(path) ||
    (/single_device|single device/.test(text.slice(0, 2000)) && !DISTRIBUTED.some(key => top.has(key)))
  return single ? { gpus: { value: 1, from: 'launch', path, note: 'a single-device recipe' } } : {}
}
