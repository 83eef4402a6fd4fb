import type { Finding } from '../plan/finding.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { ExpertDispatcher, OptimizerImplementation } from '../plan/vocabulary.ts'
import { type ConfigDocument, type ConfigNode, hasAnyKey } from './config-document.ts'
import type { Fields } from './fields.ts'
import { launchComment } from './header-comment.ts'
import { hubModel } from './hugging-face/references.ts'
import { readAttention } from './hugging-face/transformers-arguments.ts'
import { fromTable } from './key-rows.ts'
import { resolveInterpolations } from './omega-conf.ts'
import type { FormatReader } from './reader.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const RECIPE = 'NeMo Automodel 0.5 nemo_automodel/recipes/llm/train_ft.py'
const DISTRIBUTED = 'NeMo Automodel 0.5 nemo_automodel/components/distributed/config.py'
const LORA = 'NeMo Automodel 0.5 nemo_automodel/components/_peft/lora.py'
const LIGER = 'NeMo Automodel 0.5 _transformers/auto_model.py: use_liger_kernel True where liger-kernel is installed'
const QLORA = 'NeMo Automodel 0.5 nemo_automodel/components/quantization/qlora.py'

/** YAML of NeMo Automodel's language-model recipes. */
export const nemoAutomodelReader: FormatReader = {
  format: 'nemo-automodel',
  keys: keyTable(RECIPE, [
    ['model.pretrained_model_name_or_path', 'model', 'required'],
    ['model.torch_dtype', 'precision.weights', 'auto: of the checkpoint'],
    ['step_scheduler.global_batch_size', 'globalBatchSize', '32'],
    ['step_scheduler.local_batch_size', 'microBatchSize', '1'],
    ['distributed.pipeline.pp_microbatch_size', 'microBatchSize with pp_size > 1', '1'],
    ['step_scheduler.num_epochs, step_scheduler.max_steps', 'dataset', '10, None'],
    ['packed_sequence.packed_sequence_size', 'packing, sequenceLength', '0: not packed'],
    ['distributed.tp_size, distributed.cp_size, distributed.pp_size, distributed.ep_size', 'parallelism', '1'],
    ['dataset.seq_length, dataset.seq_len', 'sequenceLength', 'none; 1024 of mock data'],
    ['model.backend.dispatcher', 'parallelism.expertDispatcher', 'what is installed'],
    ['distributed.activation_checkpointing', 'gradientCheckpointing', 'False'],
    ['peft.dim, peft.target_modules, peft.match_all_linear', 'adapter', '8, [], False'],
    ['quantization.load_in_4bit', 'quantization', 'none; nf4, double quantised'],
    ['loss_fn._target_', 'loss', 'MaskedCrossEntropy'],
    ['model.use_liger_kernel', 'fusedKernels where true', 'True with force_hf, where liger-kernel is installed'],
    ['compile.enabled, fp8.enabled', 'compile, precision.compute', 'False'],
    ['model.attn_implementation', 'attention', 'sdpa (flash_attention_2 where flash-attn is installed)'],
    ['distributed.defer_fsdp_grad_sync', 'parallelism.noSync', 'True'],
    ['optimizer._target_, optimizer.fused, optimizer.foreach', 'optimizer', 'foreach'],
    ['checkpoint.enabled, step_scheduler.ckpt_every_steps', 'checkpoints', 'True, once an epoch'],
    ['step_scheduler.val_every_steps, validation_dataset', 'evaluation', 'None'],
    ['dataset.path_or_dataset, dataset.dataset_name, dataset.num_samples_limit', 'dataset', 'required, None'],
    ['# --nproc-per-node N', 'gpus', 'none'],
  ]),
  recognise: ({ roots }) => roots.some(isAutomodel),
  async read(document) {
    const runs = document.roots.filter(isAutomodel).map(root => {
      const findings: Finding[] = []
      return { name: null, draft: readDraft(document, resolveInterpolations(root, findings), findings), findings }
    })
    return { runs, findings: [] }
  },
}

function isAutomodel(root: ConfigNode): boolean {
  return (
    hasAnyKey(root.entries.get('step_scheduler'), 'global_batch_size', 'local_batch_size', 'max_steps', 'num_epochs') &&
    root.entries.has('model')
  )
}

function readDraft(document: ConfigDocument, root: ConfigNode, findings: Finding[]): PlanDraft {
  const at = (dotted: string) => section(root, dotted, findings)
  const steps = at('step_scheduler')
  const model = at('model')
  const packed = at('packed_sequence').integer('packed_sequence_size', { min: 0 })
  const packing = packed !== undefined && packed.value > 0
  const dtype = model.string('torch_dtype')
  const full = dtype && /float32|fp32/.test(dtype.value)
  const fp8 = at('fp8').boolean('enabled')
  const loss = at('loss_fn').string('_target_')
  const filled = readFilled(at('dataset'))
  const length = packing ? packed : (filled ?? at('dataset').integer('seq_length', { min: 1 }))
  const padded = !packing && filled === undefined
  return {
    framework: byDefault('nemo-automodel', 'the format'),
    stage: byDefault('sft', `${RECIPE}: next-token prediction`),
    ...hubModel(model, ['pretrained_model_name_or_path'], ['revision'], findings),
    ...readAdapter(root, at('peft'), at('quantization')),
    'precision.weights': dtype
      ? mapped(dtype, name => (name === 'auto' ? 'auto' : full ? 'float32' : 'bfloat16'))
      : byDefault('auto', 'NeMo Automodel 0.5 _transformers/auto_model.py: torch_dtype auto'),
    'precision.compute': fp8?.value
      ? mapped(fp8, () => 'float8' as const)
      : byDefault('bfloat16', `${DISTRIBUTED}: mp_policy bfloat16`),
    'precision.autocast': byDefault(false, `${DISTRIBUTED}: FSDP2 mixed precision policy`),
    ...readStates(at('optimizer')),
    microBatchSize: readMicroBatch(steps, at('distributed')),
    globalBatchSize: orDefault(steps.integer('global_batch_size', { min: 1 }), 32, `${RECIPE}: 32`),
    gradientAccumulationSteps: byDefault('auto', `${RECIPE}: global ÷ (local × ranks)`),
    'dataset.epochs': orDefault(steps.integer('num_epochs', { min: 1 }), 10, `${RECIPE}: 10`),
    ...when('dataset.maxSteps', steps.integer('max_steps', { min: 1 })),
    ...when('sequenceLength', length),
    packing: packed ? mapped(packed, size => size > 0) : byDefault(false, `${RECIPE}: 0`),
    'dataset.padding': byDefault(padded ? 'longest' : 'none', `${RECIPE}: padded to the longest unless packed`),
    ...when('attention', model.isSet('attn_implementation') ? readAttention(model, 'attn_implementation') : undefined),
    ...when('dataset.names', datasetName(at('dataset'))),
    ...when('dataset.samples', at('dataset').integer('num_samples_limit', { min: 1 })),
    variableLength: byDefault(padded, `${RECIPE}: padded to the longest of the micro-batch`),
    loss: loss
      ? mapped(loss, name =>
          /FusedLinear/.test(name) ? 'fused_linear' : /Chunked/.test(name) ? 'chunked' : 'full_logits',
        )
      : byDefault('full_logits', `${RECIPE}: MaskedCrossEntropy`),
    ...when('fusedKernels', readLiger(model)),
    compile: orDefault(at('compile').boolean('enabled'), false, `${RECIPE}: False`),
    checkpointingReentrant: byDefault(false, 'torch checkpoint_wrapper: not re-entrant'),
    optimizer: mapped(orDefault(at('optimizer').string('_target_'), 'AdamW', RECIPE), name =>
      /Adam/.test(name) ? 'adamw' : /SGD/.test(name) ? 'sgd' : /Muon/i.test(name) ? 'muon' : 'other',
    ),
    optimizerImplementation: readImplementation(at('optimizer')),
    ...readDistributed(at('distributed')),
    ...when('parallelism.expertDispatcher', DISPATCHER(at('model.backend'), 'dispatcher')),
    ...launchComment(document),
    ...readSchedule(root, steps, findings),
  }
}

/** Absent, it is tried; layers of Automodel's own, which few models miss, have none (_transformers/auto_model.py). */
function readLiger(model: Fields): Sourced<'liger' | 'none'> | undefined {
  const asked = model.isSet('use_liger_kernel') ? model.boolean('use_liger_kernel') : undefined
  if (asked) return mapped(asked, on => (on ? 'liger' : 'none'))
  return model.boolean('force_hf')?.value ? byDefault('liger', LIGER) : undefined
}

/** Data sets whose samples all have `seq_len` tokens. */
const MOCK = 'NeMo Automodel 0.5 components/datasets/llm/mock_iterable_dataset.py'

function readFilled(dataset: Fields): Sourced<number> | undefined {
  const name = dataset.string('_target_')?.value ?? ''
  if (!/(?:MockIterable|Nanogpt)Dataset$/.test(name)) return undefined
  const length = dataset.integer('seq_len', { min: 1 })
  return length ?? (/Mock/.test(name) ? byDefault(1024, `${MOCK}: 1024`) : undefined)
}

/** What moves tokens to experts; unset, what is installed decides (components/models/common/utils.py BackendConfig). */
const DISPATCHER = fromTable<ExpertDispatcher>({
  torch: 'allgather',
  deepep: 'flex',
  hybridep: 'flex',
  uccl_ep: 'flex',
})

/** A pipeline splits the local batch once more (components/distributed/pipelining/autopipeline.py: pp_batch_size ÷ pp_microbatch_size micro-batches). */
function readMicroBatch(steps: Fields, distributed: Fields): Sourced<number> {
  const stages = distributed.string('pp_size')?.value ?? 'none'
  const local = orDefault(steps.integer('local_batch_size', { min: 1 }), 1, `${RECIPE}: 1`)
  if (!/^\d+$/.test(stages) || Number(stages) < 2) return local
  const own = distributed.mapping('pipeline')?.integer('pp_microbatch_size', { min: 1 })
  return orDefault(own, 1, 'NeMo Automodel 0.5 components/distributed/pipelining/config.py: pp_microbatch_size 1')
}

/** torch.optim keeps moments like the parameters and no second copy; TransformerEngine's FusedAdam has dtypes of its own. */
function readStates(optimizer: Fields): MutablePlanDraft {
  const fused = /FusedAdam/.test(optimizer.string('_target_')?.value ?? '')
  if (!fused) return { 'precision.masterWeights': byDefault(false, 'torch.optim keeps no second copy') }
  const source = 'TransformerEngine pytorch/optimizers/fused_adam.py'
  const remainders = optimizer.boolean('store_param_remainders')
  const moments = ['exp_avg_dtype', 'exp_avg_sq_dtype'].map(key => optimizer.string(key))
  const narrow = moments.every(moment => /bfloat16|bf16/.test(moment?.value ?? ''))
  const [first] = moments
  return {
    'precision.masterWeights': orDefault(optimizer.boolean('master_weights'), false, `${source}: master_weights False`),
    ...(remainders?.value ? { 'precision.masterWeightBytes': mapped(remainders, () => 2) } : {}),
    'precision.optimizerStates':
      first && narrow
        ? mapped(first, () => 'bfloat16' as const)
        : byDefault('float32', `${source}: exp_avg_dtype float32`),
  }
}

function readAdapter(root: ConfigNode, peft: Fields, quantization: Fields): MutablePlanDraft {
  if (root.entries.get('peft')?.kind !== 'mapping') return { 'adapter.type': byDefault(null, 'no peft section') }
  const four = quantization.boolean('load_in_4bit')
  const eight = quantization.boolean('load_in_8bit')
  const targets = peft.strings('target_modules')
  const all = peft.boolean('match_all_linear')
  const dora = peft.boolean('use_dora')
  return {
    'adapter.type': dora?.value ? mapped(dora, () => 'dora' as const) : byDefault('lora', 'a peft section'),
    'adapter.rank': orDefault(peft.integer('dim', { min: 1 }), 8, `${LORA}: 8`),
    'adapter.dropout': orDefault(peft.number('dropout', { min: 0, max: 1 }), 0, `${LORA}: 0.0`),
    'adapter.targetModules': all?.value
      ? mapped(all, () => 'all-linear' as const)
      : targets
        ? mapped(targets, targetPattern)
        : byDefault('all-linear', `${LORA}: no target named`),
    'adapter.dtype': byDefault('bfloat16', `${LORA}: the dtype of the layer`),
    ...(four?.value ? { quantization: mapped(four, () => 'nf4-double' as const) } : {}),
    ...(eight?.value ? { quantization: { ...eight, value: 'int8' as const, note: QLORA } } : {}),
  }
}

/** Names are wildcard patterns over module paths. */
function targetPattern(names: readonly string[]): readonly string[] | { readonly regex: string } {
  if (!names.some(name => name.includes('*'))) return names
  const patterns = names.map(name => name.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*'))
  return { regex: `(?:${patterns.join('|')})` }
}

const SIZES = [
  ['tp_size', 'parallelism.tensor'],
  ['cp_size', 'parallelism.context'],
  ['pp_size', 'parallelism.pipeline'],
  ['ep_size', 'parallelism.expert'],
] as const

function readDistributed(fields: Fields): MutablePlanDraft {
  const draft: MutablePlanDraft = {}
  for (const [key, plan] of SIZES) {
    const word = fields.string(key)
    if (word && word.value !== 'none') {
      const size = fields.integer(key, { min: 1 })
      if (size) draft[plan] = size
    }
  }
  const parallel = fields.boolean('sequence_parallel')
  if (parallel) draft['parallelism.sequenceParallel'] = parallel
  const strategy = orDefault(fields.string('strategy'), 'fsdp2', `${DISTRIBUTED}: fsdp2`)
  draft['parallelism.data'] = facts =>
    mapped(strategy, name => (facts.gpus === 1 ? 'none' : name === 'ddp' ? 'ddp' : 'fsdp2'))
  draft['parallelism.noSync'] = orDefault(
    fields.boolean('defer_fsdp_grad_sync'),
    true,
    `${DISTRIBUTED}: defer_fsdp_grad_sync True`,
  )
  const checkpointing = activationCheckpointing(fields)
  draft.gradientCheckpointing = checkpointing ?? byDefault('none', `${DISTRIBUTED}: False`)
  return draft
}

function activationCheckpointing(fields: Fields): Sourced<'none' | 'full' | 'selective'> | undefined {
  const word = fields.raw('activation_checkpointing')?.scalar
  if (word === 'full' || word === 'selective') return fields.sourced('activation_checkpointing', word)
  const on = fields.boolean('activation_checkpointing')
  return on && mapped(on, yes => (yes ? 'full' : 'none'))
}

/** torch.optim picks foreach on CUDA unless told otherwise. */
function readImplementation(optimizer: Fields): Sourced<OptimizerImplementation> {
  const fused = optimizer.boolean('fused')
  const foreach = optimizer.boolean('foreach')
  if (fused?.value) return mapped(fused, () => 'fused' as const)
  if (foreach) return mapped(foreach, on => (on ? 'foreach' : 'loop'))
  return byDefault('foreach', 'torch.optim: foreach on CUDA')
}

function datasetName(dataset: Fields): Sourced<readonly string[]> | undefined {
  const key = ['path_or_dataset', 'dataset_name', 'path_or_dataset_id'].find(name => dataset.isSet(name))
  const name = key === undefined ? undefined : dataset.string(key)
  return name && mapped(name, value => [value])
}

/** Checkpoints every `ckpt_every_steps` and at the end of epochs; validation only with a set of its own. */
function readSchedule(root: ConfigNode, steps: Fields, findings: Finding[]): MutablePlanDraft {
  const every = steps.integer('ckpt_every_steps', { min: 1 })
  const enabled = section(root, 'checkpoint', findings).boolean('enabled')
  const validates = steps.integer('val_every_steps', { min: 1 })
  const limit = section(root, 'validation_dataset', findings).integer('num_samples_limit', { min: 1 })
  const local = steps.integer('local_batch_size', { min: 1 })
  const epochs = steps.integer('num_epochs', { min: 1 })
  const cadence = { everySteps: every?.value ?? null, timesTotal: every ? null : (epochs?.value ?? 1) }
  return {
    checkpoints:
      enabled?.value === false
        ? { ...enabled, value: null }
        : { ...(every ?? byDefault(null, `${RECIPE}: once an epoch`)), value: { ...cadence, includesOptimizer: true } },
    evaluation:
      validates && root.entries.get('validation_dataset')?.kind === 'mapping'
        ? {
            ...validates,
            value: {
              everySteps: validates.value,
              timesTotal: null,
              microBatchSize: local?.value ?? 1,
              samples: limit?.value ?? null,
              share: 0,
            },
          }
        : byDefault(null, `${RECIPE}: no validation set`),
  }
}
