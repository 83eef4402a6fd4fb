import { describe, expect, test } from '@jest/globals'
import { activationItems } from '../../../src/memory/activations/activation-items.ts'
import { countModel } from '../../../src/models/count-parameters.ts'
import { readArchitecture } from '../../../src/models/read-architecture.ts'
import type { TrainingPlan } from '../../../src/plan/training-plan.ts'
import { workOf } from '../../../src/time/work.ts'
import { SAMPLE_PLAN } from '../sample-run.ts'

/** A speech model: 60 frames a clip in three encoder layers, the text in two decoder layers. */
const { architecture } = readArchitecture(
  {
    model_type: 'whisper',
    d_model: 64,
    encoder_layers: 3,
    decoder_layers: 2,
    encoder_attention_heads: 4,
    decoder_attention_heads: 4,
    encoder_ffn_dim: 256,
    decoder_ffn_dim: 256,
    vocab_size: 160,
    num_mel_bins: 20,
    max_source_positions: 60,
    max_target_positions: 40,
  },
  { name: 'tiny speech model' },
)
if (!architecture) throw new Error('not read')

const PLAN: TrainingPlan = {
  ...SAMPLE_PLAN,
  attention: 'sdpa',
  gradientCheckpointing: 'none',
  precision: { ...SAMPLE_PLAN.precision, weights: 'float32', compute: 'float32', gradients: 'float32' },
}

function kept(sequenceLength: number, microBatchSize = 1): number {
  if (!architecture) throw new Error('not read')
  const plan = { ...PLAN, sequenceLength, microBatchSize }
  const run = { plan, architecture, counts: countModel(architecture, plan).counts, gpu: null }
  return activationItems(run, { tokens: sequenceLength * microBatchSize, stage: 'only' }).kept.bytes
}

describe('a stack whose length the text does not decide', () => {
  /**
   * torch 2.13, transformers 5.18: an encoder layer keeps per frame two norm inputs and their statistics, the normed input of
   * q, k and v, these three, the attention's output and log-sum-exp, the normed input of fc1, and fc1 before and after gelu.
   */
  const perFrame = 4 * (7 * 64 + 64 + 2 * 256) + 2 * 8 + 4 * 4
  test('its bytes follow the clips', () => {
    const decoder = kept(40) - kept(20)
    expect(kept(20) - decoder).toBeGreaterThan(3 * 60 * perFrame)
    expect(kept(20, 3)).toBe(3 * kept(20))
  })

  test('what autograd keeps of the layers of one clip and 20 tokens', () => {
    // 1,219,364 bytes in all (torch.autograd.graph.saved_tensors_hooks), of them 117 KB convolutions, logits and final norms
    expect(kept(20) / (1_219_364 - 117_000)).toBeGreaterThan(0.9)
    expect(kept(20) / (1_219_364 - 117_000)).toBeLessThan(1.05)
  })

  test('its work is spread over the tokens of the text', () => {
    const layer = 4 * 64 * 64 + 3 * 64 + 2 * 64 * 256 + 256 + 64
    const cross = 4 * 64 * 64 + 3 * 64
    expect(workOf(architecture, 20).denseParameters).toBe(3 * 3 * layer + 2 * (layer + cross))
    expect(workOf(architecture, 60).denseParameters).toBe(3 * layer + 2 * (layer + cross))
  })
})
