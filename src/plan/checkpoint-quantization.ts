import type { Provenance, Sourced } from './provenance.ts'
import type { Quantization } from './vocabulary.ts'

/**
 * Schemes of published weights that transformers trains over as they are, and those whose quantizer says
 * `is_trainable = False`: such weights are de-quantised before training (transformers 5.18 quantizers/quantizer_*.py).
 */
const TRAINS_QUANTIZED: Readonly<Record<Exclude<Quantization, 'none'>, boolean>> = {
  nf4: true,
  'nf4-double': true,
  fp4: true,
  int8: true,
  'gptq-int4': true,
  'gptq-int8': true,
  'awq-int4': true,
  'hqq-int4': true,
  fp8: false,
  mxfp4: false,
}

const BITSANDBYTES_4BIT: ReadonlySet<Quantization> = new Set(['nf4', 'nf4-double', 'fp4'])

interface PublishedWeights {
  /** What the reader says; `none` unless the config quantises on loading. */
  readonly asked: Sourced<Quantization>
  /** Scheme in the model's own config.json; null: no model known. */
  readonly published: Quantization | null
  readonly trainsAdapter: boolean
  /** Where the model is named. */
  readonly model: Provenance | undefined
}

/** The scheme that the frozen weights have on the GPU, and what is wrong with training them. */
export interface SettledQuantization {
  readonly quantization: Sourced<Quantization>
  /** Set when the trainer would refuse the run. */
  readonly refusal: string | null
}

/**
 * Weights that were published quantised stay so although no key of the config says it (`quantization_config` of the
 * model’s config.json); with a 4-bit scheme on both sides the published one counts (quantizers/auto.py
 * merge_quantization_configs). An explicit value of the native format is kept.
 */
export function settleQuantization({ asked, published, trainsAdapter, model }: PublishedWeights): SettledQuantization {
  if (published === null || published === 'none' || asked.value === published)
    return { quantization: asked, refusal: null }
  const both = BITSANDBYTES_4BIT.has(asked.value) && BITSANDBYTES_4BIT.has(published)
  if (!both && (asked.value !== 'none' || asked.from === 'file')) return { quantization: asked, refusal: null }
  const place = { ...model, from: 'model' as const }
  if (!TRAINS_QUANTIZED[published]) {
    const note = `published in ${published}, which cannot be trained; counted as de-quantised on loading`
    return { quantization: { ...place, value: 'none', note }, refusal: null }
  }
  if (!trainsAdapter)
    return {
      quantization: { ...place, value: 'none', note: `published in ${published}; counted as if it were not` },
      refusal: `The weights are published in ${published}; transformers refuses to train them without an adapter.`,
    }
  const note = `the weights are published in ${published} (quantization_config of the model)`
  return { quantization: { ...place, value: published, note }, refusal: null }
}
