import { applyEngine } from '../launch/engine.ts'
import { type Libraries, versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft, statedValue } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { OptimizerImplementation, Stage } from '../plan/vocabulary.ts'
import { type ConfigNode, hasKeys, nodeAt } from './config-document.ts'
import { Fields } from './fields.ts'
import { launchComment } from './header-comment.ts'
import type { CompanionScope } from './hugging-face/companions.ts'
import { hubModel } from './hugging-face/references.ts'
import {
  readAttention,
  readCheckpointingOptions,
  readLiger,
  readOptimizer,
  TRAINER_UNMODELLED,
} from './hugging-face/transformers-arguments.ts'
import { uncutLength } from './hugging-face/uncut-length.ts'
import { positive, positiveOrNone } from './key-rows.ts'
import { reportMisspelt } from './misspelt-keys.ts'
import { resolveInterpolations } from './omega-conf.ts'
import { readDatasets, readPackedRows, UNPACKED } from './oumi/dataset.ts'
import { deepSpeedEngine, fsdpOf } from './oumi/engine.ts'
import { OUMI_IGNORED } from './oumi/ignored-keys.ts'
import { OUMI_KEYS } from './oumi/keys.ts'
import { readAdapter, readPrecision, readQuantization } from './oumi/precision.ts'
import { readOumiCheckpoints, readOumiEvaluation } from './oumi/schedule.ts'
import { isTrainerWord, type Loop, readTrainer, TRAINING } from './oumi/trainers.ts'
import { readVerlRun } from './oumi/verl.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { OUMI_REFUSALS } from './refusals/oumi-refusals.ts'
import { reportRefusals } from './refusals/refusal.ts'
import { reportUnmodelled } from './run-per-document.ts'
import { mapped, orDefault, section, when } from './section.ts'
import { readLengths, readLossAndKernels } from './trl/lengths.ts'
import { onlineDefaults, readReinforcement } from './trl/reinforcement.ts'

/** The newest releases that Oumi's pyproject.toml @d8ed077 allows, where the repository names none. */
const ALLOWED: Libraries = { trl: '1.4.0', transformers: '5.7.0', peft: '0.19.0', torch: '2.12.0' }

/** Training configs of Oumi (`oumi train -c FILE`); its evaluation, inference, judge and job files are others. */
export const oumiReader: FormatReader = {
  format: 'oumi',
  keys: OUMI_KEYS,
  ignored: OUMI_IGNORED,
  recognise: ({ roots }) => roots.some(isOumi),
  async read(document, context) {
    const runs: RunDraft[] = []
    for (const root of document.roots.filter(isOumi)) {
      const findings: Finding[] = []
      const run = await readRun(resolveInterpolations(root, findings), { document, context, findings })
      runs.push({ ...run, findings: [...findings, ...run.findings] })
    }
    return { runs, findings: [] }
  },
}

/** `training` and `model.model_name` are there in all; one of the others tells Oumi's from other trainers'. */
function isOumi(root: ConfigNode): boolean {
  const training = root.entries.get('training')
  if (training?.kind !== 'mapping' || nodeAt(root, 'model.model_name') === undefined) return false
  return (
    isTrainerWord(training.entries.get('trainer_type')?.scalar) ||
    nodeAt(root, 'data.train.datasets') !== undefined ||
    hasKeys(training, 'enable_gradient_checkpointing')
  )
}

/** The sections of a config. */
interface Sections {
  readonly root: ConfigNode
  readonly training: Fields
  readonly model: Fields
  readonly peft: Fields
  readonly train: Fields
}

async function readRun(root: ConfigNode, scope: CompanionScope): Promise<RunDraft> {
  const { findings } = scope
  const at = (dotted: string): Fields => section(root, dotted, findings)
  const sections = { root, training: at('training'), model: at('model'), peft: at('peft'), train: at('data.train') }
  const trainer = readTrainer(sections.training)
  reportRefusals(root, OUMI_REFUSALS, findings)
  reportMisspeltKeys(root, findings)
  if (!trainer) return { name: null, draft: {}, findings: [] }
  const { loop, stage: named } = trainer.value
  if (named === null) return { name: null, draft: {}, findings: [distillation(trainer)] }
  if (loop === 'verl') return readVerlRun({ ...sections, ...scope })
  const stage = readStage(sections, { ...trainer, value: named })
  const fsdp = fsdpOf(at('fsdp'), sections.training, loop)
  const draft = readDraft(sections, { scope, loop, stage, isOnAccelerateFsdp: fsdp?.kind === 'fsdp' })
  const engine = (await deepSpeedEngine(at('deepspeed'), scope)) ?? fsdp
  return { name: null, draft: engine ? applyEngine(draft, engine) : draft, findings: [] }
}

/** Keys of each section by their own names. */
function reportMisspeltKeys(root: ConfigNode, findings: Finding[]): void {
  for (const name of ['training', 'model', 'peft', 'fsdp']) {
    const node = root.entries.get(name)
    if (node?.kind !== 'mapping') continue
    const own = (text: string): string => namesUnder(name, text.split(/,? +|\s+/)).join(' ')
    const ignored = OUMI_IGNORED.map(group => ({ ...group, names: own(group.names) }))
    const keys = OUMI_KEYS.map(row => ({ ...row, key: own(row.key).replaceAll(' ', ', ') }))
    reportMisspelt(node, { framework: `Oumi’s \`${name}\``, keys, ignored }, findings)
  }
}

function namesUnder(section: string, names: readonly string[]): readonly string[] {
  return names.flatMap(name => (name.startsWith(`${section}.`) ? [name.slice(section.length + 1)] : []))
}

function distillation({ path, line, column }: Sourced<unknown>): Finding {
  const message = 'Distillation holds a teacher beside the model; Preflop does not estimate it.'
  return finding('unsupported-format', { path: path ?? null, line: line ?? null, column: column ?? null, message })
}

/** A model that starts from random weights is pre-trained. */
function readStage({ model }: Sections, stage: Sourced<Stage>): Sourced<Stage> {
  const loads = model.boolean('load_pretrained_weights')
  return stage.value === 'sft' && loads?.value === false ? { ...loads, value: 'pretrain' } : stage
}

interface DraftScope {
  readonly scope: CompanionScope
  readonly loop: Loop
  readonly stage: Sourced<Stage>
  readonly isOnAccelerateFsdp: boolean
}

function readDraft(sections: Sections, { scope, loop, stage, isOnAccelerateFsdp }: DraftScope): PlanDraft {
  const { training, model, peft, train } = sections
  const { findings, document } = scope
  const libraries = { ...ALLOWED, ...scope.context.libraries }
  const adapter = readAdapter(training, peft)
  const isAdapted = statedValue(adapter['adapter.type']) !== null
  const quantization = readQuantization(training, peft)
  const given = trainerArguments(sections, findings)
  if (!isAdapted) reportIdlePeft(sections, findings)
  reportUnmodelled(given, TRAINER_UNMODELLED, findings)
  reportUnmodelled(peft, { lora_exclude_modules: 'modules that the adapter leaves out' }, isAdapted ? findings : [])
  return {
    framework: byDefault('oumi', 'the format'),
    libraries: byDefault(libraries, 'the repository, else what Oumi @d8ed077 pyproject.toml allows'),
    stage,
    ...hubModel(model, ['model_name'], ['model_revision'], findings),
    ...readDatasets(train),
    ...launchComment(document),
    ...adapter,
    quantization,
    ...readFreezing(model),
    ...readPrecision({ ...sections, loop, quantization: quantization.value, isAdapted, isOnAccelerateFsdp }),
    ...readBatch(training),
    ...readOptimizer(training, ['optimizer'], byDefault('adamw_torch', `${TRAINING}: adamw_torch`)),
    ...(loop === 'oumi' ? { optimizerImplementation: FUSED } : {}),
    ...readRecomputation(training, libraries),
    attention: (model.isSet('attn_implementation') ? readAttention(model, 'attn_implementation') : undefined) ?? SDPA,
    ...(loop === 'trl' ? readTrl(given, { stage, libraries, adapter }) : readPlainLoss(sections, loop)),
    ...(readPackedRows(train, model) ?? {}),
    evaluation: readOumiEvaluation(training),
    checkpoints: readOumiCheckpoints(training),
  }
}

const FUSED = byDefault<OptimizerImplementation>('fused', 'Oumi @d8ed077 builders/optimizers.py: fused on CUDA')
const SDPA = byDefault('sdpa', 'transformers: sdpa where the model has it') satisfies Sourced<'sdpa'>

function readBatch(training: Fields): MutablePlanDraft {
  return {
    microBatchSize: orDefault(positive(training, 'per_device_train_batch_size'), 8, `${TRAINING}: 8`),
    gradientAccumulationSteps: orDefault(positive(training, 'gradient_accumulation_steps'), 1, `${TRAINING}: 1`),
    'dataset.epochs': orDefault(positiveOrNone(training, 'num_train_epochs'), 3, `${TRAINING}: 3`),
    'dataset.maxSteps': orDefault(positiveOrNone(training, 'max_steps'), null, `${TRAINING}: -1, the epochs count`),
    'dataset.dropLast': byDefault(false, `${TRAINING}: dataloader_drop_last is left at False`),
    compile: orDefault(training.boolean('compile'), false, `${TRAINING}: False`),
  }
}

/** `use_deterministic` switches recomputation off (training_params.py to_hf). */
function readRecomputation(training: Fields, libraries: Libraries): MutablePlanDraft {
  const deterministic = training.boolean('use_deterministic')
  const on = orDefault(training.boolean('enable_gradient_checkpointing'), false, `${TRAINING}: False`)
  const switched = deterministic?.value ? { ...deterministic, value: false } : on
  return {
    ...readCheckpointingOptions(training, versionDefault('transformers.use_reentrant', libraries)),
    gradientCheckpointing: mapped(switched, recomputes => (recomputes ? 'full' : 'none')),
  }
}

/** What Oumi hands to a trainer of TRL besides TrainingArguments (training_config.py, training_params.py to_hf, grpo_params.py). */
function trainerArguments({ root, training, model }: Sections, findings: Finding[]): Fields {
  const entries = new Map<string, ConfigNode>([
    ...section(root, 'training.trainer_kwargs', findings).node.entries,
    ...section(root, 'training.grpo', findings).node.entries,
  ])
  const pass = (name: string, node: ConfigNode | undefined): void => {
    if (node !== undefined) entries.set(name, node)
  }
  pass('gradient_accumulation_steps', training.raw('gradient_accumulation_steps'))
  pass('use_liger_kernel', model.raw('enable_liger_kernel'))
  if (readTrainer(training)?.value.cutsByModelLength) pass('max_length', model.raw('model_max_length'))
  return new Fields({ node: { ...training.node, entries }, findings })
}

interface TrlScope {
  readonly stage: Sourced<Stage>
  readonly libraries: Libraries
  readonly adapter: PlanDraft
}

function readTrl(given: Fields, { stage, libraries, adapter }: TrlScope): MutablePlanDraft {
  const lengths = readLengths(given, stage, libraries)
  const cuts = ['max_length', 'max_seq_length', 'max_seq_len'].some(key => given.isSet(key))
  const supervised = stage.value === 'sft' || stage.value === 'pretrain'
  const offload = given.boolean('activation_offloading')
  return {
    ...readLossAndKernels(given, stage, libraries),
    ...lengths,
    ...(supervised && !cuts ? { sequenceLength: UNCUT } : {}),
    ...when('activationOffload', offload),
    ...(supervised ? {} : { reinforcement: readOnline(given, { stage, libraries, adapter }) }),
    ...(stage.value === 'grpo' ? { 'dataset.dropLast': byDefault(true, 'trl 1.4 RepeatSampler: whole batches') } : {}),
  }
}

/** vLLM's share of the GPU is Oumi's own: 0.9. */
function readOnline(given: Fields, { stage, libraries, adapter }: TrlScope) {
  const online = readReinforcement(given, adapter, stage, onlineDefaults('', libraries))
  const own = online.value.generation === 'vllm_colocate' && !given.isSet('vllm_gpu_memory_utilization')
  return own ? mapped(online, value => ({ ...value, colocatedMemoryShare: 0.9 })) : online
}

/** Registered data sets come tokenised, cut at the tokenizer's longest (core/datasets/base_sft_dataset.py). */
const UNCUT = uncutLength('Oumi without model.model_max_length')

/** transformers' Trainer and Oumi's own loop take the model's own loss, and rows that the tokenizer cut. */
function readPlainLoss({ model }: Sections, loop: Loop): MutablePlanDraft {
  return {
    loss: byDefault('full_logits', 'transformers ForCausalLMLoss'),
    ...readLiger(model, ['enable_liger_kernel']),
    sequenceLength: positive(model, 'model_max_length') ?? UNCUT,
    packing: UNPACKED,
    variableLength: byDefault(true, `Oumi @d8ed077 builders/collators.py: padded to the longest (${loop})`),
    'dataset.padding': byDefault('longest', 'Oumi @d8ed077 builders/collators.py: padded to the longest'),
  }
}

/** Names of towers that see; others are names of modules (utils/torch_utils.py freeze_model_layers). */
const VISION = /(?:^|\.)(?:visual|vision_\w+|vit|vision|image_encoder|img_processor)(?:\.|$)/

function readFreezing(model: Fields): MutablePlanDraft {
  const names = model.strings('freeze_layers')
  if (!names || names.value.length === 0) return {}
  const patterns = names.value.map(name => (VISION.test(name) ? 'vision_tower' : name))
  return {
    freeze: ({ hasVision }) => {
      const own = hasVision ? patterns : patterns.filter(pattern => pattern !== 'vision_tower')
      return { ...names, value: own.length > 0 ? { kind: 'patterns', patterns: own } : { kind: 'none' } }
    },
  }
}

/** `peft` counts only with `training.use_peft` (train.py). */
function reportIdlePeft({ root, training }: Sections, findings: Finding[]): void {
  const node = root.entries.get('peft')
  if (node?.kind !== 'mapping' || node.entries.size === 0 || training.raw('use_peft')?.scalar === false) return
  const message = '`peft` counts only with `training.use_peft: true`; without it every parameter trains.'
  findings.push(finding('ignored-key', { path: node.path, line: node.keyLine, column: node.keyColumn, message }))
}
