import { applyEngine } from '../launch/engine.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { Stage } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf, peftAdapterOf } from './hugging-face/companions.ts'
import { trainerFsdp } from './hugging-face/fsdp-arguments.ts'
import { readMixedPrecision } from './hugging-face/precision.ts'
import { hubModel } from './hugging-face/references.ts'
import {
  readCheckpointingOptions,
  readCheckpoints,
  readEvaluation,
  readLengthGrouping,
  readLiger,
  TRAINER_UNMODELLED,
} from './hugging-face/transformers-arguments.ts'
import { applyRows, formatKeys, fromTable } from './key-rows.ts'
import { readData } from './llama-factory/data.ts'

import { LLAMA_FACTORY_IGNORED } from './llama-factory/ignored-keys.ts'
import { LLAMA_FACTORY_ROWS, MODEL, STAGES, TUNING } from './llama-factory/keys.ts'
import { readFamily } from './llama-factory/optimizer.ts'
import { readPrecision } from './llama-factory/precision.ts'
import { readReinforcement } from './llama-factory/reinforcement.ts'
import { readQuantization, readTuning } from './llama-factory/tuning.ts'
import { LLAMA_FACTORY_UNMODELLED } from './llama-factory/unmodelled.ts'
import { reportMisspelt } from './misspelt-keys.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { LLAMA_FACTORY_REFUSALS } from './refusals/llama-factory-refusals.ts'
import { reportRefusals } from './refusals/refusal.ts'
import { reportUnmodelled } from './run-per-document.ts'

export const llamaFactoryReader: FormatReader = {
  format: 'llama-factory',
  keys: formatKeys(LLAMA_FACTORY_ROWS),
  ignored: LLAMA_FACTORY_IGNORED,
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
async function readLlamaFactoryArguments(fields: Fields, scope: CompanionScope): Promise<PlanDraft> {
  const { libraries } = scope.context
  const draft = applyRows(LLAMA_FACTORY_ROWS, fields, libraries)
  reportRefusals(fields.node, LLAMA_FACTORY_REFUSALS, scope.findings)
  reportMisspelt(
    fields.node,
    { framework: 'LLaMA-Factory', keys: LLAMA_FACTORY_ROWS, ignored: LLAMA_FACTORY_IGNORED },
    scope.findings,
  )
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
    readHeadUpcast(fields),
    readData(fields, stage),
    {
      evaluation: readEvaluation(fields, {
        batchSize: 8,
        note: 'LLaMA-Factory',
        ...valueSet(fields),
      }),
      checkpoints: readCheckpoints(fields),
    },
    ['dpo', 'kto', 'orpo', 'simpo', 'reward', 'ppo'].includes(stage.value) || usesReference(fields)
      ? { reinforcement: readReinforcement(fields, adapter, stage) }
      : {},
  )
  reportUnmodelled(fields, { ...LLAMA_FACTORY_UNMODELLED, ...TRAINER_UNMODELLED }, scope.findings)
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

/** ASFT holds the model against a reference (train/sft/workflow.py). */
function usesReference(fields: Fields): boolean {
  return fields.isSet('use_asft_loss') && fields.boolean('use_asft_loss')?.value === true
}

function readHeadUpcast(fields: Fields): MutablePlanDraft {
  const on = fields.isSet('upcast_lmhead_output') ? fields.boolean('upcast_lmhead_output') : undefined
  return on?.value ? { loss: { ...on, value: 'full_logits_float32' } } : {}
}
