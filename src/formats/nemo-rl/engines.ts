import { blockAllocator } from '../../launch/allocator-settings.ts'
import type { Finding } from '../../plan/finding.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Optimizer } from '../../plan/vocabulary.ts'
import type { DottedFields } from '../dotted-fields.ts'
import { reportUnmodelled } from '../run-per-document.ts'
import { mapped, when } from '../section.ts'
import { SHIPPED_SOURCE, type ShippedBase } from './shipped-bases.ts'

const DTENSOR = 'policy.dtensor_cfg'
const MEGATRON = 'policy.megatron_cfg'
const SETUP = 'NeMo RL @7ea279a nemo_rl/models/automodel/setup.py'
const MEGATRON_SETUP = 'NeMo RL @7ea279a nemo_rl/models/megatron/setup.py'

/** The training backend: FSDP2 through Automodel (DTensor), or Megatron core. */
export function readNemoRlEngine(fields: DottedFields, base: ShippedBase, findings: Finding[]): PlanDraft {
  const asked = fields.boolean(`${MEGATRON}.enabled`)?.value
  const isMegatron = asked ?? (base.usesMegatron && fields.boolean(`${DTENSOR}.enabled`)?.value !== true)
  const draft = isMegatron ? readMegatron(fields, base, findings) : readTensor(fields, base)
  return { ...draft, ...blockAllocator(fields.node(`${isMegatron ? MEGATRON : DTENSOR}.env_vars`)) }
}

function readTensor(fields: DottedFields, base: ShippedBase): MutablePlanDraft {
  const source = `${SHIPPED_SOURCE}/${base.file}`
  const size = (key: string, fallback: number): Sourced<number> =>
    fields.positive(`${DTENSOR}.${key}`) ?? byDefault(fallback, `${source}: ${key}`)
  const tensor = size('tensor_parallel_size', base.tensor)
  const context = size('context_parallel_size', base.context)
  const expert = fields.positive(`${DTENSOR}.expert_parallel_size`)
  const replicas = fields.positive(`${DTENSOR}.dp_replicate_size`)?.value ?? 1
  const offload = fields.boolean(`${DTENSOR}.cpu_offload`)
  const checkpointing =
    fields.boolean(`${DTENSOR}.activation_checkpointing`) ??
    byDefault(base.activationCheckpointing, `${source}: activation_checkpointing`)
  const precision = fields.string('policy.precision')
  const compute = precision && /^(float32|float16)$/.test(precision.value) ? precision.value : 'bfloat16'
  return {
    ...readAdapter(fields, `${DTENSOR}.lora_cfg`, 'peft'),
    'adapter.dtype': byDefault('float32', `${SETUP}: lora_dtype float32`),
    'precision.weights': byDefault('float32', `${SETUP}: loaded in float32 for master weights`),
    'precision.compute': precision
      ? mapped(precision, () => (compute === 'float32' ? 'float32' : compute === 'float16' ? 'float16' : 'bfloat16'))
      : byDefault('bfloat16', `${source}: precision bfloat16`),
    'precision.autocast': byDefault(false, `${SETUP}: FSDP2 gathers in the precision; autocast has nothing to cast`),
    'precision.gradients': byDefault('auto', 'FSDP2: the dtype of the parameters'),
    'precision.optimizerStates': byDefault('auto', 'the dtype of the parameters'),
    'precision.masterWeights': byDefault(false, 'the parameters themselves are float32'),
    'parallelism.data': facts => byDefault(facts.gpus === 1 ? 'none' : 'fsdp2', `${SETUP}: FSDP2Config`),
    'parallelism.tensor': tensor,
    'parallelism.context': context,
    ...when('parallelism.expert', expert),
    'parallelism.sequenceParallel':
      fields.boolean(`${DTENSOR}.sequence_parallel`) ?? byDefault(false, `${source}: sequence_parallel`),
    ...(replicas > 1
      ? {
          'parallelism.shardSize': facts =>
            byDefault(
              Math.max(1, Math.floor(facts.gpus / tensor.value / context.value / replicas)),
              `${DTENSOR}.dp_replicate_size`,
            ),
        }
      : {}),
    'parallelism.noSync': byDefault(
      false,
      'NeMo RL @7ea279a models/automodel/train.py: never asks FSDP2 to skip a reduction, whatever defer_fsdp_grad_sync says',
    ),
    ...(offload?.value ? { 'parallelism.offload': mapped(offload, () => 'parameters_and_optimizer' as const) } : {}),
    gradientCheckpointing: mapped(checkpointing, on => (on ? 'full' : 'none')),
    checkpointingReentrant: byDefault(false, 'torch checkpoint_wrapper: not re-entrant'),
    attention: byDefault('flash', `${SETUP}: flash_attention_2 with packing, else sdpa`),
    loss: byDefault('full_logits_float32', `${SETUP}: output_dtype float32`),
    fusedKernels: byDefault('none', SETUP),
    ...readTorchOptimizer(fields, base),
  }
}

function readTorchOptimizer(fields: DottedFields, base: ShippedBase): MutablePlanDraft {
  const name = fields.string('policy.optimizer.name') ?? byDefault('torch.optim.AdamW', SHIPPED_SOURCE)
  const foreach = fields.boolean('policy.optimizer.kwargs.foreach')?.value ?? (base.optimizerLoop ? false : undefined)
  const fused = fields.boolean('policy.optimizer.kwargs.fused')?.value ?? false
  const family: Optimizer = /Adam/.test(name.value)
    ? 'adamw'
    : /SGD/.test(name.value)
      ? 'sgd'
      : /Muon/i.test(name.value)
        ? 'muon'
        : 'other'
  return {
    optimizer: mapped(name, () => family),
    optimizerImplementation: byDefault(
      fused ? 'fused' : foreach === false ? 'loop' : 'foreach',
      `${SHIPPED_SOURCE}/${base.file}: optimizer.kwargs`,
    ),
  }
}

/** Every base turns the precision-aware optimizer on, which keeps the 16 bits that a bfloat16 weight lacks; scaled 8-bit recipes keep float32. */
function readMasterBytes(fields: DottedFields, source: string): MutablePlanDraft {
  const aware =
    fields.boolean(`${MEGATRON}.optimizer.use_precision_aware_optimizer`) ??
    byDefault(true, `${source} use_precision_aware_optimizer true`)
  const sharded = fields.boolean(`${MEGATRON}.optimizer.use_distributed_optimizer`)?.value ?? true
  const recipe = fields.string(`${MEGATRON}.fp8_cfg.fp8_recipe`)?.value ?? 'blockwise'
  const is8bit = fields.isOn(`${MEGATRON}.fp8_cfg.enabled`)
  const is16bit = fields.string('policy.precision')?.value === 'float16'
  const remainders = aware.value && sharded && !is16bit && !(is8bit && recipe !== 'delayed')
  return remainders ? { 'precision.masterWeightBytes': mapped(aware, () => 2) } : {}
}

function readMegatron(fields: DottedFields, base: ShippedBase, findings: Finding[]): MutablePlanDraft {
  const source = `${SHIPPED_SOURCE}/${base.file}: megatron_cfg`
  const scope = fields.scope(MEGATRON)
  if (scope) reportUnmodelled(scope, UNMODELLED, findings)
  const size = (key: string): Sourced<number> => fields.positive(`${MEGATRON}.${key}`) ?? byDefault(1, `${source} 1`)
  const recompute = fields.boolean(`${MEGATRON}.activation_checkpointing`) ?? byDefault(false, `${source} false`)
  const granularity = fields.string(`${MEGATRON}.recompute_granularity`)?.value ?? 'full'
  const reduced = fields.boolean(`${MEGATRON}.distributed_data_parallel_config.grad_reduce_in_fp32`)
  const sharded = fields.boolean(`${MEGATRON}.optimizer.use_distributed_optimizer`) ?? byDefault(true, `${source} true`)
  const offload = fields.boolean(`${MEGATRON}.optimizer.optimizer_cpu_offload`)
  const fp8 = fields.boolean(`${MEGATRON}.fp8_cfg.enabled`)
  const full = fields.string('policy.precision')?.value === 'float32'
  const weights = full ? ('float32' as const) : ('bfloat16' as const)
  const linear = fields.boolean(`${MEGATRON}.use_fused_linear_logprobs`)
  return {
    ...readAdapter(fields, `${MEGATRON}.peft`, 'megatron'),
    'adapter.dtype': byDefault(weights, `${MEGATRON_SETUP}: of the module`),
    'precision.weights': byDefault(weights, `${MEGATRON_SETUP}: policy.precision`),
    'precision.compute': fp8?.value
      ? mapped(fp8, () => 'float8' as const)
      : byDefault(weights, `${MEGATRON_SETUP}: policy.precision`),
    'precision.autocast': byDefault(false, 'Megatron runs the 16-bit module itself'),
    'precision.gradients': reduced?.value
      ? mapped(reduced, () => 'float32' as const)
      : byDefault(weights, `${source} grad_reduce_in_fp32 false`),
    'precision.optimizerStates': byDefault('float32', 'Megatron core: exp_avg_dtype fp32'),
    'precision.masterWeights': byDefault(!full, 'Megatron core: main_params_dtype fp32'),
    ...readMasterBytes(fields, source),
    'parallelism.data': mapped(sharded, on => (on ? 'distributed_optimizer' : 'ddp')),
    'parallelism.tensor': size('tensor_model_parallel_size'),
    'parallelism.pipeline': size('pipeline_model_parallel_size'),
    'parallelism.context': size('context_parallel_size'),
    'parallelism.expert': size('expert_model_parallel_size'),
    'parallelism.expertTensor': size('expert_tensor_parallel_size'),
    'parallelism.sequenceParallel':
      fields.boolean(`${MEGATRON}.sequence_parallel`) ?? byDefault(base.megatronSequenceParallel, source),
    ...(offload?.value ? { 'parallelism.offload': mapped(offload, () => 'optimizer' as const) } : {}),
    gradientCheckpointing: mapped(recompute, on =>
      on ? (granularity === 'selective' ? 'selective' : 'full') : 'none',
    ),
    attention: byDefault('flash', 'Megatron core: TransformerEngine attention'),
    loss: linear?.value
      ? mapped(linear, () => 'fused_linear' as const)
      : byDefault('vocab_parallel', 'NeMo RL distributed/model_utils.py: vocab-parallel log-probabilities'),
    fusedKernels: byDefault('transformer_engine', 'Megatron core: transformer_impl'),
    optimizer: byDefault('adamw', `${source} optimizer adam`),
    optimizerImplementation: byDefault('fused', 'TransformerEngine FusedAdam'),
  }
}

const UNMODELLED = {
  fine_grained_activation_offloading: 'activations of some modules on the host',
  mtp_num_layers: 'layers of multi-token prediction',
} as const

function readAdapter(fields: DottedFields, path: string, rule: 'peft' | 'megatron'): MutablePlanDraft {
  const enabled = fields.boolean(`${path}.enabled`)
  if (!enabled?.value) return { 'adapter.type': byDefault(null, `${SHIPPED_SOURCE}: adapters off`) }
  const targets = fields.strings(`${path}.target_modules`)
  const all = fields.boolean(`${path}.match_all_linear`)?.value ?? rule === 'peft'
  return {
    'adapter.type': mapped(enabled, () => 'lora' as const),
    'adapter.rank': fields.positive(`${path}.dim`) ?? byDefault(8, `${SHIPPED_SOURCE}: dim 8`),
    'adapter.dropout': fields.number(`${path}.dropout`, { min: 0, max: 1 }) ?? byDefault(0, `${SHIPPED_SOURCE}: 0.0`),
    'adapter.targetModules':
      targets && targets.value.length > 0 && !(all && rule === 'peft')
        ? targets
        : byDefault('all-linear', `${SHIPPED_SOURCE}: every linear layer`),
    'adapter.targetRule': byDefault(rule, 'the backend'),
  }
}
