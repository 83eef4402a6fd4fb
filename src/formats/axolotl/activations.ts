import { byDefault, type MutablePlanDraft, type PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { AttentionKernel } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { readAttention, readCheckpointingOptions } from '../hugging-face/transformers-arguments.ts'
import { MODEL_SCHEMA } from './schema-files.ts'

/** Checkpointing variant, offloading and attention kernel. */
export function readActivations(fields: Fields, adapter: PlanDraft, base: PlanDraft): MutablePlanDraft {
  const special = fields.isSet('rl') || fields.isSet('unfrozen_parameters')
  const source = 'axolotl 0.18 utils/config/__init__.py'
  const reentrant = special
    ? byDefault(false, `${source}: use_reentrant False with rl or unfrozen_parameters`)
    : byDefault(true, `${source}: use_reentrant True`)
  const draft: MutablePlanDraft = readCheckpointingOptions(fields, reentrant)
  const old = fields.raw('gradient_checkpointing')?.scalar
  const scalar = fields.raw('activation_offloading')?.scalar
  const key = old === 'offload' || old === 'offload_disk' ? 'gradient_checkpointing' : 'activation_offloading'
  const offloads = key === 'gradient_checkpointing' || (scalar !== undefined && scalar !== null && scalar !== false)
  if (offloads) {
    draft.activationOffload = fields.sourced(key, true)
    const type = adapter['adapter.type']
    const replaces = typeof type !== 'function' && type?.value !== null && scalar !== 'hidden_states'
    if (replaces && base.gradientCheckpointing)
      draft.gradientCheckpointing = fields.sourced(
        key,
        'none' as const,
        'offloading replaces recomputation for adapters',
      )
  }
  return { ...draft, attention: readAttentionKernel(fields) }
}

const ATTENTION_SWITCHES = {
  flash_attention: 'flash',
  sdp_attention: 'sdpa',
  xformers_attention: 'flash',
  flex_attention: 'flex',
  sage_attention: 'flash',
  eager_attention: 'eager',
} as const

function readAttentionKernel(fields: Fields): Sourced<AttentionKernel> {
  const own = fields.isSet('attn_implementation') ? readAttention(fields, 'attn_implementation') : undefined
  if (own) return own
  for (const [key, value] of Object.entries(ATTENTION_SWITCHES)) {
    const on = fields.isSet(key) ? fields.boolean(key) : undefined
    if (on?.value) return { ...on, value }
  }
  return byDefault('sdpa', `${MODEL_SCHEMA}: the model’s default, sdpa`)
}

/** Plugins and switches that replace the full-logits loss. */
export function readLoss(fields: Fields): MutablePlanDraft {
  const plugins = fields.isSet('plugins') ? (fields.strings('plugins')?.value ?? []) : []
  const isOn = (key: string): Sourced<boolean> | undefined => {
    const read = fields.isSet(key) ? fields.boolean(key) : undefined
    return read?.value ? read : undefined
  }
  const listed = plugins.some(name => name.includes('CutCrossEntropy'))
  const cut = fields.isSet('cut_cross_entropy') ? fields.boolean('cut_cross_entropy') : undefined
  const liger = isOn('liger_fused_linear_cross_entropy')
  const chunked = isOn('chunked_cross_entropy')
  const kernels = ['liger_glu_activation', 'liger_rms_norm', 'liger_rope', 'liger_layer_norm', 'liger_cross_entropy']
  const fused = kernels.map(isOn).find(value => value !== undefined) ?? liger
  const draft: MutablePlanDraft = {}
  if (listed && cut?.value !== false)
    draft.loss = {
      ...(cut ?? fields.sourced('plugins', true)),
      value: 'cut_cross_entropy',
      note: 'on once the plugin is listed',
    }
  else if (cut?.value) draft.loss = { ...cut, value: 'cut_cross_entropy' }
  else if (liger) draft.loss = { ...liger, value: 'fused_linear' }
  else if (chunked) draft.loss = { ...chunked, value: 'chunked' }
  else draft.loss = byDefault('full_logits', 'transformers ForCausalLMLoss')
  if (fused) draft.fusedKernels = { ...fused, value: 'liger' }
  return draft
}

/** Padding rule: whether batch shapes change from step to step. */
export function readSequence(fields: Fields, base: PlanDraft): MutablePlanDraft {
  const packing = base.packing
  const packs = typeof packing !== 'function' && packing?.value === true
  const pad = fields.isSet('pad_to_sequence_len') ? fields.boolean('pad_to_sequence_len') : undefined
  if (pad?.value === true || (packs && !pad)) {
    const source: Sourced<boolean> =
      pad ?? byDefault(true, 'axolotl 0.18: pad_to_sequence_len is True with sample_packing')
    return {
      variableLength: { ...source, value: false },
      'dataset.padding': { ...source, value: packs ? 'none' : 'fixed' },
      ...(packs ? { 'dataset.dropLast': byDefault(true, 'axolotl multipack sampler: drop_last') } : {}),
    }
  }
  const note = 'axolotl 0.18: padded to the longest of the batch, rounded up to 64'
  return {
    variableLength: byDefault(true, note),
    'dataset.padding': byDefault(packs ? 'none' : 'longest', note),
  }
}
