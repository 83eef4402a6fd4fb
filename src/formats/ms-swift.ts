import { isAccelerateConfig, readAccelerate } from '../launch/accelerate.ts'
import { applyEngine, type Engine } from '../launch/engine.ts'
import { fsdpWords, readFsdp } from '../launch/fsdp.ts'
import { withParallelGpus } from '../launch/parallel-gpus.ts'
import { type Libraries, versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { FreezePlan, GradientCheckpointing, ReinforcementPlan } from '../plan/training-plan.ts'
import type { AdapterType, ComputeDtype, Offload, Quantization, Stage, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey } from './config-document.ts'
import { Fields } from './fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf, openCompanion } from './hugging-face/companions.ts'
import { listOf, readLoraKeys } from './hugging-face/lora-keys.ts'
import { PEFT_ADAPTER_DTYPE, STORAGE_NAMES } from './hugging-face/precision.ts'
import { hubModel } from './hugging-face/references.ts'
import {
  defaultOptimizer,
  readAttention,
  readCheckpointing,
  readCheckpointingOptions,
  readCheckpoints,
  readEvaluation,
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
  replaceRows,
  setKey,
} from './key-rows.ts'
import { MEGATRON_SWIFT_ROWS, readMegatronSwift } from './ms-swift-megatron.ts'
import type { FormatReader, RunDraft } from './reader.ts'

const TUNER = 'ms-swift 4.6 arguments/tuner_args.py'
const TRAIN = 'ms-swift 4.6 trainers/arguments.py'
const TEMPLATE = 'ms-swift 4.6 arguments/base_args/template_args.py'
const MODEL = 'ms-swift 4.6 arguments/base_args/model_args.py'

const ROWS: readonly KeyRow[] = replaceRows(TRAINING_ARGUMENT_ROWS, [
  keyRow({
    key: 'per_device_train_batch_size',
    plan: 'microBatchSize',
    read: positive,
    fallback: fixed(1, `${TRAIN}: 1`),
    default: '1',
    source: TRAIN,
  }),
  keyRow({
    key: 'gradient_accumulation_steps',
    plan: 'gradientAccumulationSteps',
    read: positive,
    default: '16 ÷ (micro-batch × GPUs), at least 1',
    source: TRAIN,
  }),
  keyRow({
    key: ['gradient_checkpointing'],
    plan: 'gradientCheckpointing',
    read: readCheckpointing,
    fallback: fixed<GradientCheckpointing>('full', `${TRAIN}: True`),
    default: 'True',
    source: TRAIN,
  }),
  keyRow({
    key: ['attn_impl', 'attn_implementation'],
    plan: 'attention',
    read: readAttention,
    fallback: fixed('sdpa', `${MODEL}: the model’s default`),
    default: 'sdpa',
    source: MODEL,
  }),
  keyRow({
    key: ['packing_length', 'max_length'],
    plan: 'sequenceLength',
    read: positive,
    fallback: () => facts => ({
      value: facts.maxPositions ?? 8192,
      from: 'assumed',
      note: `${TEMPLATE}: max_length is the model’s longest context; set max_length to be sure`,
    }),
    default: 'the model’s longest context',
    source: TEMPLATE,
  }),
  keyRow({
    key: 'sequence_parallel_size',
    plan: 'parallelism.context',
    read: positive,
    fallback: fixed(1, `${TRAIN}: 1`),
    default: '1',
    source: TRAIN,
  }),
  describedKey('model, model_id_or_path, model_type, model_revision', 'model', 'required', MODEL),
  describedKey('tuner_type, train_type, sft_type', 'adapter.type', 'lora', TUNER),
  describedKey(
    'lora_rank, lora_dropout, lora_dtype, target_modules, modules_to_save, use_dora',
    'adapter',
    'rank 8, all-linear',
    TUNER,
  ),
  describedKey('torch_dtype', 'precision', 'the dtype of the checkpoint', MODEL),
  describedKey(
    'quant_method, quant_bits, bnb_4bit_use_double_quant',
    'quantization',
    'none; nf4 with double quantization',
    'ms-swift 4.6 arguments/base_args/quant_args.py',
  ),
  describedKey('freeze_vit, freeze_aligner, freeze_llm', 'freeze', 'True, True, False', TUNER),
  describedKey('packing, padding_free', 'packing, variableLength', 'False', TRAIN),
  describedKey(
    'deepspeed',
    'parallelism (zero0 … zero3, zero2_offload, zero3_offload, path or mapping)',
    'none',
    'ms-swift 4.6 swift/config',
  ),
  describedKey('fsdp', 'parallelism (fsdp2, path or mapping)', 'none', 'ms-swift 4.6 swift/config'),
  describedKey(
    'dataset, val_dataset, split_dataset_ratio',
    'dataset.names, dataset.samples (id#count), evaluation',
    'none',
    'ms-swift 4.6 arguments/base_args/data_args.py',
  ),
  describedKey(
    'rlhf_type, ref_model, num_generations, max_completion_length, use_vllm, vllm_mode, vllm_gpu_memory_utilization, sleep_level',
    'stage, reinforcement',
    'dpo',
    'ms-swift 4.6 arguments/rlhf_args.py',
  ),
])

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
  keys: formatKeys([...ROWS, ...MEGATRON_SWIFT_ROWS]),
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
    ...hubModel(fields, ['model', 'model_id_or_path'], ['model_revision'], scope.findings),
    ...adapter,
    ...readData(fields),
    ...readPacking(fields, megatron),
    ...(stage.value === 'sft' || stage.value === 'pretrain'
      ? {}
      : { reinforcement: readReinforcement(fields, adapter, stage) }),
  }
  const gpus = fields.isSet('gpus') ? positive(fields, 'gpus') : undefined
  if (gpus) common.gpus = gpus
  const teacher = fields.isSet('teacher_model') ? fields.string('teacher_model') : undefined
  if (teacher) scope.findings.push(teacherFinding(teacher))
  const draft = applyRows(ROWS, fields, libraries)
  if (megatron) return withParallelGpus({ ...draft, ...common, ...readMegatronSwift(fields) })
  Object.assign(
    draft,
    common,
    { quantization: readQuantization(fields) },
    fields.isSet('gradient_accumulation_steps') ? {} : { gradientAccumulationSteps: accumulationRule(draft) },
    readPrecision(fields, adapter),
    readOptimizer(fields, ['optim'], defaultOptimizer(libraries)),
    readCheckpointingOptions(fields, versionDefault('transformers.use_reentrant', libraries)),
    readLiger(fields, ['use_liger_kernel']),
    { evaluation: readEvaluation(fields, { batchSize: 1, note: TRAIN }), checkpoints: readCheckpoints(fields) },
  )
  const engine = await engineOf(fields, scope)
  return withParallelGpus(engine ? applyEngine(draft, engine) : draft)
}

function teacherFinding({ path, line, column, value }: Sourced<string>): Finding {
  const message = `The teacher model ${value} is not part of the estimate.`
  return finding('unsupported-option', { path: path ?? null, line: line ?? null, column: column ?? null, message })
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

const TUNERS: Readonly<Record<string, AdapterType | null>> = {
  full: null,
  lora: 'lora',
  longlora: 'lora',
  adalora: 'adalora',
  ia3: 'ia3',
  vera: 'vera',
  boft: 'boft',
  fourierft: 'fourierft',
  bone: 'bone',
  adapter: 'adapter',
  oft: 'oft',
}

function readTuner(fields: Fields, libraries: Libraries, megatron: boolean): MutablePlanDraft {
  const key = setKey(fields, ['tuner_type', 'train_type', 'sft_type'])
  const named = key ? fields.string(key) : undefined
  const tuner =
    named ??
    (megatron
      ? byDefault('full', 'ms-swift 4.6 megatron/arguments/megatron_args.py: full')
      : byDefault('lora', `${TUNER}: lora`))
  const type = Object.hasOwn(TUNERS, tuner.value) ? (TUNERS[tuner.value] ?? null) : 'other'
  const freeze = readFreeze(fields, libraries)
  if (type === null) return { 'adapter.type': { ...tuner, value: null }, freeze }
  const dora = fields.isSet('use_dora') && fields.boolean('use_dora')?.value === true
  const dtype = fields.isSet('lora_dtype') ? fromTable(STORAGE_NAMES)(fields, 'lora_dtype') : undefined
  return {
    'adapter.type': { ...tuner, value: type === 'lora' && dora ? 'dora' : type },
    'adapter.targetRule': byDefault('ms-swift', 'ms-swift 4.6 utils/torch_utils.py find_all_linears'),
    'adapter.dtype': dtype && dtype.value !== 'auto' ? { ...dtype, value: dtype.value } : PEFT_ADAPTER_DTYPE,
    freeze,
    ...readLoraKeys(
      fields,
      {
        rank: ['lora_rank'],
        targets: ['target_modules', 'lora_target_modules', 'target_regex'],
        parameters: ['target_parameters'],
        modulesToSave: ['modules_to_save', 'lora_modules_to_save'],
        dropout: ['lora_dropout', 'lora_dropout_p'],
        dora: ['use_dora'],
      },
      {
        rank: byDefault(8, `${TUNER}: 8`),
        targets: byDefault('all-linear', `${TUNER}: all-linear`),
        dropout: byDefault(0.05, `${TUNER}: 0.05`),
        allWords: ['all-linear', 'all'],
      },
    ),
  }
}

function readFreeze(fields: Fields, libraries: Libraries): DraftValue<FreezePlan> {
  const on = (key: string, fallback: Sourced<boolean>): Sourced<boolean> =>
    (fields.isSet(key) ? fields.boolean(key) : undefined) ?? fallback
  const parts = [
    ['vision_tower', on('freeze_vit', versionDefault('ms-swift.freeze_vit', libraries))],
    ['projector', on('freeze_aligner', byDefault(true, `${TUNER}: True`))],
    ['language_model', on('freeze_llm', byDefault(false, `${TUNER}: False`))],
  ] as const
  const frozen = parts.filter(([, value]) => value.value)
  const source = (parts.find(([, value]) => value.from === 'file') ?? parts[0])[1]
  return facts =>
    facts.hasVision && frozen.length > 0
      ? { ...source, value: { kind: 'patterns', patterns: frozen.map(([name]) => name) } }
      : byDefault({ kind: 'none' }, 'nothing is frozen')
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

/** swift/config/*.json: zero0 … zero3, zero2_offload, zero3_offload. */
function packagedDeepSpeed(name: Sourced<string>): Engine | null {
  const match = /^zero([0-3])(_offload)?$/.exec(name.value)
  if (!match) return null
  const data = { '0': 'ddp', '1': 'zero1', '2': 'zero2', '3': 'zero3' } as const
  const stage = match[1] === '0' || match[1] === '1' || match[1] === '2' ? match[1] : '3'
  const offload: Offload = match[2] ? (stage === '3' ? 'parameters_and_optimizer' : 'optimizer') : 'none'
  const note = `ms-swift 4.6 swift/config/${name.value}.json`
  const draft: PlanDraft = {
    'parallelism.data': { ...name, value: data[stage], note },
    'parallelism.offload': { ...name, value: offload, note },
  }
  return { kind: 'deepspeed', draft, mixedPrecision: null, masterWeights: true }
}

async function engineOf(fields: Fields, scope: CompanionScope): Promise<Engine | null> {
  const deepspeed = await deepSpeedOf(fields, scope, packagedDeepSpeed)
  if (deepspeed) return deepspeed
  const name = fields.isSet('fsdp') && fields.raw('fsdp')?.kind === 'scalar' ? fields.string('fsdp') : undefined
  if (!name) return accelerateOf(fields, scope, ['accelerate_config', 'config_file'])
  const version = { ...name, value: 2, note: 'ms-swift 4.6 swift/config/fsdp2.json' }
  const wrap = {
    ...name,
    value: 'layers' as const,
    note: 'ms-swift 4.6 swift/config/fsdp2.json: TRANSFORMER_BASED_WRAP',
  }
  const defaults = { version, wrap }
  if (!/\.json$/.test(name.value)) {
    const preset = readFsdp({ config: undefined, words: null, defaults })
    const checkpointing = { ...name, value: 'full' as const, note: 'swift/config/fsdp2.json: activation_checkpointing' }
    return { ...preset, draft: { ...preset.draft, gradientCheckpointing: checkpointing } }
  }
  const root = await openCompanion(scope, name)
  if (root === null) return null
  if (isAccelerateConfig(root)) return readAccelerate(root, scope.findings, async () => null)
  const block = new Fields({ node: root, findings: scope.findings, from: 'launch' })
  const config = block.raw('fsdp_config')?.kind === 'mapping' ? block.mapping('fsdp_config') : block
  return readFsdp({ config, words: fsdpWords(block, 'fsdp'), defaults })
}

function readReinforcement(fields: Fields, adapter: PlanDraft, stage: Sourced<Stage>): Sourced<ReinforcementPlan> {
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const isOn = (key: string): boolean => fields.isSet(key) && fields.boolean(key)?.value === true
  const count = (key: string): number | undefined => (fields.isSet(key) ? positive(fields, key)?.value : undefined)
  const online = stage.value === 'grpo' || stage.value === 'ppo'
  const beta = fields.isSet('beta') ? fields.number('beta')?.value : undefined
  const free = ['orpo', 'simpo', 'reward'].includes(stage.value) || (stage.value === 'grpo' && beta === 0)
  const separate = full || fields.isSet('ref_model')
  const vllm = online && isOn('use_vllm')
  const mode = fields.isSet('vllm_mode') ? fields.string('vllm_mode')?.value : undefined
  const colocated = vllm && mode !== 'server'
  const share = fields.isSet('vllm_gpu_memory_utilization')
    ? fields.number('vllm_gpu_memory_utilization', { min: 0, max: 1 })?.value
    : undefined
  const sleep = fields.isSet('sleep_level') ? (fields.integer('sleep_level', { min: 0 })?.value ?? 0) : 0
  return {
    ...stage,
    value: {
      referenceModel: free ? 'none' : separate ? 'separate' : 'shared',
      generations: stage.value === 'grpo' ? (count('num_generations') ?? 8) : 1,
      promptLength: count('max_prompt_length') ?? count('max_length') ?? 2048,
      completionLength: count('max_completion_length') ?? 512,
      iterations: count('num_iterations') ?? 1,
      generation: !online ? 'none' : vllm ? (colocated ? 'vllm_colocate' : 'vllm_server') : 'transformers',
      colocatedMemoryShare: colocated ? (share ?? 0.9) : 0,
      sleepMode: sleep > 0,
      rewardModel: fields.isSet('reward_model'),
      valueModel: stage.value === 'ppo',
    },
    note: 'ms-swift 4.6 arguments/rlhf_args.py',
  }
}
