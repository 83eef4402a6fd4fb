import { describe, expect, test } from '@jest/globals'
import { measureLayer } from '../../../src/memory/activations/block.ts'
import { layerContext } from '../../../src/memory/activations/layer-context.ts'
import type { Layer } from '../../../src/models/architecture.ts'
import { countModel } from '../../../src/models/count-parameters.ts'
import { readArchitecture } from '../../../src/models/read-architecture.ts'
import type { AdapterPlan, TrainingPlan } from '../../../src/plan/training-plan.ts'
import fixtures from '../fixtures/saved-tensors-blocks.json' with { type: 'json' }
import { SAMPLE_PLAN } from '../sample-run.ts'

interface Row {
  readonly kind: string
  readonly attention: string
  readonly dtype: string
  readonly autocast?: boolean
  readonly lora?: readonly string[]
  readonly h: number
  readonly heads: number
  readonly kv: number
  readonly d: number
  readonly f: number
  readonly b: number
  readonly s: number
  readonly bytes_per_token_layer: number
}

const rows: readonly Row[] = fixtures.rows

function config(row: Row): Record<string, unknown> {
  const grouped = { num_key_value_heads: row.kv, head_dim: row.d }
  const common = {
    model_type: row.kind,
    hidden_size: row.h,
    num_hidden_layers: 2,
    num_attention_heads: row.heads,
    intermediate_size: row.f,
    vocab_size: 64,
    max_position_embeddings: 512,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    attention_dropout: 0,
    resid_pdrop: 0,
    embd_pdrop: 0,
    attn_pdrop: 0,
    hidden_dropout: 0,
  }
  if (row.kind === 'gpt2')
    return { ...common, n_embd: row.h, n_layer: 2, n_head: row.heads, n_inner: row.f, n_positions: 512 }
  if (['bert', 'gpt_neox', 'phi'].includes(row.kind)) return common
  if (row.kind === 'mixtral') return { ...common, ...grouped, num_local_experts: 4, num_experts_per_tok: 2 }
  if (row.kind === 'qwen3_moe')
    return {
      ...common,
      ...grouped,
      num_experts: 8,
      num_experts_per_tok: 2,
      moe_intermediate_size: 96,
      decoder_sparse_step: 1,
    }
  return { ...common, ...grouped }
}

function planOf(row: Row): TrainingPlan {
  const storage = row.dtype === 'float32' ? 'float32' : 'bfloat16'
  const adapter: AdapterPlan | null =
    row.lora === undefined
      ? null
      : {
          type: 'lora',
          rank: 8,
          targetModules: row.lora,
          excludeModules: [],
          targetParameters: [],
          layersToTransform: null,
          rankPattern: {},
          modulesToSave: [],
          dtype: 'bfloat16',
          dropout: 0,
          bias: 'none',
          virtualTokens: 0,
          targetRule: 'peft',
        }
  return {
    ...SAMPLE_PLAN,
    adapter,
    precision: {
      ...SAMPLE_PLAN.precision,
      weights: storage,
      compute: row.autocast === true ? 'bfloat16' : storage,
      autocast: row.autocast ?? false,
    },
    microBatchSize: row.b,
    sequenceLength: row.s,
    attention: row.attention === 'eager' ? 'eager' : 'sdpa',
  }
}

function saved(row: Row): number {
  const { architecture } = readArchitecture(config(row), { name: row.kind, transformersMajor: 5 })
  const layer = architecture?.layers[0]?.layer
  if (architecture === null || layer === undefined) throw new Error(`${row.kind} is not read`)
  const plan = planOf(row)
  const run = { plan, architecture, counts: countModel(architecture, plan).counts, gpu: null }
  const perToken = constantBytes(layer, row) / (row.b * row.s)
  return measureLayer(layer, layerContext(run)(layer)).saved + perToken
}

/** Saved tensors that do not grow with tokens: autocast's weight copies, Gemma's (1 + weight), offsets of grouped experts. */
function constantBytes(layer: Layer, row: Row): number {
  const sum = (kind: string) =>
    layer.tensors.filter(tensor => tensor.kind === kind).reduce((total, tensor) => total + tensor.parameters, 0)
  const copies = row.autocast === true ? 2 * sum('linear') : 0
  const shifted = layer.norms.float32Weight ? 4 * sum('norm') : 0
  return copies + shifted + 4 * (layer.moe?.experts ?? 0)
}

describe('block families keep what PyTorch keeps', () => {
  test.each(
    rows.map(
      row =>
        [`${row.kind} ${row.attention} ${row.dtype} ${row.autocast ?? ''} ${row.lora ?? ''} h=${row.h}`, row] as const,
    ),
  )('%s', (_name, row) => {
    const routingLists = row.kind === 'qwen3_moe' ? 4 : 1e-6
    expect(Math.abs(saved(row) - row.bytes_per_token_layer)).toBeLessThanOrEqual(routingLists)
  })
})
