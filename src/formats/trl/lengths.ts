import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import { byDefault, type DraftValue, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Loss, Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { readLiger } from '../hugging-face/transformers-arguments.ts'
import { uncutLength } from '../hugging-face/uncut-length.ts'
import { positive, positiveOrNone } from '../key-rows.ts'

import { SFT } from './keys.ts'

const LENGTH_KEYS = ['max_length', 'max_seq_length', 'max_seq_len']

/** The loss by stage, version and Liger. */
export function readLossAndKernels(fields: Fields, stage: Sourced<Stage>, libraries: Libraries): MutablePlanDraft {
  const liger = readLiger(fields, ['use_liger_kernel', 'use_liger', 'use_liger_loss'])
  if (liger.loss) return liger
  if (stage.value !== 'sft' && stage.value !== 'pretrain')
    return { loss: byDefault('full_logits', 'trl: log-probabilities from the full logits') }
  const named = fields.isSet('loss_type') ? fields.string('loss_type') : undefined
  if (named) return { loss: { ...named, value: named.value === 'chunked_nll' ? 'chunked' : 'full_logits' } }
  const loss: Sourced<Loss> = versionDefault('trl.sft_loss', libraries)
  return { loss }
}

/** Sequence length and padding rule of the stage. */
export function readLengths(fields: Fields, stage: Sourced<Stage>, libraries: Libraries): MutablePlanDraft {
  if (stage.value === 'grpo') {
    const { prompt, completion } = generationLengths(fields, libraries)
    const note = `prompt ${prompt.value} + completion ${completion.value} tokens`
    return {
      sequenceLength: { ...completion, value: prompt.value + completion.value, note },
      variableLength: byDefault(true, 'trl: padded to the longest completion'),
      'dataset.padding': byDefault('longest', 'trl: padded to the longest completion'),
    }
  }
  const key = LENGTH_KEYS.find(name => fields.isSet(name))
  const own = key ? positiveOrNone(fields, key) : undefined
  const length = own?.value ? { ...own, value: own.value } : lengthDefault(fields, stage, libraries)
  const packing = (fields.isSet('packing') ? fields.boolean('packing') : undefined) ?? byDefault(false, `${SFT}: False`)
  const flattened = packing.value || (fields.isSet('padding_free') && fields.boolean('padding_free')?.value === true)
  const joins = versionDefault('trl.packing_flattens', libraries)
  const note = !flattened
    ? 'trl: padded to the longest of the batch'
    : packing.value && !joins.value
      ? `rows are cut from one stream; ${joins.note}`
      : 'trl: one flattened row without padding'
  return {
    sequenceLength: length,
    packing,
    variableLength: byDefault(!packing.value, note),
    'dataset.padding': byDefault(flattened ? 'none' : 'longest', note),
  }
}

function lengthDefault(fields: Fields, stage: Sourced<Stage>, libraries: Libraries): DraftValue<number> {
  if (fields.has('max_length') && fields.raw('max_length')?.scalar === null) return uncutLength('trl: max_length null')
  return ['dpo', 'kto', 'orpo', 'simpo', 'reward'].includes(stage.value)
    ? versionDefault('trl.preference_max_length', libraries)
    : byDefault(1024, `${SFT}: 1024`)
}

/** Prompt and completion length of the online trainers. */
export function generationLengths(
  fields: Fields,
  libraries: Libraries,
): { readonly prompt: Sourced<number>; readonly completion: Sourced<number> } {
  const prompt = fields.isSet('max_prompt_length') ? positive(fields, 'max_prompt_length') : undefined
  const completion = fields.isSet('max_completion_length') ? positive(fields, 'max_completion_length') : undefined
  const cuts = versionDefault('trl.cuts_prompts', libraries)
  return {
    prompt:
      prompt ??
      (cuts.value
        ? { ...cuts, value: 512 }
        : { value: 512, from: 'assumed', note: 'prompts are not truncated since trl 0.26; 512 tokens are taken' }),
    completion: completion ?? versionDefault('trl.grpo_completion_length', libraries),
  }
}
