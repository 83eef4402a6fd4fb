import { type ConfigNode, hasAnyKey, hasKeys } from '../formats/config-document.ts'
import { Fields } from '../formats/fields.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type MutablePlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { readDeepSpeed } from './deepspeed.ts'
import type { Engine } from './engine.ts'
import { readFsdp } from './fsdp.ts'

/** Reads a companion that a config names; null when it is missing (a finding has been added). */
export type OpenCompanion = (path: string, key: string) => Promise<ConfigNode | null>

/** A mapping as `accelerate config` writes it (commands/config/config_args.py ClusterConfig). */
export function isAccelerateConfig(node: ConfigNode | undefined): boolean {
  if (node?.kind !== 'mapping' || hasAnyKey(node, 'model_name_or_path', 'base_model', 'model')) return false
  if (hasKeys(node, 'compute_environment')) return true
  return (
    hasKeys(node, 'distributed_type') ||
    (hasKeys(node, 'num_processes') && hasAnyKey(node, 'mixed_precision', 'num_machines'))
  )
}

/** Reads an Accelerate YAML: processes, mixed precision, and the DeepSpeed, FSDP or parallelism block in it. */
export async function readAccelerate(root: ConfigNode, findings: Finding[], open: OpenCompanion): Promise<Engine> {
  const fields = new Fields({ node: root, findings, from: 'launch' })
  const draft: MutablePlanDraft = readProcesses(fields)
  const engine = await readEngine(fields, open, findings)
  const context = readSizes(fields)
  return {
    kind: engine.kind,
    draft: { ...engine.draft, ...context, ...draft },
    mixedPrecision: engine.mixedPrecision ?? readMixedPrecision(fields),
    masterWeights: engine.masterWeights,
  }
}

async function readEngine(fields: Fields, open: OpenCompanion, findings: Finding[]): Promise<Engine> {
  const type = typeName(fields)
  const deepspeed = block(fields, 'deepspeed_config')
  if (deepspeed && (type === 'DEEPSPEED' || type === null)) return readDeepSpeedBlock(deepspeed, open, findings)
  const fsdp = block(fields, 'fsdp_config')
  if (fsdp && (type === 'FSDP' || type === null)) {
    const version = byDefault(1, 'accelerate 1.15 launch: fsdp_version 1 without the key')
    const wrap = byDefault<'layers' | 'root'>('root', 'accelerate 1.15 launch: NO_WRAP without a policy')
    const efficientLoading = byDefault(true, 'accelerate 1.15 launch: fsdp_cpu_ram_efficient_loading true')
    return readFsdp({ config: fsdp, words: null, defaults: { version, wrap, efficientLoading } })
  }
  const plain = { kind: 'plain', mixedPrecision: null, masterWeights: false } as const
  if (type === 'NO') return { ...plain, draft: {} }
  const distributed = type !== null && /^MULTI_/.test(type)
  const data = distributed ? { 'parallelism.data': fields.sourced('distributed_type', 'ddp' as const) } : {}
  return { ...plain, draft: data }
}

async function readDeepSpeedBlock(block: Fields, open: OpenCompanion, findings: Finding[]): Promise<Engine> {
  const file = block.isSet('deepspeed_config_file') ? block.string('deepspeed_config_file') : undefined
  const root = file && (await open(file.value, 'deepspeed_config_file'))
  if (root) return readDeepSpeed(new Fields({ node: root, findings, from: 'launch' }))
  const stage = block.integer('zero_stage', { min: 0, max: 3 }) ?? byDefault(2, 'accelerate 1.15: zero_stage 2')
  const names = { 0: 'ddp', 1: 'zero1', 2: 'zero2', 3: 'zero3' } as const
  const optimizer = device(block, 'offload_optimizer_device')
  const parameters = device(block, 'offload_param_device')
  const offload: MutablePlanDraft['parallelism.offload'] = parameters
    ? { ...parameters, value: 'parameters_and_optimizer' }
    : optimizer
      ? { ...optimizer, value: 'optimizer' }
      : byDefault('none', 'accelerate 1.15: no offload')
  const data = names[stage.value === 0 || stage.value === 1 || stage.value === 2 ? stage.value : 3]
  const draft: MutablePlanDraft = { 'parallelism.data': { ...stage, value: data }, 'parallelism.offload': offload }
  return { kind: 'deepspeed', draft, mixedPrecision: null, masterWeights: true }
}

function readProcesses(fields: Fields): MutablePlanDraft {
  const machines = fields.integer('num_machines', { min: 1 })
  const processes = fields.isSet('num_processes') ? fields.integer('num_processes', { min: -1 }) : undefined
  const gpus = processes && processes.value > 0 ? processes : readGpuIds(fields)
  if (!gpus) return {}
  const perNode = machines && gpus.value % machines.value === 0 ? gpus.value / machines.value : gpus.value
  return {
    gpus: { ...gpus, note: 'num_processes is the total over all machines' },
    gpusPerNode: { ...(machines ?? gpus), value: perNode },
  }
}

function readGpuIds(fields: Fields): Sourced<number> | undefined {
  const ids = fields.isSet('gpu_ids') ? fields.string('gpu_ids') : undefined
  return ids && ids.value !== 'all' ? { ...ids, value: ids.value.split(',').length } : undefined
}

/** `parallelism_config` (accelerate 1.15 parallelism_config.py): each size is 1 without its key. */
function readSizes(fields: Fields): MutablePlanDraft {
  const sizes = block(fields, 'parallelism_config')
  if (!sizes) return {}
  const size = (name: string): Sourced<number> | undefined =>
    [`parallelism_config_${name}_size`, `${name}_size`]
      .filter(key => sizes.isSet(key))
      .map(key => sizes.integer(key, { min: 1 }))
      .find(value => value !== undefined)
  const draft: MutablePlanDraft = {}
  const tensor = size('tp')
  const context = [size('cp'), size('sp')].find(value => value && value.value > 1)
  const shard = size('dp_shard')
  if (tensor) draft['parallelism.tensor'] = tensor
  if (context) draft['parallelism.context'] = context
  if (shard && shard.value > 1) draft['parallelism.shardSize'] = shard
  return draft
}

function readMixedPrecision(fields: Fields): Sourced<'bfloat16' | 'float16'> | null {
  const node = fields.raw('mixed_precision')
  const names = { bf16: 'bfloat16', fp16: 'float16', fp8: 'bfloat16' } as const
  const word = String(node?.scalar ?? '').toLowerCase()
  return word === 'bf16' || word === 'fp16' || word === 'fp8' ? fields.sourced('mixed_precision', names[word]) : null
}

function typeName(fields: Fields): string | null {
  const scalar = fields.raw('distributed_type')?.scalar
  if (scalar === false) return 'NO'
  return typeof scalar === 'string' ? scalar.toUpperCase() : null
}

function block(fields: Fields, key: string): Fields | undefined {
  const node = fields.raw(key)
  return node?.kind === 'mapping' && node.entries.size > 0 ? fields.mapping(key) : undefined
}

function device(fields: Fields, key: string): Sourced<string> | undefined {
  const name = fields.isSet(key) ? fields.string(key) : undefined
  return name && name.value !== 'none' ? name : undefined
}
