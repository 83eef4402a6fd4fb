import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { assumed, byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { rowOf } from '../plan/row-of.ts'
import type { AdapterType, Stage, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, hasKeys, nodeAt } from './config-document.ts'
import { Fields } from './fields.ts'
import { hubModel } from './hugging-face/references.ts'
import { ludwigBackend } from './ludwig/backend.ts'
import { ludwigOptimizer } from './ludwig/optimizer.ts'
import type { FormatReader } from './reader.ts'
import { runPerDocument } from './run-per-document.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const TRAINER = 'Ludwig @5d19f3e ludwig/schema/trainer.py'
const ADAPTER = 'Ludwig @5d19f3e ludwig/schema/llms/peft.py'
const LOADING = 'Ludwig @5d19f3e ludwig/utils/llm_utils.py'
const QUANTIZATION = 'Ludwig @5d19f3e ludwig/schema/llms/quantization.py'

/** Ludwig's language-model fine-tuning; its other models are declined. */
export const ludwigReader: FormatReader = {
  format: 'ludwig',
  keys: [
    ...keyTable(TRAINER, [
      ['base_model', 'model', 'required'],
      ['trainer.type', 'stage', 'none: no training'],
      ['trainer.epochs, trainer.train_steps', 'dataset', '100, None'],
      ['trainer.batch_size', 'microBatchSize', '1'],
      ['trainer.gradient_accumulation_steps, trainer.effective_batch_size', 'gradientAccumulationSteps', 'auto: 1'],
      ['trainer.optimizer.type', 'optimizer', 'adam'],
      ['trainer.enable_gradient_checkpointing', 'gradientCheckpointing', 'False'],
      ['trainer.use_mixed_precision', 'precision.autocast', 'False'],
      ['trainer.compile, trainer.packing', 'compile, packing', 'False'],
      ['trainer.eval_batch_size', 'evaluation', '2'],
      ['backend.type, backend.trainer', 'gpus, parallelism', 'local: one GPU'],
    ]),
    ...keyTable(ADAPTER, [
      ['adapter.type, adapter.r, adapter.dropout', 'adapter', 'none; 8, 0.05 for lora'],
      ['adapter.target_modules', 'adapter.targetModules', 'None: PEFT’s own map'],
    ]),
    ...keyTable(QUANTIZATION, [
      ['quantization.bits', 'quantization', 'no section: float32 weights; 4: nf4, double quantised'],
      ['quantization.bnb_4bit_compute_dtype', 'precision.compute', 'float16'],
    ]),
    ...keyTable('Ludwig @5d19f3e ludwig/schema/features/preprocessing/text.py', [
      ['preprocessing.global_max_sequence_length', 'sequenceLength', 'None: the model’s context'],
      ['*_features[].preprocessing.max_sequence_length', 'sequenceLength', '256 each'],
    ]),
  ],
  recognise: ({ roots }) => roots.some(root => isLanguageModel(root) || isOtherModel(root)),
  async read(document) {
    const result = await runPerDocument(document, isLanguageModel, readDraft)
    const other = document.roots.find(root => !isLanguageModel(root) && isOtherModel(root))
    if (other === undefined) return result
    const { path, line, column } = other
    const message = 'A Ludwig model of its own encoders and decoders; Preflop reads `model_type: llm`.'
    return { ...result, findings: [finding('unsupported-format', { path, line, column, message })] }
  },
}

/** Without a trainer, or with `none`, Ludwig only generates. */
function isLanguageModel(root: ConfigNode): boolean {
  const trainer = nodeAt(root, 'trainer.type')?.scalar
  return (
    root.entries.get('model_type')?.scalar === 'llm' &&
    hasKeys(root, 'base_model', 'trainer') &&
    typeof trainer === 'string' &&
    trainer !== 'none'
  )
}

function isOtherModel(root: ConfigNode): boolean {
  const isNamed = (key: string): boolean =>
    root.entries.get(key)?.items.some(item => hasKeys(item, 'name', 'type')) === true
  return root.entries.get('model_type')?.scalar !== 'llm' && isNamed('input_features') && isNamed('output_features')
}

const STAGES: Readonly<Record<string, Stage>> = { finetune: 'sft', dpo: 'dpo', kto: 'kto', orpo: 'orpo', grpo: 'grpo' }

function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const top = new Fields({ node: root, findings })
  const trainer = section(root, 'trainer', findings)
  const type = trainer.string('type')
  const stage = (type && rowOf(STAGES, type.value)) ?? 'sft'
  const checkpointing = trainer.boolean('enable_gradient_checkpointing')
  const quantized = hasAnyKey(root.entries.get('quantization'), 'bits', 'backend', 'quantization_type')
  const epochs = orDefault(trainer.integer('epochs', { min: 1 }), 100, `${TRAINER} ECDTrainerConfig: 100`)
  const evaluation = trainer.integer('eval_batch_size', { min: 0 })?.value ?? 2
  return {
    framework: byDefault('ludwig', 'the format'),
    stage: type ? mapped(type, () => stage) : byDefault(stage, `${TRAINER}: finetune`),
    ...hubModel(top, ['base_model'], [], findings),
    ...readAdapter(section(root, 'adapter', findings), root.entries.get('adapter')?.kind === 'mapping', findings),
    ...readPrecision(section(root, 'quantization', findings), trainer, quantized, findings),
    ...ludwigOptimizer(section(root, 'trainer.optimizer', findings)),
    ...readBatch(trainer, findings),
    ...ludwigBackend(section(root, 'backend', findings), findings),
    sequenceLength: readLength(root, findings),
    variableLength: byDefault(true, 'Ludwig: batches are cut to their longest sample'),
    packing: orDefault(trainer.boolean('packing'), false, `${TRAINER}: False`),
    'dataset.epochs': epochs,
    ...when('dataset.maxSteps', trainer.integer('train_steps', { min: 1 })),
    gradientCheckpointing: checkpointing
      ? mapped(checkpointing, on => (on ? 'full' : 'none'))
      : byDefault('none', `${TRAINER}: False`),
    checkpointingReentrant: byDefault(false, 'transformers 5: use_reentrant=False'),
    attention: byDefault(
      quantized ? 'eager' : 'sdpa',
      `${LOADING}: eager with quantization, else what transformers picks`,
    ),
    loss: byDefault('full_logits', 'Ludwig @5d19f3e ludwig/modules/loss_modules.py: cross entropy over all logits'),
    compile: orDefault(trainer.boolean('compile'), false, `${TRAINER}: False`),
    evaluation: byDefault(
      {
        everySteps: null,
        timesTotal: epochs.value,
        microBatchSize: Math.max(1, evaluation),
        samples: null,
        share: 0.3,
      },
      'Ludwig: split 70 / 10 / 20, evaluated once an epoch',
    ),
    reinforcement: readReinforcement(stage, trainer),
  }
}

/** trainer_dpo.py and its kin use the implicit reference: no second model. */
function readReinforcement(stage: Stage, trainer: Fields): PlanDraft['reinforcement'] & {} {
  if (stage === 'sft') return byDefault(null, 'finetune')
  const isOnline = stage === 'grpo'
  return byDefault(
    {
      referenceModel: 'none',
      generations: isOnline ? (trainer.integer('grpo_num_generations', { min: 1 })?.value ?? 4) : 1,
      promptLength: isOnline ? 256 : 0,
      completionLength: isOnline ? 256 : 0,
      iterations: 1,
      generation: isOnline ? 'transformers' : 'none',
      colocatedMemoryShare: 0,
      sleepMode: false,
      rewardModel: false,
      valueModel: false,
    },
    'Ludwig @5d19f3e ludwig/trainers/trainer_dpo.py: no reference model',
  )
}

/** Adapter types by Ludwig's names, with the rank that holds without `r`. */
const ADAPTERS: Readonly<Record<string, readonly [AdapterType, number]>> = {
  lora: ['lora', 8],
  adalora: ['adalora', 12],
  adaption_prompt: ['adaption_prompt', 8],
  ia3: ['ia3', 8],
  vera: ['vera', 256],
  loha: ['loha', 8],
  lokr: ['lokr', 8],
  fourierft: ['fourierft', 8],
  boft: ['boft', 8],
  oft: ['oft', 8],
  c3a: ['c3a', 8],
  hra: ['hra', 8],
  waveft: ['waveft', 8],
  ln_tuning: ['ln_tuning', 8],
}

function readAdapter(adapter: Fields, isThere: boolean, findings: Finding[]): MutablePlanDraft {
  if (!isThere) return { 'adapter.type': byDefault(null, 'no adapter section') }
  const type = orDefault(adapter.string('type'), 'lora', `${ADAPTER}: lora`)
  const [kind, rank] = rowOf(ADAPTERS, type.value) ?? ['other', 8]
  if (kind === 'other') {
    const { path = null, line = null, column = null } = type
    const message = `The adapter \`${type.value}\` is counted as LoRA of its rank, which is more than it trains.`
    findings.push(finding('unsupported-option', { path, line, column, message }))
  }
  const dora = adapter.boolean('use_dora')
  return {
    'adapter.type': mapped(type, () => (kind === 'lora' && dora?.value ? 'dora' : kind === 'other' ? 'lora' : kind)),
    'adapter.rank': orDefault(adapter.integer('r', { min: 1 }), rank, `${ADAPTER}: ${rank}`),
    'adapter.dropout': orDefault(
      adapter.number('dropout', { min: 0, max: 1 }),
      kind === 'lora' ? 0.05 : 0,
      `${ADAPTER}: 0.05 for lora`,
    ),
    'adapter.targetModules':
      adapter.strings('target_modules') ?? byDefault('default', `${ADAPTER}: None, PEFT’s own map`),
    'adapter.dtype': byDefault('float32', 'PEFT 0.21 get_peft_model: autocast_adapter_dtype is True'),
  }
}

/** Without a quantization section everything is float32; with one, what stays unquantised is (prepare_model_for_kbit_training). */
function readPrecision(
  quantization: Fields,
  trainer: Fields,
  isQuantized: boolean,
  findings: Finding[],
): MutablePlanDraft {
  const mixed = trainer.boolean('use_mixed_precision')
  const held: MutablePlanDraft = {
    'precision.weights': byDefault('float32', `${LOADING}: float32 by default`),
    'precision.autocast': orDefault(mixed, false, `${TRAINER}: use_mixed_precision False`),
  }
  if (!isQuantized)
    return {
      ...held,
      'precision.compute': mixed?.value
        ? mapped(mixed, () => 'float16' as const)
        : byDefault('float32', `${LOADING}: float32`),
    }
  for (const [key, meant] of [
    ['compute_dtype', 'bnb_4bit_compute_dtype'],
    ['quantization_type', 'bnb_4bit_quant_type'],
  ] as const) {
    const node = quantization.isSet(key) ? quantization.raw(key) : undefined
    const message = `\`quantization.${key}\` is not a Ludwig key; \`${meant}\` is.`
    if (node)
      findings.push(
        finding('unknown-key', {
          path: node.path,
          line: node.keyLine,
          column: node.keyColumn,
          message,
          severity: 'warning',
        }),
      )
  }
  const bits = orDefault(quantization.integer('bits', { min: 1 }), 4, `${QUANTIZATION}: 4`)
  const double = quantization.boolean('bnb_4bit_use_double_quant')?.value ?? true
  const fourBit = quantization.string('bnb_4bit_quant_type')?.value === 'fp4' ? 'fp4' : double ? 'nf4-double' : 'nf4'
  const compute: Sourced<StorageDtype> =
    quantization.oneOf('bnb_4bit_compute_dtype', ['float32', 'float16', 'bfloat16']) ??
    byDefault('float16', `${QUANTIZATION}: float16`)
  return {
    ...held,
    quantization: mapped(bits, count => (count === 8 ? 'int8' : fourBit)),
    'precision.compute': compute,
    'quantizationDetails.computeDtype': compute,
  }
}

function readBatch(trainer: Fields, findings: Finding[]): MutablePlanDraft {
  const isAuto = trainer.raw('batch_size')?.scalar === 'auto'
  if (isAuto) {
    const node = trainer.raw('batch_size')
    const message = '`batch_size: auto` is searched at run time; judged with 1 sample.'
    findings.push(finding('assumed-default', { path: node?.path ?? null, line: node?.line ?? null, message }))
  }
  const size: Sourced<number> = isAuto
    ? assumed(1, 'batch_size: auto')
    : orDefault(trainer.integer('batch_size', { min: 1 }), 1, `${TRAINER}: 1`)
  const read = (key: string): Sourced<number> | undefined =>
    trainer.raw(key)?.scalar === 'auto' ? undefined : trainer.integer(key, { min: 1 })
  const steps = read('gradient_accumulation_steps')
  const whole = read('effective_batch_size')
  if (whole && !steps)
    return {
      microBatchSize: size,
      globalBatchSize: whole,
      gradientAccumulationSteps: byDefault('auto', `${TRAINER}: effective_batch_size ÷ batch_size ÷ workers`),
    }
  return { microBatchSize: size, gradientAccumulationSteps: orDefault(steps, 1, `${TRAINER}: auto is 1`) }
}

const TEXT_LENGTH = 256

/** Input and output are cut on their own, then joined and cut to the whole (llm_utils.py generate_merged_ids). */
function readLength(root: ConfigNode, findings: Finding[]): Sourced<number> {
  const whole = section(root, 'preprocessing', findings).integer('global_max_sequence_length', { min: 1 })
  const features = ['input_features', 'output_features'].flatMap(key => root.entries.get(key)?.items ?? [])
  const texts = features.filter(item => item.entries.get('type')?.scalar === 'text')
  const sum = texts.reduce((total, item) => total + (lengthOf(item) ?? TEXT_LENGTH), 0) || 2 * TEXT_LENGTH
  if (whole && whole.value < sum) return whole
  return byDefault(
    sum,
    `Ludwig @5d19f3e schema/features/preprocessing/text.py: ${TEXT_LENGTH} tokens a text feature unless max_sequence_length says more`,
  )
}

function lengthOf(feature: ConfigNode): number | undefined {
  const length = nodeAt(feature, 'preprocessing.max_sequence_length')?.scalar
  return typeof length === 'number' && Number.isInteger(length) && length > 0 ? length : undefined
}
