import { versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { NO_GENERATION } from '../plan/no-generation.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { rowOf } from '../plan/row-of.ts'
import type { GradientCheckpointing } from '../plan/training-plan.ts'
import type { Quantization, Stage, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { readLoraKeys } from './hugging-face/lora-keys.ts'
import { type MixedPrecision, PEFT_ADAPTER_DTYPE, precisionDraft } from './hugging-face/precision.ts'
import { datasetNames, hubModel } from './hugging-face/references.ts'
import { readOptimizer } from './hugging-face/transformers-arguments.ts'
import {
  applyRows,
  choice,
  describedKey,
  fixed,
  formatKeys,
  type KeyRow,
  keyRow,
  positive,
  positiveOrNone,
} from './key-rows.ts'
import type { FormatReader, RunDraft } from './reader.ts'

const PARAMS = 'autotrain-advanced 0.8 src/autotrain/trainers/clm/params.py'
const TRAINER = 'autotrain-advanced 0.8 src/autotrain/trainers/clm'

/** Keys under `params:`. */
const ROWS: readonly KeyRow[] = [
  keyRow({
    key: 'batch_size',
    plan: 'microBatchSize',
    read: positive,
    fallback: fixed(2, `${PARAMS}: 2`),
    default: '2',
    source: PARAMS,
  }),
  keyRow({
    key: 'gradient_accumulation',
    plan: 'gradientAccumulationSteps',
    read: positive,
    fallback: fixed(4, `${PARAMS}: 4`),
    default: '4',
    source: PARAMS,
  }),
  keyRow({
    key: 'epochs',
    plan: 'dataset.epochs',
    read: positiveOrNone,
    fallback: fixed(1, `${PARAMS}: 1`),
    default: '1',
    source: PARAMS,
  }),
  keyRow({
    key: 'disable_gradient_checkpointing',
    plan: 'gradientCheckpointing',
    read: choice<GradientCheckpointing>('none', 'full'),
    fallback: fixed<GradientCheckpointing>('full', `${PARAMS}: checkpointing is on`),
    default: 'False: checkpointing is on',
    source: PARAMS,
  }),
  keyRow({
    key: 'use_flash_attention_2',
    plan: 'attention',
    read: choice<'flash' | 'sdpa'>('flash', 'sdpa'),
    fallback: fixed('sdpa', `${PARAMS}: the model’s default`),
    default: 'sdpa',
    source: PARAMS,
  }),
  describedKey('base_model', 'model', 'required', 'autotrain-advanced 0.8 src/autotrain/parser.py'),
  describedKey(
    'task',
    'stage; only llm-* tasks are estimated',
    'required',
    'autotrain-advanced 0.8 src/autotrain/parser.py',
  ),
  describedKey('backend', 'hardware.gpu and gpus of a Space', 'local', 'autotrain-advanced 0.8 src/autotrain/backends'),
  describedKey('params.block_size, params.model_max_length', 'sequenceLength', 'block_size, else 2048', PARAMS),
  describedKey('params.mixed_precision', 'precision', 'none', PARAMS),
  describedKey('params.peft, params.quantization', 'adapter.type, quantization', 'False; int4 with peft', PARAMS),
  describedKey('params.lora_r, params.lora_dropout, params.target_modules', 'adapter', 'rank 16, all-linear', PARAMS),
  describedKey('params.optimizer', 'optimizer', 'adamw_torch', PARAMS),
  describedKey('data.path', 'dataset.names', 'required', 'autotrain-advanced 0.8 src/autotrain/parser.py'),
]

const TASKS: Readonly<Record<string, Stage>> = {
  'llm-sft': 'sft',
  'llm-generic': 'pretrain',
  'llm-default': 'pretrain',
  'llm:sft': 'sft',
  'llm:generic': 'pretrain',
  'llm-dpo': 'dpo',
  'llm:dpo': 'dpo',
  'llm-orpo': 'orpo',
  'llm:orpo': 'orpo',
  'llm-reward': 'reward',
  'llm:reward': 'reward',
  llm: 'sft',
}

/** autotrain-advanced configs; tasks other than language models are declined by name. */
export const autotrainReader: FormatReader = {
  format: 'autotrain',
  keys: formatKeys(ROWS),
  recognise: document => document.roots.some(isAutotrain),
  async read(document, context) {
    const runs: RunDraft[] = []
    const declined: Finding[] = []
    for (const root of document.roots.filter(isAutotrain)) {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      const task = fields.string('task')
      const stage = task && rowOf(TASKS, task.value)
      if (!task || !stage) {
        const message = `autotrain task \`${task?.value ?? ''}\` does not train a causal language model; only llm tasks are estimated.`
        declined.push(
          finding('unsupported-format', {
            path: root.path,
            line: task?.line ?? null,
            column: task?.column ?? null,
            message,
          }),
        )
        continue
      }
      runs.push({
        name: null,
        draft: readDraft(fields, { ...task, value: stage }, context.libraries, findings),
        findings,
      })
    }
    return { runs, findings: declined }
  },
}

function isAutotrain(root: ConfigNode): boolean {
  return hasKeys(root, 'task', 'base_model', 'project_name') && (hasKeys(root, 'params') || hasKeys(root, 'backend'))
}

function readDraft(
  root: Fields,
  stage: Sourced<Stage>,
  libraries: Readonly<Record<string, string>>,
  findings: Finding[],
): PlanDraft {
  const empty: ConfigNode = { ...root.node, entries: new Map() }
  const params =
    (root.raw('params')?.kind === 'mapping' && root.mapping('params')) || new Fields({ node: empty, findings })
  const data = root.raw('data')?.kind === 'mapping' ? root.mapping('data') : undefined
  const names = data && datasetNames(data, ['path'])
  const peft = (params.isSet('peft') ? params.boolean('peft') : undefined) ?? byDefault(false, `${PARAMS}: False`)
  const packs = stage.value === 'sft' || stage.value === 'pretrain'
  const packing = byDefault(packs, `${TRAINER}/train_clm_sft.py: packing is on for SFT`)
  return {
    ...applyRows(ROWS, params, libraries),
    framework: byDefault('autotrain', 'the format'),
    libraries: byDefault(libraries, 'the repository'),
    stage,
    ...hubModel(root, ['base_model'], [], findings),
    ...(names ? { 'dataset.names': names } : {}),
    ...readBackend(root),
    ...readAdapter(params, peft),
    ...readPrecision(params, peft, libraries),
    ...readOptimizer(params, ['optimizer'], byDefault('adamw_torch', `${PARAMS}: adamw_torch`)),
    sequenceLength: readLength(params),
    packing,
    variableLength: { ...packing, value: !packs },
    'dataset.padding': { ...packing, value: packs ? 'none' : 'longest' },
    checkpointingReentrant: byDefault(peft.value, `${TRAINER}: re-entrant for quantized PEFT models`),
    loss: byDefault('full_logits', 'trl 0.13: full logits'),
    ...(packs
      ? {}
      : {
          reinforcement: {
            ...stage,
            value: {
              ...NO_GENERATION,
              referenceModel: stage.value === 'dpo' ? (peft.value ? 'shared' : 'separate') : 'none',
              promptLength: 128,
              completionLength: 128,
            },
          },
        }),
  }
}

function readLength(params: Fields): Sourced<number> {
  const block = params.isSet('block_size') ? params.number('block_size', { min: -1 }) : undefined
  if (block && block.value > 0) return block
  const longest = params.isSet('model_max_length') ? positive(params, 'model_max_length') : undefined
  return longest ?? byDefault(2048, `${PARAMS}: model_max_length 2048`)
}

function readAdapter(params: Fields, peft: Sourced<boolean>): MutablePlanDraft {
  if (!peft.value)
    return {
      'adapter.type': { ...peft, value: null },
      quantization: byDefault('none', `${PARAMS}: quantization only with peft`),
    }
  return {
    'adapter.type': { ...peft, value: 'lora' },
    'adapter.targetRule': byDefault('peft', 'autotrain hands LoraConfig to PEFT'),
    ...readLoraKeys(
      params,
      {
        rank: ['lora_r'],
        targets: ['target_modules'],
        parameters: [],
        modulesToSave: [],
        dropout: ['lora_dropout'],
        dora: [],
      },
      {
        rank: byDefault(16, `${PARAMS}: 16`),
        targets: byDefault('all-linear', `${PARAMS}: all-linear`),
        dropout: byDefault(0.05, `${PARAMS}: 0.05`),
        allWords: ['all-linear'],
      },
    ),
    quantization: readQuantization(params),
  }
}

function readQuantization(params: Fields): Sourced<Quantization> {
  if (!params.has('quantization')) return byDefault('nf4', `${PARAMS}: int4 (nf4, no double quantization)`)
  const named = params.isSet('quantization') ? params.string('quantization') : undefined
  if (!named || named.value === 'none') return params.sourced('quantization', 'none')
  return { ...named, value: named.value === 'int8' ? 'int8' : 'nf4' }
}

function readPrecision(
  params: Fields,
  peft: Sourced<boolean>,
  libraries: Readonly<Record<string, string>>,
): MutablePlanDraft {
  const word = params.isSet('mixed_precision') ? params.string('mixed_precision') : undefined
  const off = byDefault(false, `${PARAMS}: mixed_precision None`)
  const source: Sourced<boolean> = word ? { ...word, value: word.value === 'bf16' || word.value === 'fp16' } : off
  const dtype = word?.value === 'fp16' ? 'float16' : 'bfloat16'
  const mixed: MixedPrecision = {
    on: source.value,
    source,
    dtype: { ...source, value: source.value ? dtype : 'float32' },
  }
  const quantized = peft.value && readQuantization(params).value !== 'none'
  const prepared = byDefault<StorageDtype>('float32', `${TRAINER}: prepare_model_for_kbit_training`)
  const loaded = libraries['transformers']
    ? versionDefault('transformers.weights', libraries)
    : byDefault<StorageDtype>('float32', 'autotrain-advanced 0.8 pins transformers 4.48: float32 weights')
  return precisionDraft({
    weights: quantized ? prepared : loaded,
    mixed,
    adapterDtype: peft.value ? PEFT_ADAPTER_DTYPE : null,
  })
}

/** `spaces-a10g-largex4`: the GPU and how many a Space has. */
function readBackend(root: Fields): MutablePlanDraft {
  const backend = root.isSet('backend') ? root.string('backend') : undefined
  const match = backend && /^spaces-(t4|l4|l40s|a10g|a100|h100)(?:-[a-z]+)?(?:x(\d+))?$/.exec(backend.value)
  if (!backend || !match) return {}
  return {
    'hardware.gpu': { ...backend, value: match[1] === 'a100' ? 'a100-80gb' : (match[1] ?? '') },
    gpus: { ...backend, value: Number(match[2] ?? 1) },
  }
}
