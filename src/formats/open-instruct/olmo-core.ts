import type { Finding } from '../../plan/finding.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import { type ConfigNode, hasAnyKey } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import { reportUnmodelled } from '../run-per-document.ts'
import { mapped, orDefault, when } from '../section.ts'

const CORE = 'open-instruct @e6c3044 open_instruct/dpo.py, grpo_olmo_core_actor.py, olmo_core_finetune.py'
const UTILITIES = 'open-instruct @e6c3044 open_instruct/olmo_core_utils.py'

/** The programs on OLMo-core shard themselves; those on Accelerate and DeepSpeed take none of these arguments. */
export function isOnOlmoCore(root: ConfigNode): boolean {
  return hasAnyKey(
    root,
    'fsdp_shard_degree',
    'fsdp_num_replicas',
    'tensor_parallel_degree',
    'cp_degree',
    'activation_checkpointing_mode',
  )
}

/** FSDP2 of float32 parameters, computed in bfloat16 and reduced in float32, without DeepSpeed. */
export function readOlmoCore(fields: Fields, findings: Finding[]): MutablePlanDraft {
  const replicas = fields.integer('fsdp_num_replicas', { min: 1 })
  const degree = fields.integer('fsdp_shard_degree', { min: 1 })
  const tensor = orDefault(fields.integer('tensor_parallel_degree', { min: 1 }), 1, `${UTILITIES}: 1`)
  const context = orDefault(fields.integer('cp_degree', { min: 1 }), 1, `${UTILITIES}: None`)
  return {
    'parallelism.data': facts => byDefault(facts.gpus === 1 ? 'none' : 'fsdp2', `${CORE}: fsdp or hsdp`),
    'parallelism.offload': byDefault('none', `${CORE}: nothing is offloaded`),
    'parallelism.shardSize': facts => {
      if (degree) return degree
      const ranks = Math.max(1, Math.floor(facts.gpus / tensor.value))
      if (replicas) return mapped(replicas, count => Math.max(1, Math.floor(ranks / count)))
      const node = Math.min(facts.gpus, facts.gpusPerNode)
      return byDefault(Math.max(1, Math.floor(node / (tensor.value * context.value))), `${CORE}: within a node`)
    },
    'parallelism.wrap': byDefault('layers', `${CORE}: wrapping_strategy`),
    'parallelism.tensor': tensor,
    'parallelism.context': context,
    'precision.weights': byDefault('float32', `${CORE}: param_dtype is that of the gathered copy`),
    'precision.compute': byDefault('bfloat16', `${CORE}: param_dtype bfloat16`),
    'precision.gradients': byDefault('auto', 'the dtype of the parameters'),
    'precision.optimizerStates': byDefault('auto', 'the dtype of the parameters'),
    'precision.masterWeights': byDefault(false, 'the parameters themselves are float32'),
    ...readRecomputation(fields, findings),
  }
}

function readRecomputation(fields: Fields, findings: Finding[]): MutablePlanDraft {
  const mode = fields.string('activation_checkpointing_mode')
  const budget = fields.number('activation_memory_budget', { min: 0, max: 1 })
  const compile = orDefault(fields.boolean('compile_model'), true, `${UTILITIES}: True`)
  const bySelection = mode?.value === 'selected_modules'
  const byBudget = budget !== undefined && budget.value < 1 && compile.value
  if (byBudget && !bySelection && budget.value > 0) reportUnmodelled(fields, PARTIAL, findings)
  return {
    ...when('compile', compile),
    gradientCheckpointing: bySelection
      ? mapped(mode, () => 'full' as const)
      : byBudget
        ? mapped(budget, () => 'full' as const)
        : byDefault('none', `${UTILITIES} build_ac_config`),
  }
}

const PARTIAL = { activation_memory_budget: 'torch.compile keeps that share of the activations of a block' }
