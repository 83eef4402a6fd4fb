import { applyEngine, type Engine } from '../launch/engine.ts'
import { fsdpWords, LOADS_ON_EVERY_RANK, readFsdp } from '../launch/fsdp.ts'
import { versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { Stage } from '../plan/vocabulary.ts'
import { readActivations, readLoss, readSequence } from './axolotl/activations.ts'
import { readAdapter, trains } from './axolotl/adapter.ts'
import { readAdapterKernels } from './axolotl/adapter-kernels.ts'
import { AXOLOTL_IGNORED } from './axolotl/ignored-keys.ts'
import { AXOLOTL_ROWS } from './axolotl/keys.ts'
import { outerPrecision, precisionOf, readPrecision } from './axolotl/precision.ts'
import { readReinforcement } from './axolotl/reinforcement.ts'
import { readCheckpointPlan, readEvaluationPlan } from './axolotl/schedule.ts'
import { TRAINING_SCHEMA } from './axolotl/schema-files.ts'
import { AXOLOTL_UNMODELLED } from './axolotl/unmodelled.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { readClassificationHead } from './hugging-face/classification-head.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf, peftAdapterOf } from './hugging-face/companions.ts'
import { datasetDraft, hubModel } from './hugging-face/references.ts'
import { readOptimizer, TRAINER_UNMODELLED } from './hugging-face/transformers-arguments.ts'
import { applyRows, formatKeys, positive } from './key-rows.ts'
import { reportMisspelt } from './misspelt-keys.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { AXOLOTL_REFUSALS } from './refusals/axolotl-refusals.ts'
import { reportRefusals } from './refusals/refusal.ts'
import { reportUnmodelled } from './run-per-document.ts'

const STRONG_KEYS = [
  'sequence_len',
  'micro_batch_size',
  'adapter',
  'sample_packing',
  'num_epochs',
  'val_set_size',
  'dataset_prepared_path',
  'lora_r',
  'rl',
  'plugins',
]

export const axolotlReader: FormatReader = {
  format: 'axolotl',
  keys: formatKeys(AXOLOTL_ROWS),
  ignored: AXOLOTL_IGNORED,
  recognise: document => document.roots.some(isAxolotl),
  async read(document, context) {
    const runs: RunDraft[] = []
    const matching = document.roots.filter(isAxolotl)
    for (const root of matching.length > 0 ? matching : document.roots.slice(0, 1)) {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      const draft = await readAxolotl(fields, { document, context, findings })
      runs.push({ name: null, draft, findings })
    }
    return { runs, findings: [] }
  },
}

function isAxolotl(root: ConfigNode): boolean {
  if (!hasKeys(root, 'base_model') || hasKeys(root, 'project_name', 'task')) return false
  if (hasKeys(root, 'finetuning_type')) return false
  return (
    hasAnyKey(root, 'datasets', 'pretraining_dataset', 'test_datasets', 'dataset_prepared_path') &&
    hasAnyKey(root, ...STRONG_KEYS)
  )
}

/** Settings of `axolotl train`, from a file or a command line. */
async function readAxolotl(fields: Fields, scope: CompanionScope): Promise<PlanDraft> {
  const { libraries } = scope.context
  const draft = applyRows(AXOLOTL_ROWS, fields, libraries)
  reportRefusals(fields.node, AXOLOTL_REFUSALS, scope.findings, libraries)
  reportMisspelt(fields.node, { framework: 'Axolotl', keys: AXOLOTL_ROWS, ignored: AXOLOTL_IGNORED }, scope.findings)
  const read = readAdapter(fields, scope.findings)
  const own = trains(read) ? { ...read, ...readAdapterKernels(fields, libraries) } : read
  const adapter = trains(own) ? { ...own, ...(await peftAdapterOf(fields, scope, 'lora_model_dir')) } : own
  const mixed = readPrecision(fields)
  const optimizer = readOptimizer(fields, ['optimizer'], versionDefault('axolotl.optimizer', libraries))
  const stage = readStage(fields)
  Object.assign(
    draft,
    { framework: byDefault('axolotl', 'the format'), libraries: byDefault(libraries, 'the repository'), stage },
    hubModel(fields, ['base_model'], ['revision_of_model', 'revision'], scope.findings),
    datasetDraft(fields, ['datasets', 'pretraining_dataset']),
    readAccumulation(fields),
    readWorldSize(fields),
    adapter,
    precisionOf(fields, mixed, adapter, libraries),
    optimizer,
    readActivations(fields, adapter, draft),
    readLoss(fields),
    readClassificationHead(fields, isClassifier(fields)),
    readSequence(fields, draft),
    { evaluation: readEvaluationPlan(fields, draft), checkpoints: readCheckpointPlan(fields) },
    stage.value === 'sft' || stage.value === 'pretrain'
      ? {}
      : { reinforcement: readReinforcement(fields, adapter, stage, libraries) },
  )
  Object.assign(draft, readFlattening(fields), generatedLength(draft))
  reportUnmodelled(fields, { ...AXOLOTL_UNMODELLED, ...TRAINER_UNMODELLED }, scope.findings)
  const compile = fields.raw('torch_compile')?.scalar
  if (compile !== undefined) draft.compile = fields.sourced('torch_compile', compile === true || compile === 'auto')
  const engine = await engineOf(fields, scope)
  if (engine === null || engine.kind === 'plain') Object.assign(draft, outerPrecision(fields, adapter, draft))
  return engine ? applyEngine(draft, engine) : draft
}

async function engineOf(fields: Fields, scope: CompanionScope): Promise<Engine | null> {
  const deepspeed = await deepSpeedOf(fields, scope)
  if (deepspeed) return deepspeed
  const words = fsdpWords(fields, 'fsdp')
  const block = fields.raw('fsdp_config')
  const config = block?.kind === 'mapping' && block.entries.size > 0 ? fields.mapping('fsdp_config') : undefined
  if (words === null && config === undefined) return accelerateOf(fields, scope, ['accelerate_config'])
  const top = fields.isSet('fsdp_version') ? fields.integer('fsdp_version', { min: 1, max: 2 }) : undefined
  const version = top ?? byDefault(1, 'axolotl 0.18: fsdp_version 1 is set when the key is absent')
  const wrap = byDefault<'layers' | 'root'>('layers', 'transformers: TRANSFORMER_BASED_WRAP with _no_split_modules')
  return readFsdp({ config, words, defaults: { version, wrap, efficientLoading: LOADS_ON_EVERY_RANK } })
}

function readStage(fields: Fields): Sourced<Stage> {
  const names: Readonly<Record<string, Stage>> = {
    dpo: 'dpo',
    ipo: 'dpo',
    orpo: 'orpo',
    kto: 'kto',
    simpo: 'simpo',
    grpo: 'grpo',
    gdpo: 'grpo',
    ebft: 'grpo',
  }
  const rl = fields.isSet('rl') ? fields.string('rl') : undefined
  const named = rl && names[rl.value]
  if (rl && named) return { ...rl, value: named }
  const scores = fields.isSet('reward_model') ? fields.boolean('reward_model') : undefined
  if (scores?.value) return { ...scores, value: 'reward' }
  if (fields.isSet('pretraining_dataset')) return fields.sourced('pretraining_dataset', 'pretrain')
  return byDefault('sft', 'axolotl 0.18: supervised without `rl`')
}

/**
 * `model_type` (older: `type_of_model`) names the class that loads the model; a reward model has its one score by its stage. A process
 * reward model labels the steps of one answer: no pairs (axolotl 0.18 utils/schemas/validation.py set_reward_model_defaults).
 */
function isClassifier(fields: Fields): boolean {
  const classes = ['model_type', 'type_of_model'].map(key => fields.isSet(key) && fields.string(key)?.value)
  const isOn = (key: string): boolean => fields.isSet(key) && fields.boolean(key)?.value === true
  if (isOn('reward_model')) return false
  return isOn('process_reward_model') || classes.some(name => name && /For(?:Sequence|Token)Classification$/.test(name))
}

/** GRPO drops no prompt by `sequence_len` (utils/data/rl.py): its sequences are a prompt and a completion. */
function generatedLength({ reinforcement, stage }: PlanDraft): MutablePlanDraft {
  const settings = typeof reinforcement === 'function' ? null : reinforcement
  if (typeof stage === 'function' || stage?.value !== 'grpo' || !settings?.value) return {}
  const { promptLength, completionLength } = settings.value
  const note = `prompt ${promptLength} + completion ${completionLength} tokens`
  return { sequenceLength: { ...settings, value: promptLength + completionLength, note } }
}

/** `batch_flattening: true`: the samples of a micro-batch in one row (transformers DataCollatorWithFlattening). `auto` asks for a flash kernel too. */
function readFlattening(fields: Fields): MutablePlanDraft {
  const scalar = fields.raw('batch_flattening')?.scalar
  const flash =
    fields.raw('flash_attention')?.scalar === true || /^flash/.test(String(fields.raw('attn_implementation')?.scalar))
  const packs = fields.raw('sample_packing')?.scalar === true
  if (!(scalar === true || (scalar === 'auto' && flash)) || packs) return {}
  return { 'dataset.padding': fields.sourced('batch_flattening', 'none' as const) }
}

function readAccumulation(fields: Fields): MutablePlanDraft {
  const own = fields.isSet('gradient_accumulation_steps') ? positive(fields, 'gradient_accumulation_steps') : undefined
  if (own) return { gradientAccumulationSteps: own }
  const batch = fields.isSet('batch_size') ? positive(fields, 'batch_size') : undefined
  const micro = fields.isSet('micro_batch_size') ? positive(fields, 'micro_batch_size') : undefined
  if (batch && micro) {
    const note = 'axolotl: batch_size ÷ micro_batch_size'
    return { gradientAccumulationSteps: { ...batch, value: Math.max(1, Math.floor(batch.value / micro.value)), note } }
  }
  return { gradientAccumulationSteps: byDefault(1, `${TRAINING_SCHEMA}: 1`) }
}

/** With every size of the device mesh in the file the number of GPUs follows. */
function readWorldSize(fields: Fields): MutablePlanDraft {
  const size = (key: string): number | undefined => (fields.isSet(key) ? positive(fields, key)?.value : undefined)
  const shard = size('dp_shard_size')
  if (shard === undefined) return {}
  const context = size('context_parallel_size') ?? size('sequence_parallel_degree') ?? 1
  const gpus = shard * (size('dp_replicate_size') ?? 1) * (size('tensor_parallel_size') ?? 1) * context
  return { gpus: fields.sourced('dp_shard_size', gpus, 'product of the parallel sizes') }
}
