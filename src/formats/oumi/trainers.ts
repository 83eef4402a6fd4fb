import { byDefault } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import { rowOf } from '../../plan/row-of.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'

export const TRAINING = 'Oumi @d8ed077 src/oumi/core/configs/params/training_params.py'

/** Whose loop runs: transformers' Trainer, one of TRL's, Oumi's own, or verl's. */
export type Loop = 'transformers' | 'trl' | 'oumi' | 'verl'

interface Trainer {
  readonly loop: Loop
  /** null: distillation, whose teacher lies on the GPU beside the model. */
  readonly stage: Stage | null
  /** `model.model_max_length` is handed on as `max_length` (training_config.py __post_init__). */
  readonly cutsByModelLength: boolean
}

/** `TrainerType` (training_params.py, builders/training.py). */
const TRAINERS: Readonly<Record<string, Trainer>> = {
  hf: { loop: 'transformers', stage: 'sft', cutsByModelLength: false },
  oumi: { loop: 'oumi', stage: 'sft', cutsByModelLength: false },
  trl_sft: { loop: 'trl', stage: 'sft', cutsByModelLength: true },
  trl_dpo: { loop: 'trl', stage: 'dpo', cutsByModelLength: true },
  trl_kto: { loop: 'trl', stage: 'kto', cutsByModelLength: false },
  trl_grpo: { loop: 'trl', stage: 'grpo', cutsByModelLength: false },
  trl_gkd: { loop: 'trl', stage: null, cutsByModelLength: true },
  trl_gold: { loop: 'trl', stage: null, cutsByModelLength: true },
  verl_grpo: { loop: 'verl', stage: 'grpo', cutsByModelLength: false },
}

/** `training.trainer_type` by name or value; undefined: a word that is none. */
export function readTrainer(training: Fields): Sourced<Trainer> | undefined {
  const named = training.string('trainer_type') ?? byDefault('hf', `${TRAINING}: TrainerType.HF`)
  const trainer = rowOf(TRAINERS, named.value.toLowerCase())
  return trainer ? { ...named, value: trainer } : training.invalid('trainer_type', `one of ${TRAINER_WORDS}`)
}

const TRAINER_WORDS = Object.keys(TRAINERS).join(', ')

export function isTrainerWord(word: unknown): boolean {
  return typeof word === 'string' && Object.hasOwn(TRAINERS, word.toLowerCase())
}
