import type { Finding } from '../plan/finding.ts'
import { byDefault, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { CheckpointPlan, GradientCheckpointing } from '../plan/training-plan.ts'
import { type ConfigNode, hasAnyKey } from './config-document.ts'
import { Fields } from './fields.ts'
import { readLoraKeys } from './hugging-face/lora-keys.ts'
import { datasetNames, hubModel } from './hugging-face/references.ts'
import { readCheckpointing, readOptimizer } from './hugging-face/transformers-arguments.ts'
import {
  applyRows,
  describedKey,
  fixed,
  flag,
  formatKeys,
  type KeyRow,
  keyRow,
  positive,
  positiveOrNone,
} from './key-rows.ts'
import type { FormatReader, RunDraft } from './reader.ts'

const CLI = 'unsloth 2026.8 unsloth_cli/config.py'
const LOADER = 'unsloth 2026.8 unsloth/models/loader.py'

const DISTRIBUTED =
  'unsloth 2026.8 unsloth/models/vision.py: several GPUs checkpoint without re-entry and without offloading'

/** Keys under `training:`. */
const ROWS: readonly KeyRow[] = [
  keyRow({
    key: 'max_seq_length',
    plan: 'sequenceLength',
    read: positive,
    fallback: fixed(2048, `${CLI}: 2048`),
    default: '2048',
    source: CLI,
  }),
  keyRow({
    key: ['batch_size', 'per_device_train_batch_size'],
    plan: 'microBatchSize',
    read: positive,
    fallback: fixed(2, `${CLI}: 2`),
    default: '2',
    source: CLI,
  }),
  keyRow({
    key: 'gradient_accumulation_steps',
    plan: 'gradientAccumulationSteps',
    read: positive,
    fallback: fixed(4, `${CLI}: 4`),
    default: '4',
    source: CLI,
  }),
  keyRow({
    key: 'num_epochs',
    plan: 'dataset.epochs',
    read: positiveOrNone,
    fallback: fixed(3, `${CLI}: 3`),
    default: '3',
    source: CLI,
  }),
  keyRow({
    key: 'max_steps',
    plan: 'dataset.maxSteps',
    read: positiveOrNone,
    fallback: fixed(null, `${CLI}: 0, the epochs count`),
    default: '0 (epochs count)',
    source: CLI,
  }),
  keyRow({
    key: 'packing',
    plan: 'packing',
    read: flag,
    fallback: fixed(false, `${CLI}: False`),
    default: 'False',
    source: CLI,
  }),
  keyRow({
    key: 'gradient_checkpointing',
    plan: 'gradientCheckpointing',
    read: readCheckpointing,
    fallback: fixed<GradientCheckpointing>('full', `${CLI}: "unsloth"`),
    default: '"unsloth" (offloaded)',
    source: CLI,
  }),
  describedKey('model', 'model', 'required', CLI),
  describedKey('training.training_type', 'adapter.type', 'lora', CLI),
  describedKey('training.load_in_4bit', 'quantization', 'True', CLI),
  describedKey('training.optim', 'optimizer', 'adamw_8bit', 'unsloth 2026.8 trainer'),
  describedKey('lora.lora_r, lora.lora_dropout, lora.target_modules', 'adapter', 'rank 64, seven projections', CLI),
  describedKey('training.save_steps', 'checkpoints', '0: every 500 steps', 'unsloth 2026.8 studio trainer'),
  describedKey('data.dataset', 'dataset.names', 'required', CLI),
]

const PROJECTIONS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']

/** `unsloth train --config` files. */
export const unslothReader: FormatReader = {
  format: 'unsloth',
  keys: formatKeys(ROWS),
  recognise: document => document.roots.some(isUnsloth),
  async read(document, context) {
    const runs = document.roots.filter(isUnsloth).map((root): RunDraft => {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      return { name: null, draft: readDraft(fields, context.libraries, findings), findings }
    })
    return { runs, findings: [] }
  },
}

function isUnsloth(root: ConfigNode): boolean {
  const training = root.entries.get('training')
  return (
    typeof root.entries.get('model')?.scalar === 'string' &&
    hasAnyKey(training, 'max_seq_length', 'batch_size', 'training_type', 'load_in_4bit') &&
    (root.entries.get('lora')?.kind === 'mapping' || hasAnyKey(training, 'training_type', 'load_in_4bit'))
  )
}

function readDraft(root: Fields, libraries: Readonly<Record<string, string>>, findings: Finding[]): PlanDraft {
  const training = root.mapping('training')
  if (!training) return {}
  const draft = applyRows(ROWS, training, libraries)
  const type = training.isSet('training_type') ? training.string('training_type') : undefined
  const kind: Sourced<string> = type ?? byDefault('lora', `${CLI}: lora`)
  const full = kind.value === 'full'
  const four =
    (training.isSet('load_in_4bit') ? training.boolean('load_in_4bit') : undefined) ?? byDefault(true, `${CLI}: True`)
  const lora = root.raw('lora')?.kind === 'mapping' ? root.mapping('lora') : undefined
  const data = root.raw('data')?.kind === 'mapping' ? root.mapping('data') : undefined
  const checkpointing = training.raw('gradient_checkpointing')?.scalar
  const offloads = checkpointing === undefined || checkpointing === 'unsloth'
  const source = training.has('gradient_checkpointing')
    ? training.sourced('gradient_checkpointing', offloads)
    : byDefault(offloads, `${CLI}: "unsloth" keeps checkpoints in host memory`)
  return {
    ...draft,
    framework: byDefault('unsloth', 'the format'),
    libraries: byDefault(libraries, 'the repository'),
    stage: byDefault('sft', 'unsloth train'),
    ...hubModel(root, ['model'], [], findings),
    ...(data ? { 'dataset.names': datasetNames(data, ['dataset', 'hf_dataset']) ?? byDefault([], 'none') } : {}),
    'adapter.type': { ...kind, value: full ? null : 'lora' },
    'adapter.targetRule': byDefault('unsloth', LOADER),
    'adapter.dtype': byDefault('float32', 'unsloth: LoRA weights are kept in float32'),
    ...(full
      ? {}
      : readLoraKeys(
          lora ?? training,
          {
            rank: ['lora_r'],
            targets: ['target_modules'],
            parameters: [],
            modulesToSave: ['modules_to_save'],
            dropout: ['lora_dropout'],
            dora: ['use_dora'],
          },
          {
            rank: byDefault(64, `${CLI}: 64`),
            targets: byDefault(PROJECTIONS, `${CLI}: seven projections`),
            dropout: byDefault(0, `${CLI}: 0.0`),
            allWords: ['all-linear', 'all'],
          },
        )),
    quantization: { ...four, value: four.value && !full ? 'nf4-double' : 'none' },
    'precision.weights': facts =>
      facts.bf16Supported === false
        ? byDefault(
            full ? 'float32' : 'float16',
            'unsloth-zoo training_utils.py: full fine-tuning in float16 is upcast',
          )
        : byDefault('bfloat16', `${LOADER}: dtype None loads 16 bit`),
    'precision.compute': byDefault('auto', `${LOADER}: bf16 where the GPU has it`),
    'precision.autocast': byDefault(true, 'unsloth trains under autocast'),
    activationOffload: facts => (facts.gpus > 1 ? byDefault(false, DISTRIBUTED) : source),
    attention: byDefault('flash', `${LOADER}: flash attention or xformers`),
    loss: byDefault('cut_cross_entropy', 'unsloth-zoo fused cross entropy'),
    fusedKernels: byDefault('unsloth', LOADER),
    checkpointingReentrant: facts => byDefault(facts.gpus === 1, DISTRIBUTED),
    checkpoints: readSaves(training),
    variableLength: byDefault(true, 'trl: padded to the longest of the batch'),
    'dataset.padding': byDefault('longest', 'trl: padded to the longest of the batch'),
    ...readOptimizer(training, ['optim'], byDefault('adamw_8bit', 'unsloth 2026.8: adamw_8bit')),
  }
}

/** 0 leaves the Trainer's 500. */
function readSaves(training: Fields): Sourced<CheckpointPlan> {
  const steps = training.isSet('save_steps') ? training.integer('save_steps', { min: 0 }) : undefined
  const source = steps ?? byDefault(0, `${CLI}: 0`)
  return { ...source, value: { everySteps: source.value || 500, timesTotal: null, includesOptimizer: true } }
}
