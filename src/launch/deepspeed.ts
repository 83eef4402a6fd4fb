import type { Fields } from '../formats/fields.ts'
import type { MutablePlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { BufferPlan } from '../plan/training-plan.ts'
import type { DataParallelism, Offload } from '../plan/vocabulary.ts'
import type { Engine } from './engine.ts'

const STAGES: Readonly<Record<number, DataParallelism>> = { 0: 'ddp', 1: 'zero1', 2: 'zero2', 3: 'zero3' }

/** Reads a DeepSpeed configuration (runtime/config.py, zero/config.py). `auto` is left to the trainer. */
export function readDeepSpeed(fields: Fields): Engine {
  const zero = fields.isSet('zero_optimization') ? fields.mapping('zero_optimization') : undefined
  const draft: MutablePlanDraft = {
    'parallelism.data': readStage(fields, zero),
    'parallelism.offload': readOffload(fields, zero),
    buffers: readBuffers(fields, zero),
  }
  const tensor = mapping(fields, 'tensor_parallel')
  const autotp = tensor && literal(tensor, 'autotp_size')
  if (autotp && autotp.value > 1) draft['parallelism.tensor'] = autotp
  const sequence = literal(fields, 'sequence_parallel_size')
  if (sequence && sequence.value > 1) draft['parallelism.context'] = sequence
  const shard = zero && literal(zero, 'mics_shard_size')
  if (shard && shard.value > 0) draft['parallelism.shardSize'] = shard
  const types = mapping(fields, 'data_types')
  const accumulation = types?.isSet('grad_accum_dtype') ? types.string('grad_accum_dtype') : undefined
  const bf16 = mapping(fields, 'bf16') ?? mapping(fields, 'bfloat16')
  const fp16 = mapping(fields, 'fp16')
  const reduced = isTrue(bf16, 'bf16_master_weights_and_grads') || isTrue(fp16, 'fp16_master_weights_and_grads')
  if (accumulation && /^(fp32|float32)$/.test(accumulation.value))
    draft['precision.gradients'] = { ...accumulation, value: 'float32' }
  return { kind: 'deepspeed', draft, mixedPrecision: readMixed(bf16, fp16), masterWeights: !reduced }
}

/** GPUs that follow from a literal global batch, micro-batch and accumulation; null when one is `auto` or absent. */
export function deepSpeedWorldSize(fields: Fields): Sourced<number> | null {
  const total = literal(fields, 'train_batch_size')
  const micro = literal(fields, 'train_micro_batch_size_per_gpu')
  const steps = literal(fields, 'gradient_accumulation_steps')
  if (!total || !micro || !steps) return null
  const size = total.value / (micro.value * steps.value)
  return Number.isInteger(size) && size >= 1
    ? { ...total, value: size, note: 'train_batch_size ÷ (micro-batch × accumulation)' }
    : null
}

function readStage(fields: Fields, zero: Fields | undefined): Sourced<DataParallelism> {
  const stage = zero && literal(zero, 'stage')
  if (stage) return { ...stage, value: STAGES[stage.value] ?? 'ddp' }
  const value: DataParallelism = 'ddp'
  const note = 'DeepSpeed: zero_optimization.stage is 0 when absent (zero/config.py)'
  return fields.has('zero_optimization')
    ? fields.sourced('zero_optimization', value, note)
    : { value, from: 'default', note }
}

function readOffload(fields: Fields, zero: Fields | undefined): Sourced<Offload> {
  const optimizer = zero && deviceOf(zero, 'offload_optimizer', 'cpu_offload')
  const parameters = zero && deviceOf(zero, 'offload_param', 'cpu_offload_params')
  if (parameters) return { ...parameters, value: 'parameters_and_optimizer' }
  if (optimizer) return { ...optimizer, value: 'optimizer' }
  return { value: 'none', from: 'default', path: fields.node.path, note: 'DeepSpeed: no offload block' }
}

function deviceOf(zero: Fields, key: string, old: string): Sourced<boolean> | undefined {
  const device = mapping(zero, key)?.string('device')
  if (device && device.value !== 'none') return { ...device, value: true }
  const legacy = zero.raw(old)?.scalar === true ? zero.sourced(old, true) : undefined
  return legacy
}

function readBuffers(fields: Fields, zero: Fields | undefined): Sourced<BufferPlan> {
  const elements = (key: string): number | 'auto' | null =>
    zero === undefined || !zero.isSet(key)
      ? null
      : zero.raw(key)?.scalar === 'auto'
        ? 'auto'
        : (zero.number(key, { min: 0 })?.value ?? null)
  const count = (key: string): number | null => {
    const value = elements(key)
    return value === 'auto' ? null : value
  }
  const overlap = zero && !isAuto(zero, 'overlap_comm') ? zero.boolean('overlap_comm') : undefined
  const value: BufferPlan = {
    reduceBucketElements: elements('reduce_bucket_size'),
    allgatherBucketElements: elements('allgather_bucket_size'),
    prefetchBucketElements: elements('stage3_prefetch_bucket_size'),
    persistenceThresholdElements: elements('stage3_param_persistence_threshold'),
    maxLiveParameters: count('stage3_max_live_parameters'),
    subGroupElements: count('sub_group_size'),
    overlapComm: overlap?.value ?? null,
    ddpBucketBytes: null,
    gradientAsBucketView: false,
  }
  return fields.has('zero_optimization')
    ? fields.sourced('zero_optimization', value)
    : { value, from: 'default', note: 'DeepSpeed: bucket sizes of zero/config.py' }
}

function readMixed(bf16: Fields | undefined, fp16: Fields | undefined): Sourced<'bfloat16' | 'float16'> | null {
  if (isTrue(bf16, 'enabled') && bf16) return bf16.sourced('enabled', 'bfloat16')
  if (isTrue(fp16, 'enabled') && fp16) return fp16.sourced('enabled', 'float16')
  return null
}

function mapping(fields: Fields, key: string): Fields | undefined {
  return fields.raw(key)?.kind === 'mapping' ? fields.mapping(key) : undefined
}

function isTrue(fields: Fields | undefined, key: string): boolean {
  return fields?.raw(key)?.scalar === true
}

function isAuto(fields: Fields, key: string): boolean {
  return fields.raw(key)?.scalar === 'auto'
}

function literal(fields: Fields, key: string): Sourced<number> | undefined {
  return fields.isSet(key) && !isAuto(fields, key) ? fields.number(key, { min: 0 }) : undefined
}
