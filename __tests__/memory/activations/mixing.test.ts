import { describe, expect, test } from '@jest/globals'
import { measureLayer } from '../../../src/memory/activations/block.ts'
import { layerContext } from '../../../src/memory/activations/layer-context.ts'
import type { LayerRun } from '../../../src/models/architecture.ts'
import { countModel } from '../../../src/models/count-parameters.ts'
import { readArchitecture } from '../../../src/models/read-architecture.ts'
import type { AdapterPlan } from '../../../src/plan/training-plan.ts'
import { SAMPLE_PLAN } from '../sample-run.ts'

const SIZES = {
  hidden_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 96,
  vocab_size: 160,
}
const MAMBA = { mamba_n_heads: 8, mamba_d_head: 16, mamba_n_groups: 2, mamba_d_state: 8 }
const LORA: AdapterPlan = {
  type: 'lora',
  rank: 8,
  targetModules: ['in_proj'],
  excludeModules: [],
  targetParameters: [],
  layersToTransform: null,
  rankPattern: {},
  modulesToSave: [],
  dtype: 'bfloat16',
  dropout: 0,
  bias: 'none',
  virtualTokens: 20,
  kernels: [],
  targetRule: 'peft',
}

function measure(config: object, adapter: AdapterPlan | null = null) {
  const { architecture } = readArchitecture(config, { name: 'model' })
  if (!architecture) throw new Error('not read')
  const plan = { ...SAMPLE_PLAN, adapter }
  const run = { plan, architecture, counts: countModel(architecture, plan).counts, gpu: null }
  const of = ({ layer }: LayerRun): number => measureLayer(layer, layerContext(run)(layer)).saved
  return architecture.layers.map(entry => ({ kind: entry.layer.attention.kind, saved: of(entry) }))
}

describe('layers that are not attention and a feed-forward', () => {
  test('a mixer beside attention keeps what both keep', () => {
    const beside = { ...SIZES, ...MAMBA, model_type: 'falcon_h1', num_hidden_layers: 2, mamba_d_ssm: 128 }
    const [both] = measure(beside)
    const [mixer, attention] = measure({
      ...SIZES,
      ...MAMBA,
      model_type: 'bamba',
      num_hidden_layers: 2,
      attn_layer_indices: [1],
    })
    expect(both?.saved).toBeGreaterThan(Math.max(mixer?.saved ?? 0, attention?.saved ?? 0))
    expect(both?.saved).toBeLessThan((mixer?.saved ?? 0) + (attention?.saved ?? 0))
  })

  test('a feed-forward alone keeps less than one behind attention', () => {
    const nemotron = {
      ...SIZES,
      model_type: 'nemotron_h',
      layers_block_type: ['mlp', 'attention', 'mamba'],
      mamba_num_heads: 8,
      mamba_head_dim: 16,
      n_groups: 2,
      ssm_state_size: 8,
    }
    const kinds = measure(nemotron)
    expect(kinds.map(({ kind }) => kind)).toEqual(['none', 'mha', 'mamba2'])
    const [alone = 0] = kinds.map(({ saved }) => saved)
    const [block] = measure({ ...SIZES, model_type: 'arcee', num_hidden_layers: 1 })
    expect(alone).toBeGreaterThan(0)
    expect(alone).toBeLessThan(block?.saved ?? 0)
  })

  test('an adapter on the mixer keeps its input', () => {
    const bamba = { ...SIZES, ...MAMBA, model_type: 'bamba', num_hidden_layers: 2, attn_layer_indices: [1] }
    const [onMixer, onAttention] = measure(bamba, LORA)
    const [plain, plainAttention] = measure(bamba, { ...LORA, targetModules: ['embed_tokens'] })
    expect(onMixer?.saved).toBeGreaterThan(plain?.saved ?? Number.POSITIVE_INFINITY)
    expect(onAttention?.saved).toBe(plainAttention?.saved)
  })

  test('a decoder that reads an encoder keeps a second attention', () => {
    const [encoder, decoder] = measure({
      model_type: 't5',
      d_model: 64,
      d_kv: 16,
      d_ff: 96,
      num_layers: 2,
      num_heads: 4,
      vocab_size: 160,
    })
    expect(decoder?.saved).toBeGreaterThan(encoder?.saved ?? Number.POSITIVE_INFINITY)
  })
})
