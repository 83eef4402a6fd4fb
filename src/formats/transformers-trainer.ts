import { applyEngine } from '../launch/engine.ts'
import { versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type PlanDraft, statedValue } from '../plan/plan-draft.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf } from './hugging-face/companions.ts'
import { trainerFsdp } from './hugging-face/fsdp-arguments.ts'
import { IGNORED_ARGUMENTS } from './hugging-face/ignored-arguments.ts'
import { hasOpenInstructKeys } from './hugging-face/open-instruct-keys.ts'
import {
  OWN_TRAINER_ROWS,
  readOwnAdapter,
  readOwnFreezing,
  readOwnLength,
  readOwnQuantization,
  reportOwnTrainer,
} from './hugging-face/own-trainer.ts'
import {
  KBIT_WEIGHTS,
  PEFT_ADAPTER_DTYPE,
  precisionDraft,
  readMixedPrecision,
  STORAGE_NAMES,
} from './hugging-face/precision.ts'
import { datasetDraft, hubModel } from './hugging-face/references.ts'
import {
  defaultOptimizer,
  readCheckpointingOptions,
  readCheckpoints,
  readEvaluation,
  readLengthGrouping,
  readLiger,
  readOptimizer,
  TRAINER_UNMODELLED,
  TRAINING_ARGUMENT_ROWS,
} from './hugging-face/transformers-arguments.ts'
import { applyRows, describedKey, formatKeys, fromTable, type KeyRow, keyRow, positive, setKey } from './key-rows.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { reportRefusals } from './refusals/refusal.ts'
import { TRANSFORMERS_REFUSALS } from './refusals/transformers-refusals.ts'
import { reportUnmodelled } from './run-per-document.ts'
import { onlineDefaults, readReinforcement } from './trl/reinforcement.ts'
import { readStage } from './trl/stage.ts'

const MODEL_KEYS = ['model_name_or_path', 'model_name', 'model_id', 'base_model', 'model']

const ROWS: readonly KeyRow[] = [
  ...TRAINING_ARGUMENT_ROWS,
  keyRow({
    key: [
      ...['max_seq_length', 'max_seq_len', 'max_length', 'model_max_length', 'cutoff_len', 'block_size'],
      ...['max_source_length', 'max_len'],
    ],
    plan: 'sequenceLength',
    read: positive,
    default: 'assumed: 2048',
    source: 'transformers 5.18 examples/pytorch',
  }),
  describedKey(MODEL_KEYS.join(', '), 'model', 'required', 'transformers 5.18 examples/pytorch'),
  describedKey(
    'dtype, torch_dtype',
    'precision.weights',
    'the checkpoint’s since transformers 5, float32 before',
    'transformers 5.18 modeling_utils.py',
  ),
  ...OWN_TRAINER_ROWS,
]

/** TrainingArguments in a file, for a trainer that is not named. */
export const transformersReader: FormatReader = {
  format: 'transformers',
  keys: formatKeys(ROWS),
  ignored: IGNORED_ARGUMENTS,
  recognise: document => document.roots.some(isTrainingArguments),
  async read(document, context) {
    const runs: RunDraft[] = []
    const matching = document.roots.filter(isTrainingArguments)
    for (const root of matching.length > 0 ? matching : document.roots.slice(0, 1)) {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      runs.push({ name: null, draft: await readTrainingArguments(fields, { document, context, findings }), findings })
    }
    return { runs, findings: [] }
  },
}

function isTrainingArguments(root: ConfigNode): boolean {
  if (!hasAnyKey(root, 'per_device_train_batch_size', 'per_gpu_train_batch_size')) return false
  if (hasOpenInstructKeys(root)) return false
  return hasKeys(root, 'output_dir') || MODEL_KEYS.some(key => root.entries.get(key)?.kind === 'scalar')
}

/** Arguments of a script built on the transformers Trainer, from a file or a command line. */
async function readTrainingArguments(fields: Fields, scope: CompanionScope): Promise<PlanDraft> {
  const { libraries } = scope.context
  reportRefusals(fields.node, TRANSFORMERS_REFUSALS, scope.findings)
  const key = setKey(fields, ['dtype', 'torch_dtype'])
  const own = key ? fromTable(STORAGE_NAMES)(fields, key) : undefined
  const mixed = readMixedPrecision(
    fields,
    byDefault(false, 'transformers 5.18 training_args.py: bf16 and fp16 are off'),
  )
  const { path } = scope.document
  const adapter = readOwnAdapter(fields, path)
  const quantization = readOwnQuantization(fields, path)
  const isFull = statedValue(adapter['adapter.type']) === null
  const stage = readStage(fields, path)
  const loaded = own ?? versionDefault('transformers.weights', libraries)
  const draft: PlanDraft = {
    ...applyRows(ROWS, fields, libraries),
    ...readOwnLength(fields),
    framework: byDefault('transformers', 'the format'),
    libraries: byDefault(libraries, 'the repository'),
    stage,
    ...hubModel(fields, MODEL_KEYS, ['model_revision'], scope.findings),
    ...datasetDraft(fields, ['dataset_name', 'train_file', 'dataset']),
    ...adapter,
    quantization,
    ...(isFull ? readOwnFreezing(fields) : {}),
    ...precisionDraft({
      weights: quantization.value === 'none' ? loaded : KBIT_WEIGHTS,
      mixed,
      adapterDtype: isFull ? null : PEFT_ADAPTER_DTYPE,
    }),
    ...readOptimizer(fields, ['optim'], defaultOptimizer(libraries)),
    ...readCheckpointingOptions(fields, versionDefault('transformers.use_reentrant', libraries)),
    ...readLengthGrouping(fields),
    loss: byDefault('full_logits', 'transformers ForCausalLMLoss 5.18'),
    ...readLiger(fields, ['use_liger_kernel', 'use_liger']),
    variableLength: byDefault(true, 'transformers: padded to the longest of the batch'),
    'dataset.padding': byDefault('longest', 'transformers DataCollatorWithPadding'),
    evaluation: readEvaluation(fields, { batchSize: 8, note: 'transformers 5.18 eval_strategy' }),
    checkpoints: readCheckpoints(fields),
    ...(stage.value === 'sft' || stage.value === 'pretrain'
      ? {}
      : { reinforcement: readReinforcement(fields, adapter, stage, onlineDefaults(path, libraries)) }),
  }
  reportUnmodelled(fields, TRAINER_UNMODELLED, scope.findings)
  reportOwnTrainer(fields, scope.findings)
  const engine =
    (await deepSpeedOf(fields, scope)) ??
    (await trainerFsdp(fields, scope, libraries)) ??
    (await accelerateOf(fields, scope, ['accelerate_config', 'config_file']))
  return engine ? applyEngine(draft, engine) : draft
}
