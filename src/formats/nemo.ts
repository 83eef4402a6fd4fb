import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { rowOf } from '../plan/row-of.ts'
import type { BufferPlan } from '../plan/training-plan.ts'
import type { AdapterType } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import type { Fields } from './fields.ts'
import { megatronTargets } from './megatron-adapter.ts'
import { NEMO_EVENT_KEYS, nemoEvents } from './nemo/events.ts'
import { nemoPrecision } from './nemo/precision.ts'
import { nemoShapes } from './nemo/shapes.ts'
import type { FormatReader } from './reader.ts'
import { reportUnmodelled, runPerDocument } from './run-per-document.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const GPT = 'NeMo @8cfedd7 nemo/collections/nlp/models/language_modeling/megatron_gpt_model.py'
const CONF = 'NeMo @8cfedd7 examples/nlp/language_modeling/conf/megatron_gpt_config.yaml'
const BASE = 'NeMo @8cfedd7 nemo/collections/nlp/models/language_modeling/megatron_base_model.py'
const STEP = 'NeMo @8cfedd7 nemo/collections/nlp/models/language_modeling/megatron_gpt_model.py training_step'
const PEFT = 'NeMo @8cfedd7 nemo/collections/nlp/parts/peft_config.py'

/** NeMo 1 YAML: Megatron GPT pretraining and fine-tuning; its other models are declined. */
export const nemoReader: FormatReader = {
  format: 'nemo',
  keys: [
    ...keyTable(GPT, [
      ['model.num_layers, model.hidden_size, model.num_attention_heads', 'model', 'those of restore_from_path'],
      [
        'model.ffn_hidden_size, model.num_query_groups, model.kv_channels',
        'model',
        '4 × hidden, one a query head, hidden ÷ heads',
      ],
      ['model.activation, model.bias, model.qkv_bias, model.normalization', 'model', 'gelu, True, False, layernorm'],
      ['model.position_embedding_type, model.share_embeddings_and_output_weights', 'model', 'learned_absolute, True'],
      ['model.hidden_dropout, model.attention_dropout', 'model', '0.1'],
      ['model.encoder_seq_length, model.data.train_ds.max_seq_length', 'sequenceLength', '512, 2048'],
      ['model.micro_batch_size, model.global_batch_size', 'microBatchSize, globalBatchSize', 'required'],
      [
        'model.tensor_model_parallel_size, model.pipeline_model_parallel_size, model.context_parallel_size, model.expert_model_parallel_size',
        'parallelism',
        '1',
      ],
      ['model.sequence_parallel', 'parallelism.sequenceParallel', 'False'],
      ['model.activations_checkpoint_granularity', 'gradientCheckpointing', 'None'],
      ['model.transformer_engine, model.use_flash_attention', 'fusedKernels, attention', 'False, False'],
      ['model.gradient_as_bucket_view', 'buffers', 'True'],
      ['model.fp8', 'precision.compute', 'False'],
    ]),
    ...keyTable(BASE, [
      ['trainer.precision, model.megatron_amp_O2', 'precision', '32-true, False'],
      ['trainer.devices, trainer.num_nodes', 'gpus', '1, 1'],
      ['trainer.max_steps, trainer.max_epochs', 'dataset', '-1, none'],
      ['model.optim.name', 'optimizer, parallelism.data', 'fused_adam; distributed_fused_adam shards its states'],
      ['model.fsdp', 'parallelism.data', 'False'],
    ]),
    ...NEMO_EVENT_KEYS,
    ...keyTable(PEFT, [
      ['model.peft.peft_scheme', 'adapter', 'None: every parameter trains'],
      ['model.peft.lora_tuning', 'adapter', 'adapter_dim 32, target_modules [attention_qkv]'],
    ]),
  ],
  recognise: ({ roots }) => roots.some(isNemo),
  async read(document) {
    const result = await runPerDocument(document, isMegatronGpt, readDraft)
    const other = document.roots.find(root => isNemo(root) && !isMegatronGpt(root))
    if (other === undefined) return result
    const { path, line, column } = other
    const message = 'This NeMo model is no Megatron GPT; Preflop does not estimate its memory.'
    return { ...result, findings: [finding('unsupported-format', { path, line, column, message })] }
  },
}

const MEGATRON_KEYS = ['tensor_model_parallel_size', 'megatron_amp_O2', 'micro_batch_size', 'restore_from_path']

/** A Lightning trainer with NeMo's experiment manager, or with Megatron's own keys. */
function isNemo(root: ConfigNode): boolean {
  const model = root.entries.get('model')
  if (root.entries.get('trainer')?.kind !== 'mapping' || model?.kind !== 'mapping') return false
  return hasKeys(root, 'exp_manager') || hasAnyKey(model, ...MEGATRON_KEYS)
}

/** Encoders, state spaces and retrieval have blocks of their own. */
const OTHER_MODELS = /t5|ul2|bart|retro|mamba|griffin|bert|clip|nmt|hyena|neva|speech|stable|diffusion/i
const OTHER_KEYS = ['encoder', 'decoder', 'retro', 'mm_cfg', 'language_model', 'preprocessor', 'vision', 'griffin']

function isMegatronGpt(root: ConfigNode): boolean {
  const model = root.entries.get('model')
  if (!isNemo(root) || !hasAnyKey(model, ...MEGATRON_KEYS)) return false
  const name = String(root.entries.get('name')?.scalar ?? '')
  return !OTHER_MODELS.test(name) && !hasAnyKey(model, ...OTHER_KEYS)
}

function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const at = (dotted: string): Fields => section(root, dotted, findings)
  const [trainer, model, tuning] = [at('trainer'), at('model'), at('model.data.train_ds')]
  const isTuned = tuning.node.entries.size > 0
  const optim = at('model.optim')
  const optimizer = orDefault(optim.string('name'), 'fused_adam', `${BASE}: fused_adam`)
  const engine = orDefault(model.boolean('transformer_engine'), false, `${GPT}: False`)
  const flash = model.boolean('use_flash_attention')
  // TransformerEngine's flash and fused kernels take 16 bits only (pytorch/attention/dot_product_attention/utils.py)
  const isHalf = /16/.test(trainer.string('precision')?.value ?? '')
  const length = isTuned
    ? orDefault(
        tuning.integer('max_seq_length', { min: 1 }),
        2048,
        'NeMo tuning/conf/megatron_gpt_finetuning_config.yaml: 2048',
      )
    : orDefault(
        model.integer('encoder_seq_length', { min: 1 }) ?? at('model.data').integer('seq_length', { min: 1 }),
        512,
        `${GPT}: 512`,
      )
  reportUnmodelled(model, UNMODELLED, findings)
  return {
    framework: byDefault('nemo', 'the format'),
    stage: byDefault(isTuned ? 'sft' : 'pretrain', isTuned ? 'model.data.train_ds' : 'NeMo GPT pretraining'),
    ...nemoShapes(model, findings),
    ...readAdapter(at('model.peft'), findings),
    ...nemoPrecision({
      trainer,
      model,
      optimizer: optimizer.value,
      gradientSync: optim.string('grad_sync_dtype')?.value,
      findings,
    }),
    ...readBatch(model, tuning),
    sequenceLength: length,
    packing: isTuned
      ? orDefault(tuning.boolean('packed_sequence'), false, 'NeMo GPTSFTDataset: packed_sequence False')
      : byDefault(true, 'Megatron GPTDataset: token stream'),
    variableLength: byDefault(
      isTuned,
      isTuned ? 'NeMo GPTSFTDataset: padded to the longest of the batch' : 'every step has the same shape',
    ),
    'dataset.padding': byDefault(
      isTuned ? 'longest' : 'none',
      isTuned ? 'NeMo GPTSFTDataset' : 'Megatron GPTDataset: token stream',
    ),
    ...readSchedule(trainer),
    ...nemoEvents({
      trainer,
      model,
      manager: root.entries.has('exp_manager') ? at('exp_manager') : null,
      isTuned,
      findings,
    }),
    gradientCheckpointing: readRecompute(model),
    attention: engine.value
      ? mapped(engine, () => (isHalf ? ('flash' as const) : ('eager' as const)))
      : flash
        ? mapped(flash, on => (on ? 'flash' : 'eager'))
        : byDefault('eager', `${GPT}: use_flash_attention False`),
    loss: byDefault('vocab_parallel', 'Megatron-LM core/tensor_parallel/cross_entropy.py'),
    fusedKernels: mapped(engine, on => (on ? 'transformer_engine' : 'none')),
    compile: byDefault(false, 'NeMo does not compile'),
    optimizer: mapped(optimizer, name =>
      /adam/.test(name) || /distrib/.test(name)
        ? 'adamw'
        : /sgd/.test(name)
          ? 'sgd'
          : /lion/.test(name)
            ? 'lion'
            : /adafactor/.test(name)
              ? 'adafactor'
              : 'other',
    ),
    optimizerImplementation: byDefault('fused', 'apex FusedAdam and DistributedFusedAdam'),
    ...readParallelism(model, trainer, optimizer),
  }
}

const UNMODELLED = {
  fp32_residual_connection: 'residuals in float32',
  kd_teacher_restore_from_path: 'a teacher model beside the student',
} as const

const DEGREES = [
  ['tensor_model_parallel_size', 'parallelism.tensor'],
  ['pipeline_model_parallel_size', 'parallelism.pipeline'],
  ['context_parallel_size', 'parallelism.context'],
  ['expert_model_parallel_size', 'parallelism.expert'],
] as const

function readParallelism(model: Fields, trainer: Fields, optimizer: Sourced<string>): MutablePlanDraft {
  const draft: MutablePlanDraft = {}
  for (const [key, plan] of DEGREES) draft[plan] = orDefault(model.integer(key, { min: 1 }), 1, `${GPT}: 1`)
  const experts = model.isSet('expert_tensor_parallel_size')
    ? model.integer('expert_tensor_parallel_size', { min: 1 })
    : undefined
  if (experts) draft['parallelism.expertTensor'] = experts
  const fsdp = model.boolean('fsdp')
  const sharded = /^distributed_|^mcore_distributed/.test(optimizer.value)
  const chunks = model.integer('virtual_pipeline_model_parallel_size', { min: 1 })
  return {
    ...draft,
    'parallelism.sequenceParallel': orDefault(model.boolean('sequence_parallel'), false, `${GPT}: False`),
    'parallelism.data': fsdp?.value
      ? mapped(fsdp, () => 'fsdp1' as const)
      : mapped(optimizer, () => (sharded ? 'distributed_optimizer' : 'ddp')),
    ...(chunks && chunks.value > 1 ? { 'parallelism.pipelineInterleave': chunks } : {}),
    'parallelism.noSync': byDefault(
      !fsdp?.value,
      `${STEP}: gradients are reduced after all micro-batches but under FSDP`,
    ),
    ...readBuckets(model),
    ...readGpus(trainer),
  }
}

/** DistributedDataParallel of runs without O2 (parts/nlp_overrides.py NLPDDPStrategy). */
function readBuckets(model: Fields): MutablePlanDraft {
  const view = orDefault(model.boolean('gradient_as_bucket_view'), true, `${CONF}: True`)
  return { buffers: mapped(view, gradientAsBucketView => ({ ...NO_BUFFERS, gradientAsBucketView })) }
}

const NO_BUFFERS: BufferPlan = {
  reduceBucketElements: null,
  allgatherBucketElements: null,
  prefetchBucketElements: null,
  persistenceThresholdElements: null,
  maxLiveParameters: null,
  subGroupElements: null,
  overlapComm: null,
  ddpBucketBytes: null,
  gradientAsBucketView: false,
}

/** `devices: -1` takes all GPUs of a node; a list names them. */
function readGpus(trainer: Fields): MutablePlanDraft {
  const nodes = trainer.integer('num_nodes', { min: 1 })?.value ?? 1
  const node = trainer.raw('devices')
  const count =
    node?.kind === 'sequence' ? node.items.length : typeof node?.scalar === 'number' ? node.scalar : undefined
  if (count === undefined) return { gpus: byDefault(nodes, 'Lightning Trainer: one device a node') }
  if (count < 1) return {}
  const perNode = trainer.sourced('devices', count)
  return { gpus: mapped(perNode, devices => devices * nodes), gpusPerNode: perNode }
}

function readBatch(model: Fields, tuning: Fields): MutablePlanDraft {
  const micro = tuning.integer('micro_batch_size', { min: 1 }) ?? model.integer('micro_batch_size', { min: 1 })
  const whole = tuning.integer('global_batch_size', { min: 1 }) ?? model.integer('global_batch_size', { min: 1 })
  return {
    ...when('microBatchSize', micro),
    ...(whole
      ? {
          globalBatchSize: whole,
          gradientAccumulationSteps: byDefault('auto' as const, `${GPT}: global ÷ micro-batch ÷ ranks`),
        }
      : {}),
  }
}

function readSchedule(trainer: Fields): MutablePlanDraft {
  const steps = trainer.integer('max_steps')
  const epochs = trainer.integer('max_epochs')
  return {
    ...(steps && steps.value > 0 ? { 'dataset.maxSteps': steps } : {}),
    ...(epochs && epochs.value > 0 && !(steps && steps.value > 0) ? { 'dataset.epochs': epochs } : {}),
  }
}

function readRecompute(model: Fields): PlanDraft['gradientCheckpointing'] & {} {
  const granularity = model.oneOf('activations_checkpoint_granularity', ['full', 'selective'])
  return granularity ?? byDefault('none', `${GPT}: None`)
}

const SCHEMES: Readonly<Record<string, AdapterType>> = {
  lora: 'lora',
  qlora: 'lora',
  adapter: 'adapter',
  ia3: 'ia3',
  ptuning: 'p_tuning',
}

const MODULES: Readonly<Record<string, readonly string[]>> = {
  attention_qkv: ['linear_qkv'],
  attention_dense: ['linear_proj'],
  mlp_fc1: ['linear_fc1'],
  mlp_fc2: ['linear_fc2'],
  attention: ['linear_qkv', 'linear_proj'],
  mlp: ['linear_fc1', 'linear_fc2'],
  all: ['linear_qkv', 'linear_proj', 'linear_fc1', 'linear_fc2'],
}

function readAdapter(peft: Fields, findings: Finding[]): MutablePlanDraft {
  const scheme = peft.string('peft_scheme')
  const first = scheme?.value.split(',')[0]?.trim().toLowerCase() ?? 'none'
  const type = Object.hasOwn(SCHEMES, first) ? SCHEMES[first] : undefined
  if (!scheme || type === undefined) return { 'adapter.type': byDefault(null, 'no peft_scheme') }
  const lora = section(peft.node, 'lora_tuning', findings)
  const adapter = section(peft.node, 'adapter_tuning', findings)
  const prompt = section(peft.node, 'p_tuning', findings)
  const modules = lora.strings('target_modules')
  const names = (modules?.value ?? ['attention_qkv']).flatMap(name => rowOf(MODULES, name) ?? [name])
  return {
    'adapter.type': mapped(scheme, () => type),
    'adapter.rank': orDefault(
      (type === 'adapter' ? adapter : lora).integer('adapter_dim', { min: 1 }),
      32,
      `${PEFT}: 32`,
    ),
    'adapter.targetModules': modules
      ? mapped(modules, () => megatronTargets(names))
      : byDefault(megatronTargets(names), `${PEFT}: attention_qkv`),
    'adapter.targetRule': byDefault('megatron', 'NeMo adapters sit on Megatron’s fused layers'),
    'adapter.virtualTokens': orDefault(prompt.integer('virtual_tokens', { min: 1 }), 10, `${PEFT}: 10`),
    ...(first === 'qlora' ? { quantization: mapped(scheme, () => 'nf4' as const) } : {}),
  }
}
