import { readDeepSpeed } from '../launch/deepspeed.ts'
import { applyEngine, type Engine } from '../launch/engine.ts'
import { readFsdp } from '../launch/fsdp.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { GradientCheckpointing } from '../plan/training-plan.ts'
import type { Quantization, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { type CompanionScope, openCompanion } from './hugging-face/companions.ts'
import { readLoraKeys } from './hugging-face/lora-keys.ts'
import { precisionDraft, readMixedPrecision } from './hugging-face/precision.ts'
import { datasetNames, hubModel } from './hugging-face/references.ts'
import { defaultOptimizer, readAttention, readOptimizer } from './hugging-face/transformers-arguments.ts'
import {
  applyRows,
  choice,
  describedKey,
  fixed,
  formatKeys,
  type KeyRow,
  keyRow,
  positive,
  positiveOrNone,
} from './key-rows.ts'
import type { FormatReader, RunDraft } from './reader.ts'

const ARGUMENTS = 'LLaMA-Factory 0.9.6 src/llamafactory/v1/config/training_args.py'
const MODEL = 'LLaMA-Factory 0.9.6 src/llamafactory/v1/config/model_args.py'

const ROWS: readonly KeyRow[] = [
  keyRow({
    key: 'micro_batch_size',
    plan: 'microBatchSize',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: 1`),
    default: '1',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'global_batch_size',
    plan: 'globalBatchSize',
    read: positive,
    default: 'micro-batch × ranks',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'cutoff_len',
    plan: 'sequenceLength',
    read: positive,
    fallback: fixed(2048, `${ARGUMENTS}: 2048`),
    default: '2048',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'num_train_epochs',
    plan: 'dataset.epochs',
    read: positiveOrNone,
    fallback: fixed(3, `${ARGUMENTS}: 3`),
    default: '3',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'max_steps',
    plan: 'dataset.maxSteps',
    read: positiveOrNone,
    fallback: fixed(null, `${ARGUMENTS}: the epochs count`),
    default: 'epochs count',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'enable_activation_checkpointing',
    plan: 'gradientCheckpointing',
    read: choice<GradientCheckpointing>('full', 'none'),
    fallback: fixed<GradientCheckpointing>('full', `${ARGUMENTS}: True`),
    default: 'True',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'flash_attn',
    plan: 'attention',
    read: readAttention,
    fallback: fixed('sdpa', `${MODEL}: sdpa`),
    default: 'sdpa',
    source: MODEL,
  }),
  keyRow({
    key: 'cp_size',
    plan: 'parallelism.context',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: 1`),
    default: '1',
    source: ARGUMENTS,
  }),
  describedKey('model', 'model', 'required', MODEL),
  describedKey('bf16', 'precision', 'True', ARGUMENTS),
  describedKey('dist_config', 'parallelism (fsdp2, deepspeed with config_file)', 'none', ARGUMENTS),
  describedKey('peft_config', 'adapter, freeze', 'none (full fine-tuning)', MODEL),
  describedKey('quant_config', 'quantization', 'none', MODEL),
  describedKey('kernel_config', 'fusedKernels', 'none', MODEL),
  describedKey('optim_config', 'optimizer', 'adamw', ARGUMENTS),
  describedKey('batching_strategy', 'packing and padding', 'normal', ARGUMENTS),
  describedKey(
    'train_dataset',
    'dataset.names',
    'required',
    'LLaMA-Factory 0.9.6 src/llamafactory/v1/config/data_args.py',
  ),
]

/** The new trainer of LLaMA-Factory (`examples/v1`). */
export const llamaFactoryV1Reader: FormatReader = {
  format: 'llama-factory-v1',
  keys: formatKeys(ROWS),
  recognise: document => document.roots.some(isLlamaFactoryV1),
  async read(document, context) {
    const runs: RunDraft[] = []
    for (const root of document.roots.filter(isLlamaFactoryV1)) {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      runs.push({ name: null, draft: await readDraft(fields, { document, context, findings }), findings })
    }
    return { runs, findings: [] }
  },
}

function isLlamaFactoryV1(root: ConfigNode): boolean {
  return (
    hasKeys(root, 'model', 'model_class', 'train_dataset') &&
    hasAnyKey(root, 'output_dir', 'micro_batch_size', 'dist_config')
  )
}

async function readDraft(fields: Fields, scope: CompanionScope): Promise<PlanDraft> {
  const { libraries } = scope.context
  const draft = applyRows(ROWS, fields, libraries)
  const mixed = readMixedPrecision(fields, byDefault(true, `${ARGUMENTS}: bf16 True`))
  const tuning = readTuning(fields)
  const type = tuning['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const weights = byDefault<StorageDtype | 'auto'>(
    mixed.on ? 'bfloat16' : 'auto',
    `${MODEL}: loaded in the compute dtype`,
  )
  const strategy = fields.isSet('batching_strategy') ? fields.string('batching_strategy') : undefined
  const free = strategy?.value.includes('padding_free') === true
  const dynamic = strategy?.value.includes('dynamic') === true
  const padding = strategy ?? byDefault('normal', `${ARGUMENTS}: normal, padded to the longest of the batch`)
  const optimizer = mapping(fields, 'optim_config')?.string('name')
  Object.assign(
    draft,
    {
      framework: byDefault('llama-factory', 'the format'),
      libraries: byDefault(libraries, 'the repository'),
      stage: byDefault('sft', `${ARGUMENTS}: sft`),
      'dataset.names': datasetNames(fields, ['train_dataset']),
      'dataset.padding': { ...padding, value: free ? 'none' : 'longest' },
      variableLength: { ...padding, value: !dynamic },
      packing: { ...padding, value: dynamic && free },
    },
    fields.isSet('global_batch_size') ? { gradientAccumulationSteps: byDefault('auto', 'from global_batch_size') } : {},
    hubModel(fields, ['model'], [], scope.findings),
    tuning,
    precisionDraft({
      weights,
      mixed,
      adapterDtype: full ? null : byDefault('float32', 'LLaMA-Factory v1: adapters train in float32'),
    }),
    { quantization: readQuantization(fields) },
    readOptimizer(fields, [], optimizer ?? defaultOptimizer(libraries)),
    readKernels(fields),
  )
  const engine = await engineOf(fields, scope)
  return engine ? applyEngine(draft, engine) : draft
}

function readTuning(fields: Fields): MutablePlanDraft {
  const config = mapping(fields, 'peft_config')
  const name = config?.string('name')
  if (!config || !name) return { 'adapter.type': byDefault(null, `${MODEL}: no peft_config, everything trains`) }
  if (name.value === 'freeze') {
    const layers = config.integer('freeze_trainable_layers') ?? byDefault(2, `${MODEL}: 2`)
    return {
      'adapter.type': { ...name, value: null },
      freeze: { ...layers, value: { kind: 'trainable_layers', layers: Math.abs(layers.value) } },
    }
  }
  return {
    'adapter.type': { ...name, value: name.value === 'lora' ? 'lora' : 'other' },
    'adapter.targetRule': byDefault('llama-factory', 'LLaMA-Factory v1 plugins/model_plugins/peft.py'),
    ...readLoraKeys(
      config,
      {
        rank: ['r'],
        targets: ['target_modules'],
        parameters: [],
        modulesToSave: ['modules_to_save'],
        dropout: ['lora_dropout'],
        dora: ['use_dora'],
      },
      {
        rank: byDefault(8, `${MODEL}: 8`),
        targets: byDefault('all-linear', `${MODEL}: all`),
        dropout: byDefault(0.05, `${MODEL}: 0.05`),
        allWords: ['all', 'all-linear'],
      },
    ),
  }
}

function readQuantization(fields: Fields): Sourced<Quantization> {
  const config = mapping(fields, 'quant_config')
  const bits = config?.integer('quantization_bit', { min: 1, max: 16 })
  if (!bits) return byDefault('none', `${MODEL}: no quant_config`)
  return { ...bits, value: bits.value === 8 ? 'int8' : 'nf4-double' }
}

function readKernels(fields: Fields): MutablePlanDraft {
  const name = mapping(fields, 'kernel_config')?.string('name')
  return name && /liger/.test(name.value)
    ? { fusedKernels: { ...name, value: 'liger' }, loss: { ...name, value: 'fused_linear' } }
    : {}
}

async function engineOf(fields: Fields, scope: CompanionScope): Promise<Engine | null> {
  const config = mapping(fields, 'dist_config')
  const name = config?.string('name')
  if (!config || !name) return null
  if (name.value === 'deepspeed') {
    const file = config.isSet('config_file') ? config.string('config_file') : undefined
    const root = file && (await openCompanion(scope, file))
    return root ? readDeepSpeed(new Fields({ node: root, findings: scope.findings, from: 'launch' })) : null
  }
  const version = { ...name, value: 2 }
  return readFsdp({ config, words: null, defaults: { version, wrap: { ...name, value: 'layers' } } })
}

function mapping(fields: Fields, key: string): Fields | undefined {
  return fields.raw(key)?.kind === 'mapping' ? fields.mapping(key) : undefined
}
