import { applyEngine } from '../launch/engine.ts'
import { type Libraries, versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { GradientCheckpointing, ReinforcementPlan } from '../plan/training-plan.ts'
import type { Quantization, Stage, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf, peftAdapterOf } from './hugging-face/companions.ts'
import { trainerFsdp } from './hugging-face/fsdp-arguments.ts'
import { adapterTypeOf, readLoraKeys } from './hugging-face/lora-keys.ts'
import { type MixedPrecision, precisionDraft, readMixedPrecision } from './hugging-face/precision.ts'
import { datasetNames, hubModel } from './hugging-face/references.ts'
import {
  defaultOptimizer,
  readCheckpointingOptions,
  readCheckpoints,
  readEvaluation,
  readLengthGrouping,
  readLiger,
  readOptimizer,
  TRAINING_ARGUMENT_ROWS,
} from './hugging-face/transformers-arguments.ts'
import {
  applyRows,
  describedKey,
  fixed,
  formatKeys,
  fromTable,
  type KeyRow,
  keyRow,
  positive,
  replaceRows,
} from './key-rows.ts'
import type { FormatReader, RunDraft } from './reader.ts'

const DATA = 'LLaMA-Factory 0.9.6 hparams/data_args.py'
const MODEL = 'LLaMA-Factory 0.9.6 hparams/model_args.py'
const TUNING = 'LLaMA-Factory 0.9.6 hparams/finetuning_args.py'

const STAGES: Readonly<Record<string, Stage>> = {
  pt: 'pretrain',
  sft: 'sft',
  rm: 'reward',
  ppo: 'ppo',
  dpo: 'dpo',
  kto: 'kto',
}

const ROWS: readonly KeyRow[] = replaceRows(TRAINING_ARGUMENT_ROWS, [
  keyRow({
    key: 'cutoff_len',
    plan: 'sequenceLength',
    read: positive,
    fallback: libraries => versionDefault('llamafactory.cutoff_len', libraries),
    default: '2048 since 0.9.1, 1024 before',
    source: DATA,
  }),
  keyRow({
    key: 'disable_gradient_checkpointing',
    plan: 'gradientCheckpointing',
    read: (fields, key) => {
      const read = fields.boolean(key)
      return read && { ...read, value: read.value ? 'none' : 'full' }
    },
    fallback: fixed<GradientCheckpointing>('full', `${MODEL}: checkpointing is on unless disabled`),
    default: 'False: checkpointing is on',
    source: MODEL,
  }),
  describedKey('gradient_checkpointing', 'nothing: checkpointing is on unless disabled', 'redundant', MODEL),
  keyRow({
    key: 'flash_attn',
    plan: 'attention',
    read: fromTable({
      auto: 'sdpa',
      disabled: 'eager',
      sdpa: 'sdpa',
      fa2: 'flash',
      fa3: 'flash',
      true: 'flash',
      false: 'eager',
    }),
    fallback: fixed('sdpa', `${MODEL}: auto, the model’s default`),
    default: 'auto: sdpa',
    source: MODEL,
  }),
  describedKey('model_name_or_path, model_revision', 'model', 'required', MODEL),
  describedKey('stage, pref_loss', 'stage', 'sft', TUNING),
  describedKey('finetuning_type', 'adapter.type, freeze', 'lora', TUNING),
  describedKey(
    'lora_rank, lora_target, lora_dropout, additional_target, use_dora',
    'adapter',
    'rank 8, every Linear but the head',
    TUNING,
  ),
  describedKey('freeze_trainable_layers', 'freeze', '2', TUNING),
  describedKey(
    'freeze_vision_tower, freeze_multi_modal_projector, freeze_language_model',
    'freeze',
    'True, True, False',
    TUNING,
  ),
  describedKey(
    'quantization_bit, quantization_method, double_quantization',
    'quantization',
    'none; nf4 with double quantization',
    MODEL,
  ),
  describedKey('adapter_name_or_path', 'adapter, of its adapter_config.json', 'a new adapter', MODEL),
  describedKey('pure_bf16', 'precision: nothing is upcast to float32', 'False', TUNING),
  describedKey('use_galore, use_apollo, use_badam, use_adam_mini, use_muon', 'optimizer', 'False', TUNING),
  describedKey('packing, neat_packing', 'packing', 'True only for stage pt', DATA),
  describedKey('enable_liger_kernel', 'loss and fusedKernels', 'False', MODEL),
  describedKey('use_unsloth, use_unsloth_gc', 'fusedKernels, activationOffload', 'False', MODEL),
  describedKey('use_reentrant_gc', 'checkpointingReentrant', 'True', MODEL),
  describedKey('dataset, dataset_dir', 'dataset.names', 'none', DATA),
  describedKey('max_samples, val_size, eval_dataset', 'dataset.samples, evaluation', 'no cap', DATA),
  describedKey('ref_model, reward_model', 'reinforcement', 'none', TUNING),
])

export const llamaFactoryReader: FormatReader = {
  format: 'llama-factory',
  keys: formatKeys(ROWS),
  recognise: document => document.roots.some(isLlamaFactory),
  async read(document, context) {
    const runs: RunDraft[] = []
    const matching = document.roots.filter(isLlamaFactory)
    for (const root of matching.length > 0 ? matching : document.roots.slice(0, 1)) {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      runs.push({
        name: null,
        draft: await readLlamaFactoryArguments(fields, { document, context, findings }),
        findings,
      })
    }
    return { runs, findings: [] }
  },
}

function isLlamaFactory(root: ConfigNode): boolean {
  if (!hasKeys(root, 'model_name_or_path')) return false
  if (root.entries.get('do_train')?.scalar === false) return false
  const stage = root.entries.get('stage')?.scalar
  const staged = typeof stage === 'string' && Object.hasOwn(STAGES, stage)
  const own = hasAnyKey(root, 'template', 'cutoff_len', 'dataset', 'lora_target', 'dataset_dir')
  if (!(hasKeys(root, 'finetuning_type') || staged) || !own) return false
  return (
    root.entries.get('do_train')?.scalar === true ||
    hasAnyKey(root, 'per_device_train_batch_size', 'learning_rate', 'num_train_epochs', 'max_steps')
  )
}

/** Arguments of `llamafactory-cli train`, from a file or a command line. */
export async function readLlamaFactoryArguments(fields: Fields, scope: CompanionScope): Promise<PlanDraft> {
  const { libraries } = scope.context
  const draft = applyRows(ROWS, fields, libraries)
  const stage = readStage(fields)
  const tuning = readTuning(fields, libraries)
  const type = tuning['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const adapter = full ? tuning : { ...tuning, ...(await peftAdapterOf(fields, scope, 'adapter_name_or_path')) }
  const mixed = readMixedPrecision(fields, byDefault(false, 'transformers training_args.py: bf16 and fp16 are off'))
  Object.assign(
    draft,
    { framework: byDefault('llama-factory', 'the format'), libraries: byDefault(libraries, 'the repository'), stage },
    hubModel(fields, ['model_name_or_path'], ['model_revision'], scope.findings),
    adapter,
    { quantization: readQuantization(fields) },
    readPrecision(fields, mixed, adapter),
    readFamily(fields, libraries),
    readCheckpointingOptions(fields, readReentrant(fields)),
    readLengthGrouping(fields),
    readLiger(fields, ['enable_liger_kernel', 'use_liger_kernel']),
    readUnsloth(fields),
    readData(fields, stage),
    {
      evaluation: readEvaluation(fields, {
        batchSize: 8,
        note: 'LLaMA-Factory',
        ...valueSet(fields),
      }),
      checkpoints: readCheckpoints(fields),
    },
    ['dpo', 'kto', 'orpo', 'simpo', 'reward', 'ppo'].includes(stage.value)
      ? { reinforcement: readReinforcement(fields, adapter, stage) }
      : {},
  )
  const engine =
    (await deepSpeedOf(fields, scope)) ??
    (await trainerFsdp(fields, scope, libraries)) ??
    (await accelerateOf(fields, scope, ['accelerate_config', 'config_file']))
  return engine ? applyEngine(draft, engine) : draft
}

function valueSet(fields: Fields): { readonly share?: number; readonly samples?: number } {
  const size = fields.isSet('val_size') ? fields.number('val_size', { min: 0 })?.value : undefined
  if (size === undefined || size === 0) return {}
  return size < 1 ? { share: size } : { samples: Math.round(size) }
}

function readStage(fields: Fields): Sourced<Stage> {
  const read = fields.isSet('stage') ? fromTable(STAGES)(fields, 'stage') : undefined
  const stage = read ?? byDefault<Stage>('sft', `${TUNING}: sft`)
  const loss = fields.isSet('pref_loss') ? fields.string('pref_loss') : undefined
  if (stage.value === 'dpo' && (loss?.value === 'orpo' || loss?.value === 'simpo'))
    return { ...loss, value: loss.value }
  return stage
}

function readTuning(fields: Fields, libraries: Libraries): MutablePlanDraft {
  const type = fields.isSet('finetuning_type') ? fields.string('finetuning_type') : undefined
  const kind = type ?? byDefault('lora', `${TUNING}: lora`)
  const vision = readVisionFreeze(fields, libraries)
  if (kind.value === 'full') return { 'adapter.type': { ...kind, value: null }, ...vision }
  if (kind.value === 'freeze') return { 'adapter.type': { ...kind, value: null }, ...readLayerFreeze(fields) }
  const rule = byDefault<'llama-factory'>(
    'llama-factory',
    'LLaMA-Factory 0.9.6 model/model_utils/misc.py find_all_linear_modules',
  )
  const note = (what: string) => `${TUNING}: ${what}`
  if (kind.value === 'oft') {
    const targets = readLoraKeys(
      fields,
      {
        rank: ['oft_rank'],
        targets: ['oft_target'],
        parameters: [],
        modulesToSave: ['additional_target'],
        dropout: ['module_dropout'],
        dora: [],
      },
      {
        rank: byDefault(32, note('oft_block_size 32')),
        targets: byDefault('all-linear', note('oft_target all')),
        dropout: byDefault(0, note('0')),
        allWords: ['all'],
      },
    )
    return { 'adapter.type': { ...kind, value: 'oft' }, 'adapter.targetRule': rule, ...targets }
  }
  const target = versionDefault('llamafactory.lora_target', libraries)
  const targets: Sourced<'all-linear' | readonly string[]> =
    target.value === 'all' ? { ...target, value: 'all-linear' } : { ...target, value: target.value.split(',') }
  return {
    'adapter.type': { ...kind, value: adapterTypeOf(fields, ['use_dora']) },
    'adapter.targetRule': rule,
    ...readLoraKeys(
      fields,
      {
        rank: ['lora_rank'],
        targets: ['lora_target'],
        parameters: ['lora_target_parameters'],
        modulesToSave: ['additional_target'],
        dropout: ['lora_dropout'],
        dora: ['use_dora'],
      },
      {
        rank: byDefault(8, note('8')),
        targets,
        dropout: byDefault(0, note('0.0')),
        allWords: ['all'],
      },
    ),
  }
}

function readLayerFreeze(fields: Fields): MutablePlanDraft {
  const read = fields.isSet('freeze_trainable_layers') ? fields.integer('freeze_trainable_layers') : undefined
  const layers = read ?? byDefault(2, `${TUNING}: the last 2 layers`)
  return { freeze: { ...layers, value: { kind: 'trainable_layers', layers: Math.abs(layers.value) } } }
}

/** Vision tower and projector are frozen in full fine-tuning of multimodal models; others have neither. */
function readVisionFreeze(fields: Fields, libraries: Libraries): MutablePlanDraft {
  const on = (key: string, fallback: Sourced<boolean>): Sourced<boolean> =>
    (fields.isSet(key) ? fields.boolean(key) : undefined) ?? fallback
  const tower = on('freeze_vision_tower', versionDefault('llamafactory.freeze_vision_tower', libraries))
  const projector = on('freeze_multi_modal_projector', byDefault(true, `${TUNING}: True`))
  const language = on('freeze_language_model', byDefault(false, `${TUNING}: False`))
  const patterns = [
    ...(tower.value ? ['vision_tower'] : []),
    ...(projector.value ? ['projector'] : []),
    ...(language.value ? ['language_model'] : []),
  ]
  const source = [tower, projector, language].find(value => value.from === 'file') ?? tower
  return {
    freeze: facts =>
      facts.hasVision && patterns.length > 0
        ? { ...source, value: { kind: 'patterns', patterns } }
        : byDefault({ kind: 'none' }, 'nothing is frozen'),
  }
}

function readQuantization(fields: Fields): Sourced<Quantization> {
  const bits = fields.isSet('quantization_bit') ? fields.integer('quantization_bit', { min: 1, max: 8 }) : undefined
  if (!bits) return byDefault('none', `${MODEL}: quantization_bit is not set`)
  const method = fields.isSet('quantization_method') ? fields.string('quantization_method')?.value : 'bnb'
  if (method === 'hqq') return { ...bits, value: bits.value <= 4 ? 'hqq-int4' : 'int8' }
  if (bits.value === 8) return { ...bits, value: 'int8' }
  const double = fields.isSet('double_quantization') ? fields.boolean('double_quantization')?.value : true
  const type = fields.isSet('quantization_type') ? fields.string('quantization_type')?.value : 'nf4'
  const note = `${MODEL}: nf4 with double quantization`
  return { ...bits, value: type === 'fp4' ? 'fp4' : double === false ? 'nf4' : 'nf4-double', note }
}

/**
 * model/adapter.py init_adapter: what trains is upcast to float32 unless pure_bf16, BAdam or unquantized ZeRO-3 (the
 * engine rule covers that case); the frozen base stays in the compute dtype.
 */
function readPrecision(fields: Fields, mixed: MixedPrecision, adapter: PlanDraft): MutablePlanDraft {
  const isOn = (key: string): Sourced<boolean> | undefined => {
    const read = fields.isSet(key) ? fields.boolean(key) : undefined
    return read?.value ? read : undefined
  }
  const pure = isOn('pure_bf16')
  const keeps = pure ?? isOn('use_badam')
  const upcast: Sourced<StorageDtype> = byDefault(
    'float32',
    'LLaMA-Factory model/adapter.py: what trains is upcast to float32',
  )
  const base: DraftValue<StorageDtype> = pure
    ? { ...pure, value: 'bfloat16' }
    : mixed.on
      ? facts => ({ ...mixed.source, value: dtypeOf(mixed, facts.bf16Supported) })
      : facts => ({
          value: facts.checkpointDtype ?? 'bfloat16',
          from: 'default',
          note: 'LLaMA-Factory hparams/parser.py: compute dtype inferred from the checkpoint',
        })
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const weights = full && !keeps ? upcast : base
  return precisionDraft({
    weights,
    mixed: pure ? { ...mixed, on: false, source: pure } : mixed,
    adapterDtype: full ? null : upcast,
  })
}

function dtypeOf(mixed: MixedPrecision, bf16Supported: boolean | null): StorageDtype {
  const dtype = typeof mixed.dtype === 'function' ? null : mixed.dtype.value
  return dtype === 'float16' || (dtype === 'auto' && bf16Supported === false) ? 'float16' : 'bfloat16'
}

const OPTIMIZER_FLAGS = {
  use_galore: 'galore_adamw',
  use_apollo: 'apollo_adamw',
  use_adam_mini: 'adam_mini',
  use_muon: 'muon',
} as const

function readFamily(fields: Fields, libraries: Libraries): MutablePlanDraft {
  const own = readOptimizer(fields, ['optim'], defaultOptimizer(libraries))
  for (const [key, name] of Object.entries(OPTIMIZER_FLAGS)) {
    const on = fields.isSet(key) ? fields.boolean(key) : undefined
    if (!on?.value) continue
    const family = name === 'galore_adamw' || name === 'apollo_adamw'
    const layerwise = family && isTrue(fields, key === 'use_galore' ? 'galore_layerwise' : 'apollo_layerwise')
    const optimizer = readOptimizer(fields, [], { ...on, value: layerwise ? `${name}_layerwise` : name })
    const rankKey = key === 'use_galore' ? 'galore_rank' : 'apollo_rank'
    const rank = fields.isSet(rankKey) ? positive(fields, rankKey) : byDefault(16, `${TUNING}: 16`)
    return { ...optimizer, ...(family && rank ? { optimizerRank: rank } : {}) }
  }
  const badam = fields.isSet('use_badam') ? fields.boolean('use_badam') : undefined
  return badam?.value ? { ...own, optimizer: { ...badam, value: 'badam' } } : own
}

function readReentrant(fields: Fields): Sourced<boolean> {
  const own = fields.isSet('use_reentrant_gc') ? fields.boolean('use_reentrant_gc') : undefined
  return own ?? byDefault(true, `${MODEL}: use_reentrant_gc True`)
}

function readUnsloth(fields: Fields): MutablePlanDraft {
  const draft: MutablePlanDraft = {}
  const kernels = fields.isSet('use_unsloth') ? fields.boolean('use_unsloth') : undefined
  if (kernels?.value) {
    draft.fusedKernels = { ...kernels, value: 'unsloth' }
    draft.activationOffload = { ...kernels, value: true }
    draft.loss = { ...kernels, value: 'cut_cross_entropy', note: 'Unsloth’s fused loss' }
  }
  const offload = fields.isSet('use_unsloth_gc') ? fields.boolean('use_unsloth_gc') : undefined
  if (offload?.value) draft.activationOffload = offload
  return draft
}

function readData(fields: Fields, stage: Sourced<Stage>): MutablePlanDraft {
  const names = datasetNames(fields, ['dataset'])
  const own = fields.isSet('packing') ? fields.boolean('packing') : undefined
  const neat = fields.isSet('neat_packing') ? fields.boolean('neat_packing') : undefined
  const packing =
    (neat?.value ? neat : own) ?? byDefault(stage.value === 'pretrain', `${DATA}: packing only for stage pt`)
  const cap = fields.isSet('max_samples') ? fields.integer('max_samples', { min: 1 }) : undefined
  const count = names?.value.length ?? 0
  const note = packing.value
    ? 'LLaMA-Factory: packed rows fill cutoff_len'
    : 'LLaMA-Factory: padded to the longest of the batch, rounded up to 8'
  return {
    packing,
    variableLength: byDefault(!packing.value, note),
    'dataset.padding': byDefault(packing.value ? 'none' : 'longest', note),
    ...(names ? { 'dataset.names': names } : {}),
    ...(cap && count > 0
      ? {
          'dataset.samples': {
            ...cap,
            value: cap.value * count,
            from: 'assumed',
            note: `max_samples caps each of ${count} data set(s); they may hold less`,
          },
        }
      : {}),
  }
}

function readReinforcement(fields: Fields, adapter: PlanDraft, stage: Sourced<Stage>): Sourced<ReinforcementPlan> {
  const type = adapter['adapter.type']
  const lora = typeof type !== 'function' && (type?.value === 'lora' || type?.value === 'dora')
  const free = stage.value === 'orpo' || stage.value === 'simpo' || stage.value === 'reward'
  const named = fields.isSet('ref_model')
  const online = stage.value === 'ppo'
  return {
    ...stage,
    value: {
      referenceModel: free ? 'none' : lora && !named ? 'shared' : 'separate',
      generations: 1,
      promptLength: 512,
      completionLength: 512,
      iterations: online ? (fields.isSet('ppo_epochs') ? (positive(fields, 'ppo_epochs')?.value ?? 4) : 4) : 1,
      generation: online ? 'transformers' : 'none',
      colocatedMemoryShare: 0,
      sleepMode: false,
      rewardModel: online && fields.isSet('reward_model'),
      valueModel: false,
    },
    note: 'LLaMA-Factory train/*/workflow.py: a reference model unless LoRA, ORPO or SimPO',
  }
}

function isTrue(fields: Fields, key: string): boolean {
  return fields.isSet(key) && fields.boolean(key)?.value === true
}
