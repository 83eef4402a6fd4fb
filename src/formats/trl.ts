import { applyEngine } from '../launch/engine.ts'
import { type Libraries, versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { Framework, Quantization, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigDocument, type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf } from './hugging-face/companions.ts'
import { trainerFsdp } from './hugging-face/fsdp-arguments.ts'
import { hasOpenInstructKeys } from './hugging-face/open-instruct-keys.ts'
import { isOwnTrainer, readOwnAdapter, readOwnFreezing, readOwnQuantization } from './hugging-face/own-trainer.ts'
import { packsInBytes } from './hugging-face/packed-storage.ts'
import { datasetDraft, hubModel } from './hugging-face/references.ts'
import {
  defaultOptimizer,
  readCheckpointingOptions,
  readCheckpoints,
  readEvaluation,
  readLengthGrouping,
  readOptimizer,
  TRAINER_UNMODELLED,
} from './hugging-face/transformers-arguments.ts'
import { applyRows, formatKeys, setKey } from './key-rows.ts'
import { reportMisspelt } from './misspelt-keys.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { reportRefusals } from './refusals/refusal.ts'
import { TRL_REFUSALS } from './refusals/trl-refusals.ts'
import { reportUnmodelled } from './run-per-document.ts'
import { TRL_IGNORED } from './trl/ignored-keys.ts'
import { TRL_ROWS } from './trl/keys.ts'
import { readLengths, readLossAndKernels } from './trl/lengths.ts'
import { readAdapter, readPrecision, readQuantization } from './trl/precision.ts'
import { onlineDefaults, onlineUnmodelled, readReinforcement } from './trl/reinforcement.ts'
import { readStage } from './trl/stage.ts'

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
  keys: formatKeys(TRL_ROWS),
  ignored: TRL_IGNORED,
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
  if (hasOpenInstructKeys(root)) return false
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
function isTrl(root: ConfigNode, document: ConfigDocument): boolean {
  // supervised training by somebody's own trainer follows transformers' defaults; preference trainers are TRL's
  if (isOwnTrainer(root) && !namesPreference(root, document.path)) return false
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

function namesPreference(root: ConfigNode, path: string): boolean {
  if (hasAnyKey(root, 'beta', 'num_generations', 'reward_funcs', 'desirable_weight')) return true
  return /(?:^|[^a-z])(?:dpo|kto|orpo|grpo|rloo|simpo|reward)(?:[^a-z]|$)/i.test(path)
}

/** Arguments in a launch script of somebody’s own program, which may have others beside TRL’s. */
function isOfOwnScript(path: string): boolean {
  return /\.py [^/]*$/.test(path)
}

/** Arguments of a TRL command or recipe, from a file or a command line. */
async function readTrlArguments(fields: Fields, scope: CompanionScope, framework: Framework): Promise<PlanDraft> {
  const { libraries } = scope.context
  const draft = applyRows(TRL_ROWS, fields, libraries)
  reportRefusals(fields.node, TRL_REFUSALS, scope.findings)
  const isOwn = isOwnTrainer(fields.node)
  if (!isOwn && !isOfOwnScript(scope.document.path))
    reportMisspelt(fields.node, { framework: 'TRL', keys: TRL_ROWS, ignored: TRL_IGNORED }, scope.findings)
  const stage = readStage(fields, scope.document.path)
  const adapter = isOwn ? readOwnAdapter(fields, scope.document.path) : readAdapter(fields)
  const quantization = isOwn ? readOwnQuantization(fields, scope.document.path) : readQuantization(fields)
  if (!isOwn) draft['quantizationDetails.packsInBytes'] = packsInBytes(fields)
  const reentrant = reentrantDefault(libraries)
  Object.assign(
    draft,
    { framework: byDefault(framework, 'the format'), libraries: byDefault(libraries, 'the repository'), stage },
    hubModel(fields, ['model_name_or_path'], ['model_revision'], scope.findings),
    trainsAdapter(adapter) ? {} : readOwnFreezing(fields),
    adapter,
    { quantization },
    readPrecision(fields, { adapter, quantization, stage: stage.value }, libraries),
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
    stage.value === 'grpo' && {
      'dataset.dropLast': byDefault(true, 'trl 1.13 trainer/utils.py RepeatSampler leaves out an incomplete batch'),
    },
  )
  const mixture = fields.raw('dataset_mixture')?.kind === 'mapping' ? fields.mapping('dataset_mixture') : undefined
  Object.assign(
    draft,
    mixture && datasetDraft(mixture, ['datasets']),
    datasetDraft(fields, ['dataset_name', 'dataset_id_or_path', 'datasets', 'dataset_mixer']),
  )
  if (!isOwn) reportIdleLora(fields, scope.findings)
  reportUnmodelled(fields, { ...TRAINER_UNMODELLED, ...onlineUnmodelled(fields) }, scope.findings)
  const engine =
    (await deepSpeedOf(fields, scope)) ??
    (await trainerFsdp(fields, scope, libraries)) ??
    (await accelerateOf(fields, scope, ['accelerate_config', 'config_file']))
  if (!engine) return draft
  const applied = applyEngine(draft, engine)
  return trainsAdapter(adapter) && isZero3(applied)
    ? { ...applied, ...adapterUnderZero3(applied, quantization.value, libraries) }
    : applied
}

/** ModelConfig.use_peft is False: a rank alone trains no adapter (trl 1.13 trainer/utils.py get_peft_config). */
function reportIdleLora(fields: Fields, findings: Finding[]): void {
  const isIdle = fields.isSet('lora_r') && setKey(fields, ['use_peft', 'use_peft_lora']) === undefined
  const node = isIdle ? fields.raw('lora_r') : undefined
  if (!node) return
  const message = '`lora_r` counts only with `use_peft: true`; without it every parameter trains.'
  findings.push(finding('ignored-key', { path: node.path, line: node.keyLine, column: node.keyColumn, message }))
}

function adapterUnderZero3(draft: PlanDraft, quantization: Quantization, libraries: Libraries): MutablePlanDraft {
  const follows = versionDefault('trl.zero3_adapters_follow_base', libraries)
  const weights = draft['precision.weights']
  const dtype: DraftValue<StorageDtype> = facts => {
    const base = typeof weights === 'function' ? weights(facts) : weights
    const stored = base === undefined || base.value === 'auto' ? (facts.checkpointDtype ?? 'bfloat16') : base.value
    return { ...follows, value: stored }
  }
  return {
    checkpointingReentrant: REENTRANT_UNDER_ZERO3,
    ...(follows.value && quantization === 'none' ? { 'adapter.dtype': dtype } : {}),
  }
}

function reentrantDefault(libraries: Libraries): Sourced<boolean> {
  const trl = versionDefault('trl.use_reentrant', libraries)
  return trl.value === 'false' ? { ...trl, value: false } : versionDefault('transformers.use_reentrant', libraries)
}

const REENTRANT_UNDER_ZERO3 = byDefault(true, 'trl 1.13 trainer/sft_trainer.py: re-entrant for PEFT under ZeRO-3')

function trainsAdapter(adapter: PlanDraft): boolean {
  const type = adapter['adapter.type']
  return typeof type !== 'function' && type !== undefined && type.value !== null
}

function isZero3(draft: PlanDraft): boolean {
  const data = draft['parallelism.data']
  return typeof data !== 'function' && data?.value === 'zero3'
}
