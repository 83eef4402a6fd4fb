import type { Finding } from '../plan/finding.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import { DottedFields } from './dotted-fields.ts'
import type { Fields } from './fields.ts'
import { hubModel } from './hugging-face/references.ts'
import type { ReadContext } from './reader.ts'
import { readVerlOptimizer } from './verl/schedule.ts'
import { fsdpPrecision, namesOfFiles, readVerlAdapter } from './verl.ts'

const OLD = 'verl 0.8 trainer/config/sft_trainer.yaml'
const ENGINE = 'verl 0.8 trainer/config/sft_trainer_engine.yaml'

/** Supervised fine-tuning: the FSDP trainer (`model.partial_pretrain`) and the engine one (`model.path`). */
export function readVerlSft(root: Fields, findings: Finding[], context: ReadContext): PlanDraft {
  const fields = new DottedFields(root)
  const model = fields.scope('model')
  const old = model?.isSet('partial_pretrain') ?? false
  const source = old ? OLD : ENGINE
  const checkpointing = fields.boolean('model.enable_gradient_checkpointing') ?? byDefault(true, `${source}: True`)
  const liger = fields.boolean('model.use_liger') ?? byDefault(false, `${source}: False`)
  const path = old ? 'model.fsdp_config' : 'engine'
  return {
    framework: byDefault('verl', 'the format'),
    libraries: byDefault(context.libraries, 'the repository'),
    stage: byDefault('sft', 'the program'),
    ...(model === undefined ? {} : hubModel(model, ['partial_pretrain', 'path'], [], findings)),
    ...readVerlAdapter(fields, 'model'),
    ...fsdpPrecision(fields.string(`${path}.model_dtype`), `${source}: model_dtype fp32`),
    ...readSharding(fields, old),
    ...readData(fields, old),
    ...readVerlOptimizer(fields, 'optim', false),
    gradientCheckpointing: { ...checkpointing, value: checkpointing.value ? 'full' : 'none' },
    checkpointingReentrant: byDefault(false, 'verl 0.8 trainer/fsdp_sft_trainer.py: use_reentrant False'),
    fusedKernels: { ...liger, value: liger.value ? 'liger' : 'none' },
    loss: old
      ? byDefault('full_logits', 'verl 0.8 trainer/fsdp_sft_trainer.py: CrossEntropyLoss over the logits')
      : byDefault('in_place', 'verl @b178a3c workers/engine/fsdp/transformer_impl.py: logprobs_from_logits'),
  }
}

function readSharding(fields: DottedFields, old: boolean): MutablePlanDraft {
  const strategy =
    fields.string(old ? 'model.strategy' : 'engine.strategy') ??
    (old ? byDefault('fsdp2', `${OLD}: fsdp2`) : byDefault('fsdp', 'verl 0.8 trainer/config/engine/fsdp.yaml: fsdp'))
  const offload = fields.boolean(old ? 'model.fsdp_config.offload_params' : 'engine.offload_policy')
  const sequence = fields.positive(old ? 'ulysses_sequence_parallel_size' : 'engine.ulysses_sequence_parallel_size')
  return {
    'parallelism.data': { ...strategy, value: strategy.value === 'fsdp2' ? 'fsdp2' : 'fsdp1' },
    'parallelism.context': sequence ?? byDefault(1, old ? `${OLD}: 1` : `${ENGINE}: 1`),
    'parallelism.offload':
      offload?.value === true
        ? { ...offload, value: 'parameters_and_optimizer' }
        : byDefault('none', old ? `${OLD}: offload_params False` : `${ENGINE}: offload_policy False`),
  }
}

function readData(fields: DottedFields, old: boolean): MutablePlanDraft {
  const source = old ? OLD : ENGINE
  const global = fields.positive('data.train_batch_size') ?? byDefault(256, `${source}: 256`)
  const micro =
    fields.positive('data.micro_batch_size_per_gpu') ??
    fields.positive('data.micro_batch_size') ??
    byDefault(4, `${source}: 4`)
  const dynamic = old
    ? byDefault(false, OLD)
    : (fields.boolean('data.use_dynamic_bsz') ?? byDefault(true, `${ENGINE}: True`))
  const length = fields.positive('data.max_length') ?? byDefault(1024, `${source}: 1024`)
  const tokens = fields.positive('data.max_token_len_per_gpu') ?? byDefault(8192, `${ENGINE}: 8192`)
  return {
    globalBatchSize: global,
    gradientAccumulationSteps: byDefault('auto', 'verl: train_batch_size ÷ micro batch ÷ ranks'),
    microBatchSize: dynamic.value
      ? { ...dynamic, value: 1, note: 'one packed row of max_token_len_per_gpu tokens' }
      : micro,
    sequenceLength: dynamic.value ? tokens : length,
    packing: dynamic,
    variableLength: byDefault(false, old ? `${OLD}: padded to max_length` : `${ENGINE}: no padding`),
    'dataset.padding': byDefault(old ? 'fixed' : 'none', source),
    'dataset.epochs': fields.positive('trainer.total_epochs') ?? byDefault(4, `${source}: 4`),
    'dataset.maxSteps': fields.positive('trainer.total_training_steps') ?? byDefault(null, `${source}: null`),
    'dataset.samples': fields.positive('data.train_max_samples') ?? byDefault(null, 'the rows of the file'),
    ...namesOfFiles(fields, 'data.train_files'),
  }
}
