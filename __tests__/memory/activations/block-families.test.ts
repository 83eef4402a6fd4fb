import { describe, expect, test } from '@jest/globals'
import { measureLayer } from '../../../src/memory/activations/block.ts'
import { layerContext } from '../../../src/memory/activations/layer-context.ts'
import type { Layer } from '../../../src/models/architecture.ts'
import { countModel } from '../../../src/models/count-parameters.ts'
import { readArchitecture } from '../../../src/models/read-architecture.ts'
import type { AdapterPlan, TrainingPlan } from '../../../src/plan/training-plan.ts'
import { ADAPTER_KERNELS } from '../../../src/plan/vocabulary.ts'
import fixtures from '../fixtures/saved-tensors-blocks.json' with { type: 'json' }
import { SAMPLE_PLAN } from '../sample-run.ts'

interface Row {
  readonly kind: string
  readonly attention: string
  readonly dtype: string
  readonly autocast?: boolean
  readonly lora?: readonly string[]
  readonly adapter_fp32?: boolean
  readonly lora_dropout?: number
  readonly dropout?: number
  readonly mask?: boolean
  readonly kbit?: boolean
  readonly kernels?: boolean
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
  if (row.kind === 'bert')
    return {
      ...Object.fromEntries(Object.entries(common).filter(([key]) => !/drop/.test(key))),
      hidden_dropout_prob: row.dropout ?? 0,
      attention_probs_dropout_prob: row.dropout ?? 0,
    }
  if (['gpt_neox', 'phi'].includes(row.kind)) return common
  if (row.kind.startsWith('deepseek'))
    return {
      ...common,
      q_lora_rank: 48,
      kv_lora_rank: 32,
      qk_rope_head_dim: 16,
      qk_nope_head_dim: 32,
      v_head_dim: 32,
      first_k_dense_replace: 2,
      n_routed_experts: 4,
      num_experts_per_tok: 2,
      n_group: 1,
      topk_group: 1,
      num_key_value_heads: row.heads,
    }
  if (row.kind === 'qwen2_moe')
    return {
      ...common,
      num_key_value_heads: row.kv,
      num_experts: 8,
      num_experts_per_tok: 2,
      moe_intermediate_size: 96,
      shared_expert_intermediate_size: 160,
      decoder_sparse_step: 1,
    }
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
  const storage = row.dtype === 'float32' || row.kbit === true ? 'float32' : 'bfloat16'
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
          dtype: row.adapter_fp32 === true ? 'float32' : 'bfloat16',
          dropout: row.lora_dropout ?? 0,
          bias: 'none',
          virtualTokens: 0,
          kernels: row.kernels === true ? ADAPTER_KERNELS : [],
          targetRule: 'peft',
        }
  return {
    ...SAMPLE_PLAN,
    adapter,
    quantization: row.kbit === true ? 'nf4' : 'none',
    precision: {
      ...SAMPLE_PLAN.precision,
      weights: storage,
      compute: row.autocast === true ? 'bfloat16' : storage,
      autocast: row.autocast ?? false,
    },
    // A batch of one is never padded; the recorded one is.
    microBatchSize: row.mask === true ? Math.max(2, row.b) : row.b,
    variableLength: row.mask ?? false,
    packing: false,
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
  const constant = constantBytes(layer, row) + adapterCopyBytes(row, run.counts.adapter / 2)
  return measureLayer(layer, layerContext(run)(layer)).saved + constant / (row.b * row.s) + noiseBytes(row)
}

/** Saved tensors that do not grow with tokens: autocast's weight copies, Gemma's (1 + weight), offsets of grouped experts. */
function constantBytes(layer: Layer, row: Row): number {
  const sum = (kinds: readonly string[]) =>
    layer.tensors
      .filter(({ kind }) => kinds.includes(kind))
      .reduce((total, { inFeatures, outFeatures, count }) => total + inFeatures * outFeatures * count, 0)
  const copies = row.autocast === true && row.dtype === 'float32' ? 2 * sum(['linear', 'conv1d']) : 0
  const shifted = row.kind.startsWith('gemma') ? 4 * sum(['norm']) : 0
  return copies + shifted + 4 * (layer.moe?.experts ?? 0)
}

/** Autocast's 16-bit copies of float32 adapters. */
function adapterCopyBytes(row: Row, adapterOfLayer: number): number {
  return row.autocast === true && row.adapter_fp32 === true ? 2 * adapterOfLayer : 0
}

/** A CPU keeps a dropout's noise in the input's dtype, CUDA one byte an element (aten native_dropout). */
function noiseBytes(row: Row): number {
  const hidden = row.dropout ? 2 * row.h + row.heads * row.s : 0
  // One mask for q, k and v, one for o, one for gate and up; the product of the MLP has none.
  const masks = row.kernels === true ? 3 : (row.lora ?? []).length
  const adapted = row.lora_dropout ? masks * row.h : 0
  return hidden * (4 - 1) + adapted * (2 - 1)
}

const OPTIONS = ['kernels', 'autocast', 'mask', 'kbit', 'dropout', 'lora_dropout'] as const

describe('block families keep what PyTorch keeps', () => {
  test.each(
    rows.map(
      row =>
        [
          [row.kind, row.attention, row.dtype, ...OPTIONS.filter(name => row[name]), row.lora ?? '', row.h].join(' '),
          row,
        ] as const,
    ),
  )('%s', (_name, row) => {
    const routingLists = row.kind === 'qwen3_moe' || row.kind === 'qwen2_moe' ? 4 : 1e-6
    expect(Math.abs(saved(row) - row.bytes_per_token_layer)).toBeLessThanOrEqual(routingLists)
  })
})
