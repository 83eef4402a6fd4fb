import { applyEngine } from '../launch/engine.ts'
import { type Libraries, versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { GradientCheckpointing, ReinforcementPlan } from '../plan/training-plan.ts'
import type { Framework, Loss, Quantization, Stage, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigDocument, type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf } from './hugging-face/companions.ts'
import { trainerFsdp } from './hugging-face/fsdp-arguments.ts'
import { adapterTypeOf, readLoraKeys } from './hugging-face/lora-keys.ts'
import {
  KBIT_WEIGHTS,
  PEFT_ADAPTER_DTYPE,
  precisionDraft,
  readMixedPrecision,
  STORAGE_NAMES,
} from './hugging-face/precision.ts'
import { datasetNames, hubModel } from './hugging-face/references.ts'
import {
  defaultOptimizer,
  readCheckpointing,
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
  flag,
  formatKeys,
  fromTable,
  type KeyRow,
  keyRow,
  positive,
  positiveOrNone,
  replaceRows,
  setKey,
} from './key-rows.ts'
import type { FormatReader, RunDraft } from './reader.ts'

const MODEL = 'trl 1.13 trainer/model_config.py'
const BASE = 'trl 1.13 trainer/base_config.py'
const SFT = 'trl 1.13 trainer/sft_config.py'
const GRPO = 'trl 1.13 trainer/grpo_config.py'

const LENGTH_KEYS = ['max_length', 'max_seq_length']

const ROWS: readonly KeyRow[] = replaceRows(TRAINING_ARGUMENT_ROWS, [
  keyRow({
    key: 'gradient_checkpointing',
    plan: 'gradientCheckpointing',
    read: readCheckpointing,
    fallback: libraries => {
      const on = versionDefault('trl.gradient_checkpointing', libraries)
      return { ...on, value: on.value ? 'full' : 'none' } satisfies Sourced<GradientCheckpointing>
    },
    default: 'True since 0.22',
    source: BASE,
  }),
  keyRow({
    key: ['activation_offloading'],
    plan: 'activationOffload',
    read: flag,
    fallback: fixed(false, `${BASE}: False`),
    default: 'False',
    source: BASE,
  }),
  describedKey('model_name_or_path, model_revision', 'model', 'required', MODEL),
  describedKey('dtype, torch_dtype', 'precision.weights', 'float32 since 0.27, the transformers default before', MODEL),
  describedKey('use_peft', 'adapter.type; lora_* keys count only when true', 'False', MODEL),
  describedKey(
    'lora_r, lora_dropout, lora_target_modules, lora_target_parameters, lora_modules_to_save, use_dora',
    'adapter',
    'rank 16, PEFT’s own targets',
    MODEL,
  ),
  describedKey(
    'load_in_4bit, load_in_8bit, bnb_4bit_quant_type, use_bnb_nested_quant',
    'quantization',
    'False; nf4 without double quantization',
    MODEL,
  ),
  describedKey('max_length, max_seq_length', 'sequenceLength', '1024', SFT),
  describedKey('packing, packing_strategy, padding_free', 'packing, variableLength', 'False; bfd', SFT),
  describedKey('loss_type', 'loss, or the preference loss', 'chunked_nll for SFT since 1.6', SFT),
  describedKey(
    'max_prompt_length, max_completion_length, num_generations, beta, num_iterations',
    'reinforcement',
    '512 tokens, 8 generations, beta 0',
    GRPO,
  ),
  describedKey(
    'use_vllm, vllm_mode, vllm_gpu_memory_utilization, vllm_enable_sleep_mode',
    'reinforcement',
    'no vLLM; colocate with 0.3 of the GPU since 1.0',
    GRPO,
  ),
  describedKey('precompute_ref_log_probs', 'reinforcement.referenceModel', 'False', 'trl 1.13 trainer/dpo_config.py'),
  describedKey(
    'accelerate_config, config_file',
    'parallelism, gpus (file or packaged name)',
    'none',
    'trl 1.13 accelerate_configs',
  ),
  describedKey(
    'dataset_name, datasets, dataset_mixture, dataset_mixer',
    'dataset.names',
    'none',
    'trl 1.13 scripts/utils.py',
  ),
])

interface Dialect {
  readonly format: string
  readonly framework: Framework
  recognise(root: ConfigNode, document: ConfigDocument): boolean
}

const DIALECTS: readonly Dialect[] = [
  { format: 'open-r1', framework: 'open-r1', recognise: isOpenR1 },
  { format: 'alignment-handbook', framework: 'alignment-handbook', recognise: isAlignmentHandbook },
  { format: 'trl', framework: 'trl', recognise: isTrl },
]

/** TRL and the recipe collections that share its keys, most specific first. */
export const TRL_READERS: readonly FormatReader[] = DIALECTS.map(dialect => ({
  format: dialect.format,
  keys: formatKeys(ROWS),
  recognise: document => document.roots.some(root => isTrainerConfig(root) && dialect.recognise(root, document)),
  async read(document, context) {
    const runs: RunDraft[] = []
    const matching = document.roots.filter(isTrainerConfig)
    for (const root of matching.length > 0 ? matching : document.roots.slice(0, 1)) {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      const draft = await readTrlArguments(fields, { document, context, findings }, dialect.framework)
      runs.push({ name: null, draft, findings })
    }
    return { runs, findings: [] }
  },
}))

const ARGUMENT_KEYS = [
  'per_device_train_batch_size',
  'gradient_accumulation_steps',
  'output_dir',
  'learning_rate',
  'num_train_epochs',
  'max_steps',
]

function isTrainerConfig(root: ConfigNode): boolean {
  if (!hasKeys(root, 'model_name_or_path') || hasKeys(root, 'finetuning_type')) return false
  return ARGUMENT_KEYS.filter(key => root.entries.has(key)).length >= 2
}

function isOpenR1(root: ConfigNode, document: ConfigDocument): boolean {
  if (/(^|\/)open-r1\//.test(document.path)) return true
  return hasAnyKey(root, 'reward_funcs') && hasAnyKey(root, 'dataset_prompt_column', 'system_prompt', 'chat_template')
}

function isAlignmentHandbook(root: ConfigNode, document: ConfigDocument): boolean {
  if (/(^|\/)alignment-handbook\//.test(document.path)) return true
  return hasAnyKey(root, 'dataset_mixture', 'dataset_mixer', 'chat_template')
}

/** What plain TrainingArguments do not have. */
function isTrl(root: ConfigNode): boolean {
  return hasAnyKey(
    root,
    'dataset_name',
    'datasets',
    'use_peft',
    'lora_r',
    'dtype',
    'max_length',
    'max_seq_length',
    'packing',
    'beta',
    'loss_type',
    'num_generations',
    'reward_funcs',
    'desirable_weight',
    'load_in_4bit',
    'dataset_train_split',
  )
}

/** Arguments of a TRL command or recipe, from a file or a command line. */
export async function readTrlArguments(
  fields: Fields,
  scope: CompanionScope,
  framework: Framework,
): Promise<PlanDraft> {
  const { libraries } = scope.context
  const draft = applyRows(ROWS, fields, libraries)
  const stage = readStage(fields, scope.document.path)
  const adapter = readAdapter(fields)
  const quantization = readQuantization(fields)
  const reentrant = reentrantDefault(libraries)
  Object.assign(
    draft,
    { framework: byDefault(framework, 'the format'), libraries: byDefault(libraries, 'the repository'), stage },
    hubModel(fields, ['model_name_or_path'], ['model_revision'], scope.findings),
    adapter,
    { quantization },
    readPrecision(fields, adapter, quantization, libraries),
    readOptimizer(fields, ['optim'], defaultOptimizer(libraries)),
    readCheckpointingOptions(fields, reentrant),
    readLengthGrouping(fields),
    readLossAndKernels(fields, stage, libraries),
    readLengths(fields, stage, libraries),
    {
      evaluation: readEvaluation(fields, { batchSize: 8, loggingSteps: 10, note: 'transformers 5.18 eval_strategy' }),
      checkpoints: readCheckpoints(fields),
    },
    stage.value === 'sft' || stage.value === 'pretrain'
      ? {}
      : { reinforcement: readReinforcement(fields, adapter, stage, onlineDefaults(scope.document.path, libraries)) },
  )
  const names = datasetNames(fields, ['dataset_name', 'dataset_id_or_path', 'datasets', 'dataset_mixer'])
  const mixture = fields.raw('dataset_mixture')?.kind === 'mapping' ? fields.mapping('dataset_mixture') : undefined
  const mixed = mixture && datasetNames(mixture, ['datasets'])
  const found = names ?? mixed
  if (found) draft['dataset.names'] = found
  const engine =
    (await deepSpeedOf(fields, scope)) ??
    (await trainerFsdp(fields, scope, libraries)) ??
    (await accelerateOf(fields, scope, ['accelerate_config', 'config_file']))
  return engine ? applyEngine(draft, engine) : draft
}

/** The stage that keys tell, else the words of the path: recipes carry it in folder or file name. */
function readStage(fields: Fields, path: string): Sourced<Stage> {
  if (fields.isSet('desirable_weight')) return fields.sourced('desirable_weight', 'kto')
  const online = setKey(fields, ['num_generations', 'reward_funcs', 'max_completion_length', 'vllm_mode'])
  if (online) return fields.sourced(online, 'grpo')
  const words = path.toLowerCase().split(/[^a-z]+/)
  const named = (['orpo', 'kto', 'dpo', 'grpo', 'simpo', 'reward'] as const).find(stage => words.includes(stage))
  if (named) return { value: named, from: 'assumed', note: `the path names ${named}` }
  if (words.includes('rloo')) return { value: 'grpo', from: 'assumed', note: 'the path names RLOO' }
  if (words.includes('apo')) return { value: 'dpo', from: 'assumed', note: 'the path names APO' }
  const loss = fields.isSet('loss_type') ? fields.strings('loss_type')?.value[0] : undefined
  const preference = loss !== undefined && /^(sigmoid|hinge|ipo|apo|exo|robust|sppo|nca|aot|discopop)/.test(loss)
  if (preference) return fields.sourced('loss_type', 'dpo')
  if (fields.isSet('beta')) return fields.sourced('beta', 'dpo')
  if (words.includes('cpt')) return { value: 'pretrain', from: 'assumed', note: 'the path names continued pretraining' }
  return byDefault('sft', 'no key of another stage')
}

function readAdapter(fields: Fields): MutablePlanDraft {
  const on = fields.isSet('use_peft') ? fields.boolean('use_peft') : undefined
  if (!on?.value) return { 'adapter.type': on ? { ...on, value: null } : byDefault(null, `${MODEL}: use_peft False`) }
  return {
    'adapter.type': { ...on, value: adapterTypeOf(fields, ['use_dora']) },
    'adapter.targetRule': byDefault('peft', 'TRL hands LoraConfig to PEFT'),
    ...readLoraKeys(
      fields,
      {
        rank: ['lora_r'],
        targets: ['lora_target_modules'],
        parameters: ['lora_target_parameters'],
        modulesToSave: ['lora_modules_to_save'],
        dropout: ['lora_dropout'],
        dora: ['use_dora'],
      },
      {
        rank: byDefault(16, `${MODEL}: 16`),
        targets: byDefault('default', `${MODEL}: PEFT’s map of the model type (q_proj and v_proj for most)`),
        dropout: byDefault(0.05, `${MODEL}: 0.05`),
        allWords: ['all-linear'],
      },
    ),
  }
}

function readQuantization(fields: Fields): Sourced<Quantization> {
  const four = fields.isSet('load_in_4bit') ? fields.boolean('load_in_4bit') : undefined
  if (four?.value) {
    const nested = fields.isSet('use_bnb_nested_quant') ? fields.boolean('use_bnb_nested_quant')?.value : false
    const type = fields.isSet('bnb_4bit_quant_type') ? fields.string('bnb_4bit_quant_type')?.value : 'nf4'
    return { ...four, value: type === 'fp4' ? 'fp4' : nested ? 'nf4-double' : 'nf4' }
  }
  const eight = fields.isSet('load_in_8bit') ? fields.boolean('load_in_8bit') : undefined
  return eight?.value ? { ...eight, value: 'int8' } : byDefault('none', `${MODEL}: load_in_4bit and load_in_8bit False`)
}

function readPrecision(
  fields: Fields,
  adapter: PlanDraft,
  quantization: Sourced<Quantization>,
  libraries: Libraries,
): MutablePlanDraft {
  const mixed = readMixedPrecision(fields, versionDefault('trl.bf16', libraries))
  const loaded = loadedDtype(fields, libraries)
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const quantized = quantization.value !== 'none'
  const prepares = quantized ? versionDefault('trl.kbit_preparation', libraries) : null
  const weights = prepares?.value ? { ...KBIT_WEIGHTS, note: prepares.note ?? '' } : loaded
  const note = 'trl 1.13 trainer/sft_trainer.py: adapters of a quantized base are cast to bfloat16'
  const adapterDtype: Sourced<StorageDtype> =
    quantized && !prepares?.value ? byDefault('bfloat16', note) : PEFT_ADAPTER_DTYPE
  const draft = precisionDraft({ weights, mixed, adapterDtype: full ? null : adapterDtype })
  return quantized ? { ...draft, 'quantizationDetails.computeDtype': storageOf(loaded) } : draft
}

function storageOf(loaded: DraftValue<StorageDtype | 'auto'>): DraftValue<StorageDtype | null> {
  return facts => {
    const dtype = typeof loaded === 'function' ? loaded(facts) : loaded
    return { ...dtype, value: dtype.value === 'auto' ? facts.checkpointDtype : dtype.value }
  }
}

function loadedDtype(fields: Fields, libraries: Libraries): Sourced<StorageDtype | 'auto'> {
  const key = setKey(fields, ['dtype', 'torch_dtype'])
  const own = key ? fromTable(STORAGE_NAMES)(fields, key) : undefined
  if (own) return own
  const trl = versionDefault('trl.dtype', libraries)
  if (trl.value === 'float32') return { ...trl, value: 'float32' }
  return versionDefault('transformers.weights', libraries)
}

function reentrantDefault(libraries: Libraries): Sourced<boolean> {
  const trl = versionDefault('trl.use_reentrant', libraries)
  return trl.value === 'false' ? { ...trl, value: false } : versionDefault('transformers.use_reentrant', libraries)
}

function readLossAndKernels(fields: Fields, stage: Sourced<Stage>, libraries: Libraries): MutablePlanDraft {
  const liger = readLiger(fields, ['use_liger_kernel', 'use_liger', 'use_liger_loss'])
  if (liger.loss) return liger
  if (stage.value !== 'sft' && stage.value !== 'pretrain')
    return { loss: byDefault('full_logits', 'trl: log-probabilities from the full logits') }
  const named = fields.isSet('loss_type') ? fields.string('loss_type') : undefined
  if (named) return { loss: { ...named, value: named.value === 'chunked_nll' ? 'chunked' : 'full_logits' } }
  const loss: Sourced<Loss> = versionDefault('trl.sft_loss', libraries)
  return { loss }
}

function readLengths(fields: Fields, stage: Sourced<Stage>, libraries: Libraries): MutablePlanDraft {
  if (stage.value === 'grpo') {
    const { prompt, completion } = generationLengths(fields, libraries)
    const note = `prompt ${prompt.value} + completion ${completion.value} tokens`
    return {
      sequenceLength: { ...completion, value: prompt.value + completion.value, note },
      variableLength: byDefault(true, 'trl: padded to the longest completion'),
      'dataset.padding': byDefault('longest', 'trl: padded to the longest completion'),
    }
  }
  const key = LENGTH_KEYS.find(name => fields.isSet(name))
  const own = key ? positiveOrNone(fields, key) : undefined
  const length = own?.value ? { ...own, value: own.value } : lengthDefault(fields, stage, libraries)
  const packing = (fields.isSet('packing') ? fields.boolean('packing') : undefined) ?? byDefault(false, `${SFT}: False`)
  const flattened = packing.value || (fields.isSet('padding_free') && fields.boolean('padding_free')?.value === true)
  const note = flattened ? 'trl: one flattened row without padding' : 'trl: padded to the longest of the batch'
  return {
    sequenceLength: length,
    packing,
    variableLength: byDefault(!packing.value, note),
    'dataset.padding': byDefault(flattened ? 'none' : 'longest', note),
  }
}

function lengthDefault(fields: Fields, stage: Sourced<Stage>, libraries: Libraries): DraftValue<number> {
  if (fields.has('max_length') && fields.raw('max_length')?.scalar === null)
    return facts => ({
      value: facts.maxPositions ?? 4096,
      from: 'assumed',
      note: 'max_length: null truncates nothing; the model’s longest context is taken',
    })
  return stage.value === 'dpo' || stage.value === 'kto' || stage.value === 'orpo'
    ? versionDefault('trl.preference_max_length', libraries)
    : byDefault(1024, `${SFT}: 1024`)
}

function generationLengths(
  fields: Fields,
  libraries: Libraries,
): { readonly prompt: Sourced<number>; readonly completion: Sourced<number> } {
  const prompt = fields.isSet('max_prompt_length') ? positive(fields, 'max_prompt_length') : undefined
  const completion = fields.isSet('max_completion_length') ? positive(fields, 'max_completion_length') : undefined
  return {
    prompt: prompt ?? {
      value: 512,
      from: 'assumed',
      note: 'prompts are not truncated since trl 0.28; 512 tokens are taken',
    },
    completion: completion ?? versionDefault('trl.grpo_completion_length', libraries),
  }
}

interface OnlineDefaults {
  readonly beta: Sourced<number>
  readonly generations: number
  readonly libraries: Libraries
}

/** RLOO keeps a reference model and generates two answers; GRPO neither (trl 1.13 trainer/rloo_config.py, grpo_config.py). */
function onlineDefaults(path: string, libraries: Libraries): OnlineDefaults {
  if (/(^|[^a-z])rloo([^a-z]|$)/i.test(path))
    return { beta: byDefault(0.05, 'trl 1.13 trainer/rloo_config.py: 0.05'), generations: 2, libraries }
  return { beta: versionDefault('trl.grpo_beta', libraries), generations: 8, libraries }
}

function readReinforcement(
  fields: Fields,
  adapter: PlanDraft,
  stage: Sourced<Stage>,
  { beta: defaultBeta, generations: defaultGenerations, libraries }: OnlineDefaults,
): Sourced<ReinforcementPlan> {
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const online = stage.value === 'grpo'
  const isOn = (key: string): boolean => fields.isSet(key) && fields.boolean(key)?.value === true
  const beta = (fields.isSet('beta') ? fields.number('beta') : undefined) ?? defaultBeta
  const free = ['orpo', 'simpo', 'reward'].includes(stage.value) || (online && beta.value === 0)
  const reference = free ? 'none' : isOn('precompute_ref_log_probs') ? 'precomputed' : full ? 'separate' : 'shared'
  const { prompt, completion } = generationLengths(fields, libraries)
  const vllm = online && isOn('use_vllm')
  const mode =
    (fields.isSet('vllm_mode') ? fields.string('vllm_mode')?.value : undefined) ??
    versionDefault('trl.vllm_mode', libraries).value
  const colocated = vllm && mode === 'colocate'
  const share = fields.isSet('vllm_gpu_memory_utilization')
    ? fields.number('vllm_gpu_memory_utilization', { min: 0, max: 1 })?.value
    : undefined
  const generations = fields.isSet('num_generations') ? positive(fields, 'num_generations')?.value : undefined
  const iterations = fields.isSet('num_iterations') ? positive(fields, 'num_iterations')?.value : undefined
  return {
    ...stage,
    value: {
      referenceModel: reference,
      generations: online ? (generations ?? defaultGenerations) : 1,
      promptLength: prompt.value,
      completionLength: completion.value,
      iterations: iterations ?? 1,
      generation: !online ? 'none' : vllm ? (colocated ? 'vllm_colocate' : 'vllm_server') : 'transformers',
      colocatedMemoryShare: colocated ? (share ?? versionDefault('trl.vllm_memory_share', libraries).value) : 0,
      sleepMode: isOn('vllm_enable_sleep_mode'),
      rewardModel: false,
      valueModel: false,
    },
    note: `reference model: ${reference}`,
  }
}
