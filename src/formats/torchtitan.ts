import { findModelBuilder } from '../models/model-builders.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { CheckpointPlan, EvaluationPlan, GradientCheckpointing } from '../plan/training-plan.ts'
import type { StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import type { Fields } from './fields.ts'
import { presetComment } from './header-comment.ts'
import type { FormatReader } from './reader.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const JOB = 'torchtitan 0.2.2 torchtitan/config/job_config.py'
const EXPERTS = 'torchtitan @b5bcd76 models/common/token_dispatcher.py AllToAllTokenDispatcher'

/** TOML job configs, current (0.2) and of 2024, where batch size and parallel degrees stood under `training`. */
export const torchtitanReader: FormatReader = {
  format: 'torchtitan',
  keys: keyTable(JOB, [
    ['model.name, model.flavor', 'model', 'llama3, debugmodel'],
    ['training.local_batch_size, training.batch_size', 'microBatchSize', '8'],
    ['training.global_batch_size', 'globalBatchSize', 'local × data-parallel ranks'],
    ['training.seq_len', 'sequenceLength', '2048'],
    ['training.steps', 'dataset.maxSteps', '10000'],
    ['training.dtype, training.mixed_precision_param', 'precision', 'float32, bfloat16'],
    ['training.enable_cpu_offload', 'parallelism.offload', 'false'],
    ['optimizer.name, optimizer.implementation, optimizer.early_step_in_backward', 'optimizer', 'AdamW, fused, false'],
    [
      'parallelism.data_parallel_shard_degree, parallelism.data_parallel_replicate_degree',
      'parallelism.shardSize',
      '-1, 1',
    ],
    ['parallelism.tensor_parallel_degree, pipeline, context, expert', 'parallelism', '1'],
    [
      'activation_checkpoint.mode, activation_checkpoint.selective_ac_option',
      'gradientCheckpointing',
      'selective, every 2nd layer',
    ],
    ['compile.enable, training.compile', 'compile', 'false'],
    ['compile.components', 'compile, compileLoss', 'model, loss'],
    ['model.converters, float8.enable_float8_linear', 'precision.compute', 'none'],
    ['parallelism.disable_loss_parallel', 'loss', 'false: vocab_parallel with tensor parallelism'],
    ['checkpoint.enable, checkpoint.interval', 'checkpoints', 'false, 500'],
    ['validation.enable, validation.freq, validation.local_batch_size', 'evaluation', 'false, 10, 8'],
    ['# preset for N … GPUs', 'gpus, hardware.gpu (the policy wins)', 'none'],
  ]),
  recognise: ({ roots }) => roots.some(isTorchtitan),
  async read(document) {
    const runs = document.roots.filter(isTorchtitan).map(root => {
      const findings: Finding[] = []
      return { name: null, draft: { ...readDraft(root, findings), ...presetComment(document) }, findings }
    })
    return { runs, findings: [] }
  },
}

function isTorchtitan(root: ConfigNode): boolean {
  return (
    hasKeys(root.entries.get('model'), 'flavor') &&
    hasAnyKey(root.entries.get('training'), 'local_batch_size', 'batch_size', 'seq_len', 'steps')
  )
}

function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const training = section(root, 'training', findings)
  const model = section(root, 'model', findings)
  const checkpointing = section(root, 'activation_checkpoint', findings)
  const offload = training.boolean('enable_cpu_offload')
  const globalBatch = training.isSet('global_batch_size') ? training.integer('global_batch_size') : undefined
  const validation = section(root, 'validation', findings)
  return {
    framework: byDefault('torchtitan', 'the format'),
    stage: byDefault('pretrain', 'torchtitan trains on a token stream'),
    'adapter.type': byDefault(null, 'torchtitan trains every parameter'),
    ...readModel(model, findings),
    ...readPrecision(root, training, model, findings),
    ...readOptimizer(section(root, 'optimizer', findings)),
    microBatchSize:
      training.integer('local_batch_size', { min: 1 }) ??
      orDefault(training.integer('batch_size', { min: 1 }), 8, `${JOB}: 8`),
    ...(globalBatch && globalBatch.value > 0
      ? {
          globalBatchSize: globalBatch,
          gradientAccumulationSteps: byDefault('auto' as const, `${JOB}: global ÷ (local × ranks)`),
        }
      : { gradientAccumulationSteps: byDefault(1, `${JOB}: global_batch_size -1`) }),
    sequenceLength: orDefault(training.integer('seq_len', { min: 1 }), 2048, `${JOB}: 2048`),
    'dataset.maxSteps': orDefault(training.integer('steps', { min: 1 }), 10_000, `${JOB}: 10000`),
    ...when(
      'dataset.names',
      training.isSet('dataset') ? mapped(training.string('dataset') ?? byDefault('', ''), name => [name]) : undefined,
    ),
    packing: byDefault(true, 'torchtitan 0.2.2 torchtitan/hf_datasets: token stream'),
    variableLength: byDefault(false, 'every step has the same shape'),
    'dataset.padding': byDefault('none', 'torchtitan 0.2.2 torchtitan/hf_datasets: token stream'),
    gradientCheckpointing: readCheckpointing(checkpointing),
    checkpointingReentrant: byDefault(false, 'torch checkpoint_wrapper: not re-entrant'),
    attention: byDefault('sdpa', 'torchtitan 0.2.2 torchtitan/models/attention.py'),
    loss: readLoss(root, training, findings),
    fusedKernels: byDefault('none', 'torchtitan has none'),
    ...readCompile(section(root, 'compile', findings), training),
    ...(offload?.value ? { 'parallelism.offload': mapped(offload, () => 'parameters_and_optimizer' as const) } : {}),
    ...readParallelism(root, training, findings),
    evaluation: readValidation(validation),
    checkpoints: readCheckpoints(section(root, 'checkpoint', findings)),
  }
}

/** `compile.components` names what is compiled; before it, one switch was for both (torchtitan 08b8b244f). */
function readCompile(section: Fields, training: Fields): MutablePlanDraft {
  const enabled = orDefault(section.boolean('enable') ?? training.boolean('compile'), false, `${JOB}: false`)
  const components = section.isSet('components') ? section.strings('components') : undefined
  const has = (part: string) =>
    components ? { ...components, value: enabled.value && components.value.includes(part) } : enabled
  return { compile: has('model'), ...(components ? { compileLoss: has('loss') } : {}) }
}

function readModel(model: Fields, findings: Finding[]): MutablePlanDraft {
  const name = orDefault(model.string('name'), 'llama3', `${JOB}: llama3`)
  const flavor = model.string('flavor')
  const found = findModelBuilder('torchtitan', `${name.value.replace(/_ft$/, '')}/${flavor?.value ?? 'debugmodel'}`)
  if (flavor && found) return { model: { ...flavor, value: found } }
  const message = `torchtitan model \`${name.value}\` has no known flavor \`${flavor?.value ?? ''}\`.`
  findings.push(finding('unknown-model', { path: model.node.path, line: flavor?.line ?? model.node.line, message }))
  return {}
}

const DTYPES = ['float32', 'bfloat16'] as const

function readPrecision(root: ConfigNode, training: Fields, model: Fields, findings: Finding[]): MutablePlanDraft {
  const weights: Sourced<StorageDtype> = orDefault(training.oneOf('dtype', DTYPES), 'float32', `${JOB}: float32`)
  const mixed = orDefault(training.oneOf('mixed_precision_param', DTYPES), 'bfloat16', `${JOB}: bfloat16`)
  const converters = model.isSet('converters') ? model.strings('converters') : undefined
  const legacy = section(root, 'float8', findings).boolean('enable_float8_linear')
  const has = (word: string) => converters?.value.some(name => name.includes(word)) === true
  const compute =
    converters && has('mx')
      ? mapped(converters, () => 'mxfp8' as const)
      : converters && has('float8')
        ? mapped(converters, () => 'float8' as const)
        : legacy?.value
          ? mapped(legacy, () => 'float8' as const)
          : mixed
  return {
    'precision.weights': weights,
    'precision.compute': compute,
    'precision.autocast': facts =>
      byDefault(facts.gpus === 1, 'torchtitan 0.2.2 torchtitan/distributed/utils.py: FSDP casts instead of autocast'),
    'precision.gradients': byDefault('auto', 'torch FSDP2: sharded gradients in the dtype of the parameters'),
    'precision.optimizerStates': byDefault('auto', 'torch.optim: the dtype of the parameters'),
    'precision.masterWeights': byDefault(false, 'the parameters themselves are float32'),
  }
}

function readOptimizer(optimizer: Fields): MutablePlanDraft {
  const name = orDefault(optimizer.string('name'), 'AdamW', `${JOB}: AdamW`)
  const early = optimizer.boolean('early_step_in_backward')
  const legacyFused = optimizer.boolean('fused')
  const implementation = optimizer.oneOf('implementation', ['for-loop', 'foreach', 'fused'])
  return {
    optimizer: mapped(name, text => (/^adamw?$/i.test(text) ? 'adamw' : /^muon$/i.test(text) ? 'muon' : 'other')),
    optimizerImplementation: early?.value
      ? mapped(early, () => 'in_backward' as const)
      : implementation
        ? mapped(implementation, word => (word === 'for-loop' ? 'loop' : word))
        : legacyFused
          ? mapped(legacyFused, on => (on ? 'fused' : 'foreach'))
          : byDefault('fused', `${JOB}: fused`),
  }
}

function readCheckpointing(fields: Fields): Sourced<GradientCheckpointing> {
  const mode = orDefault(fields.string('mode'), 'selective', `${JOB}: selective`)
  if (mode.value === 'none' || mode.value === 'full') return { ...mode, value: mode.value }
  const option = fields.string('selective_ac_option') ?? fields.string('selective_ac_type')
  const every = option ? Number(option.value) : 2
  if (Number.isInteger(every) && every > 0) return { ...(option ?? mode), value: every === 1 ? 'full' : { every } }
  return { ...(option ?? mode), value: 'selective' }
}

const DEGREES = [
  ['parallelism.tensor', 'tensor_parallel_degree'],
  ['parallelism.pipeline', 'pipeline_parallel_degree'],
  ['parallelism.context', 'context_parallel_degree'],
  ['parallelism.expert', 'expert_parallel_degree'],
  ['parallelism.expertTensor', 'expert_tensor_parallel_degree'],
] as const

function readParallelism(root: ConfigNode, training: Fields, findings: Finding[]): MutablePlanDraft {
  const current = section(root, 'parallelism', findings)
  const experimental = section(root, 'experimental', findings)
  const places = [current, training, experimental]
  const degree = (key: string) => places.find(fields => fields.isSet(key))?.integer(key)
  const draft: MutablePlanDraft = {}
  for (const [plan, key] of DEGREES) {
    const read = degree(key)
    if (read && read.value > 0) draft[plan] = read
  }
  draft['parallelism.expertTensor'] ??= byDefault(1, `${JOB}: 1`)
  draft['parallelism.expertDispatcher'] = byDefault('alltoall', `${EXPERTS}: all_to_all_single`)
  draft['parallelism.overlapsExperts'] = byDefault(false, `${EXPERTS}: the products wait for it`)
  const shard = degree('data_parallel_shard_degree') ?? degree('data_parallel_degree')
  const replicate = degree('data_parallel_replicate_degree')
  if (shard && shard.value > 0) draft['parallelism.shardSize'] = shard
  const tensor = degree('tensor_parallel_degree')
  if (tensor && tensor.value > 1) draft['parallelism.sequenceParallel'] = { ...tensor, value: true }
  const replicated = shard?.value === 1 && (replicate?.value ?? 1) > 1
  draft['parallelism.data'] = facts =>
    byDefault(facts.gpus === 1 ? 'none' : replicated ? 'ddp' : 'fsdp2', 'torchtitan 0.2.2: fully_shard')
  const reshard = current.string('fsdp_reshard_after_forward')
  const pipeline = degree('pipeline_parallel_degree')
  draft['parallelism.reshardAfterForward'] =
    reshard && reshard.value !== 'default'
      ? mapped(reshard, word => word === 'always')
      : byDefault((pipeline?.value ?? 1) <= 1, `${JOB}: default reshards unless pipelined`)
  return draft
}

/** Logits are spread over the tensor-parallel ranks unless loss parallelism is off. */
function readLoss(root: ConfigNode, training: Fields, findings: Finding[]): Sourced<'full_logits' | 'vocab_parallel'> {
  const current = section(root, 'parallelism', findings)
  const tensor = current.integer('tensor_parallel_degree') ?? training.integer('tensor_parallel_degree')
  const disabled = current.boolean('disable_loss_parallel')
  const note = 'torchtitan 0.2.2 torchtitan/components/loss.py: float32 cross entropy'
  return tensor && tensor.value > 1 && disabled?.value !== true
    ? { ...tensor, value: 'vocab_parallel', note: `${note}, loss parallel` }
    : byDefault('full_logits', note)
}

function readValidation(validation: Fields): Sourced<EvaluationPlan | null> {
  const enabled = validation.boolean('enable')
  if (!enabled?.value) return byDefault(null, `${JOB}: off`)
  const every = validation.integer('freq', { min: 1 })?.value ?? 10
  const batch = validation.integer('local_batch_size', { min: 1 })?.value ?? 8
  return { ...enabled, value: { everySteps: every, timesTotal: null, microBatchSize: batch, samples: null, share: 0 } }
}

function readCheckpoints(checkpoint: Fields): Sourced<CheckpointPlan | null> {
  const enabled = checkpoint.boolean('enable') ?? checkpoint.boolean('enable_checkpoint')
  if (!enabled?.value) return byDefault(null, `${JOB}: off`)
  const every = checkpoint.integer('interval', { min: 1 })?.value ?? 500
  return { ...enabled, value: { everySteps: every, timesTotal: null, includesOptimizer: true } }
}
