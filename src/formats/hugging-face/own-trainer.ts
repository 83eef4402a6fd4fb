import type { Finding } from '../../plan/finding.ts'
import { assumed, byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { FreezePlan } from '../../plan/training-plan.ts'
import type { Quantization } from '../../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import { describedKey, type KeyRow, positive, setKey } from '../key-rows.ts'
import { reportUnmodelled } from '../run-per-document.ts'
import { adapterTypeOf, readLoraKeys } from './lora-keys.ts'
import { PEFT_ADAPTER_DTYPE } from './precision.ts'

/**
 * Scripts that people write around the transformers Trainer give LoRA, quantization and freezing names of their own, which
 * neither transformers nor TRL has. Read in QLoRA @7f4e95a qlora.py, FastChat @0e6d3e4 fastchat/train/train_lora.py, LLaVA
 * @c121f04 llava/train/train.py, Qwen @2df8e8a finetune.py, Qwen3-VL @9658872 qwenvl/train, InternVL @2410d1d
 * internvl/train, LMFlow @f3597db lmflow/args.py, Firefly @e22b406, MedicalGPT @2f1008c, Chinese-LLaMA-Alpaca-2 @2a334d1.
 */
const SWITCHES = ['use_peft', 'use_lora', 'lora_enable', 'enable_lora', 'peft_enable', 'only_optimize_lora'] as const
const QUANTIZED_SWITCHES = ['use_qlora', 'q_lora', 'qlora'] as const
/** Ranks of which 0 switches LoRA off. */
const RANK_SWITCHES = ['use_llm_lora', 'use_backbone_lora'] as const
const RANKS = ['lora_r', 'lora_rank', 'lora_dim', ...RANK_SWITCHES] as const
const TARGETS = [
  'lora_target_modules',
  'lora_target_module',
  'lora_modules',
  'lora_trainable',
  'target_modules',
  'trainable',
]
const BITS = ['bits', 'quant_bit', 'quantization_bit', 'load_in_kbits'] as const
const MODES = ['train_mode', 'training_mode'] as const

const OWN_KEYS = [
  ...SWITCHES.slice(1),
  ...QUANTIZED_SWITCHES,
  ...RANKS.slice(1),
  ...BITS,
  ...MODES,
  ...['lora_modules', 'lora_target_module', 'lora_trainable', 'tune_mm_llm', 'tune_mm_mlp_adapter', 'vision_tower'],
]

/** Lengths of question and answer: one sequence of a decoder, two of an encoder-decoder. */
const HALVES = [
  ['source_max_len', 'target_max_len'],
  ['max_source_length', 'max_target_length'],
] as const
const ENCODER_DECODERS = /t5|bart|pegasus|marian|led|prophetnet|m2m_100/

const SOURCE =
  'the trainers of QLoRA, FastChat, LLaVA, Qwen, InternVL, LMFlow, Firefly, MedicalGPT, Chinese-LLaMA-Alpaca'

/** What those keys set, for docs/formats.md. */
export const OWN_TRAINER_ROWS: readonly KeyRow[] = [
  describedKey([...SWITCHES, ...MODES].join(', '), 'adapter.type', 'a rank, fewer bits, or none', SOURCE),
  describedKey(RANKS.join(', '), 'adapter.rank', 'assumed: 16', SOURCE),
  describedKey(TARGETS.join(', '), 'adapter.targetModules', 'assumed: every Linear', SOURCE),
  describedKey(
    [...BITS, ...QUANTIZED_SWITCHES, 'load_in_4bit', 'load_in_8bit', 'quant_type', 'double_quant'].join(', '),
    'quantization',
    'none; nf4 with double quantization',
    SOURCE,
  ),
  describedKey(
    HALVES.flat().join(', '),
    'sequenceLength: the sum, of an encoder-decoder the first',
    'assumed: 2048',
    SOURCE,
  ),
]

/** Switches of parts of a vision model: true where the part is frozen. */
const FREEZING: readonly (readonly [key: string, part: string, frozen: boolean])[] = [
  ['freeze_llm', 'language_model', true],
  ['freeze_language_model', 'language_model', true],
  ['freeze_vision_tower', 'vision_tower', true],
  ['freeze_vision_modules', 'vision_tower', true],
  ['freeze_vit', 'vision_tower', true],
  ['freeze_backbone', 'vision_tower', true],
  ['freeze_merger', 'projector', true],
  ['freeze_mlp', 'projector', true],
  ['tune_mm_llm', 'language_model', false],
  ['tune_mm_vision', 'vision_tower', false],
  ['tune_vision_tower', 'vision_tower', false],
  ['tune_mm_mlp', 'projector', false],
]

const UNMODELLED = {
  vision_tower: 'a vision tower beside the model and the tokens of its images',
  tune_mm_mlp_adapter: 'only a projector trains and the model is frozen',
} as const

/** The arguments are those of somebody’s own trainer. */
export function isOwnTrainer(root: ConfigNode): boolean {
  return hasAnyKey(root, ...OWN_KEYS)
}

export function readOwnLength(fields: Fields): MutablePlanDraft {
  const halves = HALVES.find(keys => keys.every(key => fields.isSet(key)))
  const [source, target] = (halves ?? []).map(key => positive(fields, key))
  if (!source || !target) return {}
  return {
    sequenceLength: ({ modelType }) =>
      ENCODER_DECODERS.test(modelType ?? '')
        ? source
        : { ...target, value: source.value + target.value, note: `${source.key} + ${target.key}` },
  }
}

/** Parts that {@link OWN_TRAINER_ROWS} does not set and no estimate counts. */
export function reportOwnTrainer(fields: Fields, findings: Finding[]): void {
  reportUnmodelled(fields, UNMODELLED, findings)
}

/** LoRA by a switch of whatever name; without one where a rank, fewer bits or the words of the path say so. */
export function readOwnAdapter(fields: Fields, path: string): MutablePlanDraft {
  const on = adapterSwitch(fields, path)
  if (on === null) return { 'adapter.type': byDefault(null, 'no key of an adapter') }
  if (!on.value) return { 'adapter.type': { ...on, value: null } }
  return {
    'adapter.type': { ...on, value: adapterTypeOf(fields, ['use_dora']) },
    'adapter.targetRule': byDefault('peft', 'LoraConfig of PEFT'),
    'adapter.dtype': PEFT_ADAPTER_DTYPE,
    ...readLoraKeys(
      fields,
      {
        rank: RANKS,
        targets: TARGETS,
        parameters: [],
        modulesToSave: ['lora_modules_to_save', 'modules_to_save'],
        dropout: ['lora_dropout'],
        dora: ['use_dora'],
      },
      {
        rank: assumed(16, 'the script’s own default is not known; 16 is taken'),
        targets: assumed('all-linear', 'the script’s own default is not known; every Linear is taken'),
        dropout: assumed(0.05, 'the script’s own default is not known; 0.05 is taken'),
        allWords: ['all', 'all-linear'],
      },
    ),
  }
}

function adapterSwitch(fields: Fields, path: string): Sourced<boolean> | null {
  const mode = setKey(fields, MODES)
  const word = mode ? fields.string(mode) : undefined
  if (word && /^(?:full|q?lora)$/i.test(word.value)) return { ...word, value: !/full/i.test(word.value) }
  for (const key of [...SWITCHES, ...QUANTIZED_SWITCHES].filter(name => fields.isSet(name))) {
    const set = fields.boolean(key)
    // one that only chooses 4 bits says nothing where it is off
    if (set && (set.value || (SWITCHES as readonly string[]).includes(key))) return set
  }
  const rankSwitch = setKey(fields, RANK_SWITCHES)
  const rank = rankSwitch ? fields.integer(rankSwitch) : undefined
  if (rank) return { ...rank, value: rank.value > 0 }
  const bits = bitsOf(fields)
  if (bits && bits.value < 16) return { ...bits, value: true, note: 'quantized weights train by adapters' }
  const program = /[^/]+\.py(?= )/.exec(path)?.[0]
  if (program && wordsOf(program).some(isLoraWord))
    return { value: true, from: 'assumed', note: `the name of ${program} says so` }
  const named = setKey(fields, ['lora_rank', 'lora_r'])
  if (named && (named === 'lora_rank' || wordsOf(path).some(isLoraWord)))
    return { ...fields.sourced(named, true), from: 'assumed', note: `\`${named}\` is set, so LoRA trains` }
  return null
}

/** Bits of the base by number or switch; double quantization unless it is switched off. */
export function readOwnQuantization(fields: Fields, path: string): Sourced<Quantization> {
  const bits = bitsOf(fields)
  if (bits) return { ...bits, value: schemeOf(bits.value, fields) }
  const key = [...QUANTIZED_SWITCHES, 'load_in_4bit'].find(name => fields.isSet(name) && fields.boolean(name)?.value)
  const four = key === undefined ? fourBitsByName(fields, path) : fields.sourced(key, true)
  if (four) return { ...four, value: schemeOf(4, fields) }
  const eight = fields.isSet('load_in_8bit') ? fields.boolean('load_in_8bit') : undefined
  return eight?.value ? { ...eight, value: 'int8' } : byDefault('none', 'no key of quantization')
}

/** 4 bits where nothing but a name says so: the mode, or a folder or program called qlora. */
function fourBitsByName(fields: Fields, path: string): Sourced<true> | undefined {
  const mode = setKey(fields, MODES)
  if (mode) return /^qlora$/i.test(fields.string(mode)?.value ?? '') ? fields.sourced(mode, true) : undefined
  if (adapterSwitch(fields, path)?.value !== true || !wordsOf(path).includes('qlora')) return undefined
  return { value: true, from: 'assumed', note: 'the path names QLoRA' }
}

function bitsOf(fields: Fields): Sourced<number> | undefined {
  const key = setKey(fields, BITS)
  return key ? fields.integer(key, { min: 2, max: 32 }) : undefined
}

function schemeOf(bits: number, fields: Fields): Quantization {
  if (bits >= 16) return 'none'
  if (bits > 4) return 'int8'
  const nested = fields.isSet('double_quant') ? fields.boolean('double_quant')?.value : true
  const type = fields.isSet('quant_type') ? fields.string('quant_type')?.value : 'nf4'
  return type === 'fp4' ? 'fp4' : nested === false ? 'nf4' : 'nf4-double'
}

/** Parts of a vision model that do not train in full fine-tuning. */
export function readOwnFreezing(fields: Fields): MutablePlanDraft {
  const parts: string[] = []
  let source: Sourced<boolean> | undefined
  for (const [key, part, frozen] of FREEZING) {
    const set = fields.isSet(key) ? fields.boolean(key) : undefined
    if (set?.value !== frozen || parts.includes(part)) continue
    parts.push(part)
    source ??= set
  }
  if (!source) return {}
  const found = source
  return {
    freeze: ({ hasVision }) => {
      const value: FreezePlan = hasVision ? { kind: 'patterns', patterns: parts } : { kind: 'none' }
      return { ...found, value }
    },
  }
}

function wordsOf(path: string): readonly string[] {
  return path.toLowerCase().split(/[^a-z]+/)
}

function isLoraWord(word: string): boolean {
  return word === 'lora' || word === 'qlora' || word === 'peft'
}
