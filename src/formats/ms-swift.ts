import { blockAllocator } from '../launch/allocator-settings.ts'
import { applyEngine } from '../launch/engine.ts'
import { type Libraries, versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { ReinforcementPlan } from '../plan/training-plan.ts'
import type { ComputeDtype, Quantization, Stage, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey } from './config-document.ts'
import { Fields } from './fields.ts'
import type { CompanionScope } from './hugging-face/companions.ts'
import { listOf } from './hugging-face/lora-keys.ts'
import { optimizerDraft } from './hugging-face/optimizer-names.ts'
import { packsInBytes } from './hugging-face/packed-storage.ts'
import { PEFT_ADAPTER_DTYPE, STORAGE_NAMES } from './hugging-face/precision.ts'
import { hubModel } from './hugging-face/references.ts'
import {
  defaultOptimizer,
  readCheckpointingOptions,
  readCheckpoints,
  readLengthGrouping,
  readLiger,
  readOptimizer,
  TRAINER_UNMODELLED,
} from './hugging-face/transformers-arguments.ts'
import { contextLength } from './hugging-face/uncut-length.ts'
import { applyRows, flag, formatKeys, fromTable, positive, setKey } from './key-rows.ts'
import { reportMegatronUnmodelled } from './megatron-lm/unmodelled.ts'
import { engineOf } from './ms-swift/engine.ts'
import { readSwiftEvaluation } from './ms-swift/evaluation.ts'
import { MODEL, SWIFT_ROWS, TEMPLATE, TRAIN } from './ms-swift/keys.ts'
import { MEGATRON_SWIFT_ROWS, readMegatronSwift } from './ms-swift/megatron.ts'
import { COMPLETION_KEYS, readReinforcement } from './ms-swift/reinforcement.ts'
import { readTask } from './ms-swift/task.ts'
import { readTuner } from './ms-swift/tuner.ts'
import { SWIFT_UNCOUNTED, SWIFT_UNMODELLED } from './ms-swift/unmodelled.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { reportUncounted, reportUnmodelled } from './run-per-document.ts'

const OWN_KEYS = [
  'tuner_type',
  'train_type',
  'sft_type',
  'rlhf_type',
  'split_dataset_ratio',
  'quant_bits',
  'attn_impl',
  'padding_free',
]
export const MEGATRON_KEYS = [
  'micro_batch_size',
  'global_batch_size',
  'recompute_granularity',
  'tensor_model_parallel_size',
]

export const swiftReader: FormatReader = {
  format: 'ms-swift',
  keys: formatKeys([...SWIFT_ROWS, ...MEGATRON_SWIFT_ROWS]),
  recognise: document => document.roots.some(isSwift),
  async read(document, context) {
    const runs: RunDraft[] = []
    const matching = document.roots.filter(isSwift)
    for (const root of matching.length > 0 ? matching : document.roots.slice(0, 1)) {
      const findings: Finding[] = []
      const fields = new Fields({ node: withTrainGroup(root), findings })
      runs.push({
        name: null,
        draft: await readSwiftArguments(fields, { document, context, findings }, commandOf(document.path)),
        findings,
      })
    }
    return { runs, findings: [] }
  },
}

function isSwift(root: ConfigNode): boolean {
  const model = root.entries.get('model') ?? root.entries.get('model_id_or_path')
  if (model?.kind !== 'scalar' || typeof model.scalar !== 'string' || hasAnyKey(root, 'model_class', 'base_model'))
    return false
  return (
    hasAnyKey(root, ...OWN_KEYS) && hasAnyKey(root, 'dataset', 'output_dir', 'learning_rate', 'lr', ...MEGATRON_KEYS)
  )
}

/** A shell command stands in the path of its document: `swift rlhf run.sh`. */
function commandOf(path: string): SwiftCommand {
  const match = /(?:^|\/)(?:(swift|megatron) )?(sft|pt|rlhf)(?:\.py)? [^/]*$/.exec(path)
  const command = match?.[2]
  if (command !== 'sft' && command !== 'pt' && command !== 'rlhf') return {}
  return match?.[1] === 'megatron' ? { command, megatron: true } : { command }
}

/** Ray runs keep what only the training group needs under `train:`. */
function withTrainGroup(root: ConfigNode): ConfigNode {
  const group = root.entries.get('train')
  if (group?.kind !== 'mapping') return root
  return { ...root, entries: new Map([...root.entries, ...group.entries]) }
}

export interface SwiftCommand {
  /** `megatron …` instead of `swift …`; absent: told by the keys. */
  readonly megatron?: boolean
  readonly command?: 'sft' | 'pt' | 'rlhf'
}

/** Arguments of `swift sft|pt|rlhf` and `megatron sft|pt|rlhf`, from a file or a command line. */
export async function readSwiftArguments(
  fields: Fields,
  scope: CompanionScope,
  command: SwiftCommand = {},
): Promise<PlanDraft> {
  const { libraries } = scope.context
  const stage = readStage(fields, command)
  const megatron = command.megatron ?? hasAnyKey(fields.node, ...MEGATRON_KEYS)
  const adapter = readTuner(fields, libraries, megatron)
  const common: MutablePlanDraft = {
    framework: byDefault('ms-swift', 'the format'),
    libraries: byDefault(libraries, 'the repository'),
    stage,
    ...blockAllocator(fields.raw('ENV')),
    ...hubModel(fields, ['model', 'model_id_or_path'], ['model_revision'], scope.findings),
    ...adapter,
    ...readData(fields),
    ...readPacking(fields, megatron),
    ...readTask(fields, stage, scope.findings),
    ...(stage.value === 'sft' || stage.value === 'pretrain'
      ? {}
      : { reinforcement: readReinforcement(fields, adapter, stage) }),
  }
  const groups = fields.raw('device_groups')?.kind === 'mapping' ? fields.mapping('device_groups') : undefined
  const gpus =
    (fields.isSet('gpus') ? positive(fields, 'gpus') : undefined) ??
    (groups?.isSet('nproc_per_node') ? positive(groups, 'nproc_per_node') : undefined)
  if (gpus) common.gpus = gpus
  reportUncounted(fields, SWIFT_UNCOUNTED, scope.findings)
  reportUnmodelled(fields, { ...SWIFT_UNMODELLED, ...TRAINER_UNMODELLED }, scope.findings)
  const draft = applyRows(SWIFT_ROWS, fields, libraries)
  if (stage.value === 'grpo' && common.reinforcement)
    draft.sequenceLength = generatedLength(fields, common.reinforcement)
  else if (!isCut(fields, libraries)) {
    const packs = readPacking(fields, megatron).packing
    if (typeof packs === 'object' && packs.value) draft.sequenceLength = contextLength(TEMPLATE)
    else scope.findings.push(noLength(fields))
  }
  if (megatron) {
    reportMegatronUnmodelled(fields, scope.findings)
    return { ...draft, ...common, ...readMegatronSwift(fields, libraries) }
  }
  Object.assign(
    draft,
    common,
    { quantization: readQuantization(fields), 'quantizationDetails.packsInBytes': packsInBytes(fields) },
    fields.isSet('gradient_accumulation_steps') ? {} : { gradientAccumulationSteps: accumulationRule(draft) },
    readPrecision(fields, adapter),
    readOptimizer(fields, ['optim'], defaultOptimizer(libraries)),
    readGalore(fields),
    readCheckpointingOptions(fields, byDefault(true, REENTRANT)),
    readLengthGrouping(fields),
    readLiger(fields, ['use_liger_kernel']),
    { evaluation: readSwiftEvaluation(fields, libraries), checkpoints: readCheckpoints(fields) },
  )
  const engine = await engineOf(fields, scope)
  if ((engine === null || engine.kind === 'plain') && !setsReentrant(fields))
    draft.checkpointingReentrant = facts => byDefault(facts.gpus === 1, REENTRANT)
  const applied = engine ? applyEngine(draft, engine) : draft
  const tensor = fields.isSet('deepspeed_autotp_size') ? positive(fields, 'deepspeed_autotp_size') : undefined
  return tensor ? { ...applied, 'parallelism.tensor': tensor } : applied
}

const REENTRANT = 'ms-swift 4.6 trainers/mixin.py _fix_gradient_checkpointing: re-entrant but under plain DDP'

function setsReentrant(fields: Fields): boolean {
  return fields.raw('gradient_checkpointing_kwargs')?.entries.has('use_reentrant') === true
}

/** In GRPO `max_length` cuts the prompt; completions come on top. */
function generatedLength(fields: Fields, reinforcement: DraftValue<ReinforcementPlan | null>): DraftValue<number> {
  return facts => {
    const { value } = typeof reinforcement === 'function' ? reinforcement(facts) : reinforcement
    const [prompt, completion] = [value?.promptLength ?? 0, value?.completionLength ?? 0]
    const note = `prompt ${prompt} (max_length) + completion ${completion} tokens`
    const key = setKey(fields, COMPLETION_KEYS)
    const own = key === undefined ? undefined : positive(fields, key)
    return { ...(own ?? byDefault(0, '')), value: prompt + completion, note }
  }
}

function isCut(fields: Fields, libraries: Libraries): boolean {
  const stated = ['packing_length', 'max_length'].some(key => fields.isSet(key))
  return stated || versionDefault('ms-swift.max_length', libraries).value > 0
}

function noLength({ node }: Fields): Finding {
  const message =
    'Without `max_length` samples are cut at the model’s longest context only; the figures hold for samples of at most 2,048 tokens.'
  const { path, line, column } = node
  return finding('assumed-default', {
    path,
    line,
    column,
    message,
    hint: 'Set `max_length` to the length of the longest sample.',
  })
}

const RLHF_STAGES: Readonly<Record<string, Stage>> = {
  dpo: 'dpo',
  cpo: 'simpo',
  simpo: 'simpo',
  orpo: 'orpo',
  kto: 'kto',
  ppo: 'ppo',
  grpo: 'grpo',
  rm: 'reward',
  gkd: 'grpo',
}

function readStage(fields: Fields, { command }: SwiftCommand): Sourced<Stage> {
  const named = fields.isSet('rlhf_type') ? fromTable(RLHF_STAGES)(fields, 'rlhf_type') : undefined
  if (named) return named
  if (command === 'rlhf') return byDefault('dpo', 'ms-swift 4.6 arguments/rlhf_args.py: dpo')
  return command === 'pt' ? byDefault('pretrain', 'swift pt') : byDefault('sft', 'swift sft')
}

/** `use_galore` replaces the optimizer (optimizers/galore/utils.py); its rank is 128. */
function readGalore(fields: Fields): MutablePlanDraft {
  const on = fields.isSet('use_galore') ? fields.boolean('use_galore') : undefined
  if (!on?.value) return {}
  const rank = fields.isSet('galore_rank') ? positive(fields, 'galore_rank') : undefined
  return {
    ...optimizerDraft({ ...on, value: 'galore_adamw' }),
    optimizerRank: rank ?? byDefault(128, `${TRAIN}: 128`),
  }
}

function accumulationRule(draft: PlanDraft): DraftValue<number> {
  return facts => {
    const micro = draft.microBatchSize
    const size = typeof micro === 'function' ? micro(facts).value : (micro?.value ?? 1)
    return byDefault(
      Math.max(1, Math.ceil(16 / (size * facts.gpus))),
      `${TRAIN}: 16 ÷ (micro-batch × ${facts.gpus} GPUs), at least 1`,
    )
  }
}

function readQuantization(fields: Fields): Sourced<Quantization> {
  const bits = fields.isSet('quant_bits') ? fields.integer('quant_bits', { min: 0, max: 16 }) : undefined
  const method = fields.isSet('quant_method') ? fields.string('quant_method') : undefined
  if (method?.value === 'fp8') return { ...method, value: 'fp8' }
  if (!bits || bits.value === 0) return byDefault('none', 'ms-swift 4.6: quant_bits is not set')
  if (bits.value === 8) return { ...bits, value: 'int8' }
  if (method?.value === 'hqq') return { ...bits, value: 'hqq-int4' }
  const double = fields.isSet('bnb_4bit_use_double_quant') ? fields.boolean('bnb_4bit_use_double_quant')?.value : true
  return { ...bits, value: double === false ? 'nf4' : 'nf4-double', note: 'ms-swift 4.6: nf4 with double quantization' }
}

/** bfloat16 weights train under bf16 without a float32 copy; float16 and float32 weights under fp16. */
function readPrecision(fields: Fields, adapter: PlanDraft): MutablePlanDraft {
  const own = fields.isSet('torch_dtype') ? fromTable(STORAGE_NAMES)(fields, 'torch_dtype') : undefined
  const weights: Sourced<StorageDtype | 'auto'> = own ?? byDefault('auto', `${MODEL}: the dtype of the checkpoint`)
  const bf16 = fields.isSet('bf16') ? fields.boolean('bf16') : undefined
  const fp16 = fields.isSet('fp16') ? fields.boolean('fp16') : undefined
  const source: Sourced<unknown> = (bf16?.value ? bf16 : undefined) ?? (fp16?.value ? fp16 : undefined) ?? weights
  const compute: DraftValue<ComputeDtype> = facts => {
    if (bf16?.value) return { ...bf16, value: 'bfloat16' }
    if (fp16?.value) return { ...fp16, value: 'float16' }
    const stored = weights.value === 'auto' ? (facts.checkpointDtype ?? 'bfloat16') : weights.value
    const note = `${MODEL}: bfloat16 weights train under bf16, others under fp16`
    return { ...source, value: stored === 'bfloat16' ? 'bfloat16' : 'float16', note }
  }
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  return {
    'precision.weights': weights,
    'precision.compute': compute,
    'precision.autocast': byDefault(true, `${MODEL}: bf16 or fp16 follows the weights`),
    ...(full ? {} : { 'adapter.dtype': adapter['adapter.dtype'] ?? PEFT_ADAPTER_DTYPE }),
  }
}

function readData(fields: Fields): MutablePlanDraft {
  const names = fields.isSet('dataset') ? listOf(fields, 'dataset') : undefined
  if (!names) return {}
  const counts = names.value.map(name => /#(\d+)$/.exec(name)?.[1])
  const total = counts.reduce((sum, count) => sum + Number(count ?? 0), 0)
  return {
    'dataset.names': { ...names, value: names.value.map(name => name.replace(/#\d+$/, '')) },
    ...(counts.every(count => count !== undefined) ? { 'dataset.samples': { ...names, value: total } } : {}),
  }
}

function readPacking(fields: Fields, megatron: boolean): MutablePlanDraft {
  const packing = (fields.isSet('packing') ? flag(fields, 'packing') : undefined) ?? byDefault(false, `${TRAIN}: False`)
  const free = (fields.isSet('padding_free') ? flag(fields, 'padding_free')?.value : undefined) ?? megatron
  const flattened = packing.value || free
  const note = flattened
    ? 'ms-swift: rows are flattened without padding'
    : 'ms-swift: padded to the longest of the batch'
  return {
    packing,
    variableLength: byDefault(!packing.value, note),
    'dataset.padding': byDefault(flattened ? 'none' : 'longest', note),
  }
}
