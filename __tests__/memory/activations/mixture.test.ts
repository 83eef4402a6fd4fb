import { describe, expect, test } from '@jest/globals'
import { measureLayer } from '../../../src/memory/activations/block.ts'
import { layerContext } from '../../../src/memory/activations/layer-context.ts'
import { countModel } from '../../../src/models/count-parameters.ts'
import { readArchitecture } from '../../../src/models/read-architecture.ts'
import { SAMPLE_PLAN } from '../sample-run.ts'

const EXPERT_WIDTH = 8192
const CHOSEN = 2

function mixtral(experts: number, transformersMajor: 4 | 5) {
  const config = {
    model_type: 'mixtral',
    hidden_size: 256,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    intermediate_size: EXPERT_WIDTH,
    num_local_experts: experts,
    num_experts_per_tok: CHOSEN,
    vocab_size: 64,
  }
  const { architecture } = readArchitecture(config, { name: 'mixtral', transformersMajor })
  const layer = architecture?.layers[0]?.layer
  if (architecture === null || layer === undefined) throw new Error('mixtral is not read')
  const run = { plan: SAMPLE_PLAN, architecture, counts: countModel(architecture, SAMPLE_PLAN).counts, gpu: null }
  return measureLayer(layer, layerContext(run)(layer))
}

describe('routed experts', () => {
  test.each([4, 16])('%i experts one after the other keep what grouped products keep', experts => {
    expect(mixtral(experts, 4).saved).toBeCloseTo(mixtral(experts, 5).saved, 6)
  })

  test.each([4, 16])('%i experts one after the other have the gradients of one at a time', experts => {
    const gradients = ([4, 5] as const).map(major => {
      const { saved, backwardPeak } = mixtral(experts, major)
      return backwardPeak - saved
    })
    // of act(gate) and of up, 2 bytes each, when the product's tensors are gone
    const grouped = 2 * CHOSEN * EXPERT_WIDTH * 2
    expect(gradients[1]).toBeGreaterThan(0.9 * grouped)
    expect(gradients[0]).toBeLessThan(grouped / experts + 0.1 * grouped)
  })
})
