import { describe, expect, test } from '@jest/globals'
import { type PipelineStage, rankParameters } from '../../../src/memory/sharding/rank-parameters.ts'
import { countModel } from '../../../src/models/count-parameters.ts'
import { readArchitecture } from '../../../src/models/read-architecture.ts'
import type { AdapterPlan, ParallelismPlan, TrainingPlan } from '../../../src/plan/training-plan.ts'
import { SAMPLE_PLAN } from '../sample-run.ts'

const HIDDEN = 12
const HEADS = 6
const KEY_VALUE_HEADS = 3
const HEAD_WIDTH = 4
const WIDTH = 24
const VOCABULARY = 13
const LAYERS = 8
const EXPERTS = 5
const EXPERT_WIDTH = 6
const DENSE_LAYERS = 2
const QUERY_RANK = 5
const KEY_VALUE_RANK = 7
const ROPE_WIDTH = 2

/** What cannot be cut further, and by what it is dealt out. */
interface Piece {
  readonly elements: number
  readonly layer: number | 'start' | 'end'
  /** Whole on every rank, or the `index`-th of `of` pieces in rank order, or that expert. */
  readonly by: 'nothing' | { readonly index: number; readonly of: number } | { readonly expert: number }
}

function cut(layer: Piece['layer'], elements: number, of: number): readonly Piece[] {
  return Array.from({ length: of }, (_, index) => ({ elements: elements / of, layer, by: { index, of } }))
}

const whole = (layer: Piece['layer'], elements: number): Piece => ({ elements, layer, by: 'nothing' })

const outside = [
  ...cut('start', VOCABULARY * HIDDEN, VOCABULARY),
  ...cut('end', VOCABULARY * HIDDEN, VOCABULARY),
  whole('end', HIDDEN),
]

const attention = (layer: number): readonly Piece[] => [
  ...cut(layer, 2 * HIDDEN * HEADS * HEAD_WIDTH, HEADS),
  ...cut(layer, 2 * HIDDEN * KEY_VALUE_HEADS * HEAD_WIDTH, KEY_VALUE_HEADS),
  whole(layer, 2 * HIDDEN),
]

const latentAttention = (layer: number): readonly Piece[] => [
  whole(layer, HIDDEN * QUERY_RANK + QUERY_RANK + HIDDEN * (KEY_VALUE_RANK + ROPE_WIDTH) + KEY_VALUE_RANK),
  ...cut(layer, QUERY_RANK * HEADS * (HEAD_WIDTH + ROPE_WIDTH), HEADS),
  ...cut(layer, KEY_VALUE_RANK * HEADS * 2 * HEAD_WIDTH + HEADS * HEAD_WIDTH * HIDDEN, HEADS),
  whole(layer, 2 * HIDDEN),
]

const feedForward = (layer: number, width: number): readonly Piece[] => cut(layer, 3 * HIDDEN * width, width)

const experts = (layer: number): readonly Piece[] => [
  whole(layer, HIDDEN * EXPERTS),
  ...Array.from({ length: EXPERTS }, (_, expert) => ({
    elements: 3 * HIDDEN * EXPERT_WIDTH,
    layer,
    by: { expert },
  })),
]

const layers = Array.from({ length: LAYERS }, (_, layer) => layer)

const SHAPE = {
  hidden_size: HIDDEN,
  num_hidden_layers: LAYERS,
  num_attention_heads: HEADS,
  num_key_value_heads: KEY_VALUE_HEADS,
  head_dim: HEAD_WIDTH,
  intermediate_size: WIDTH,
  vocab_size: VOCABULARY,
  tie_word_embeddings: false,
}

const MODELS = {
  llama: {
    config: { ...SHAPE, model_type: 'llama' },
    pieces: [...outside, ...layers.flatMap(layer => [...attention(layer), ...feedForward(layer, WIDTH)])],
  },
  mixtral: {
    config: { ...SHAPE, model_type: 'mixtral', intermediate_size: EXPERT_WIDTH, num_local_experts: EXPERTS },
    pieces: [...outside, ...layers.flatMap(layer => [...attention(layer), ...experts(layer)])],
  },
  deepseek_v2: {
    config: {
      ...SHAPE,
      model_type: 'deepseek_v2',
      num_key_value_heads: HEADS,
      n_routed_experts: EXPERTS,
      n_shared_experts: 2,
      moe_intermediate_size: EXPERT_WIDTH,
      first_k_dense_replace: DENSE_LAYERS,
      q_lora_rank: QUERY_RANK,
      kv_lora_rank: KEY_VALUE_RANK,
      qk_nope_head_dim: HEAD_WIDTH,
      qk_rope_head_dim: ROPE_WIDTH,
      v_head_dim: HEAD_WIDTH,
    },
    pieces: [
      ...outside,
      ...layers.flatMap(layer => [
        ...latentAttention(layer),
        ...(layer < DENSE_LAYERS
          ? feedForward(layer, WIDTH)
          : [...experts(layer), ...feedForward(layer, 2 * EXPERT_WIDTH)]),
      ]),
    ],
  },
} as const

interface Grid {
  readonly tensor: number
  readonly pipeline: number
  readonly interleave: number
  readonly expert: number
}

/** Layers of one end of the pipeline, dealt out one piece after the other. */
function layersOf({ pipeline, interleave }: Grid, stage: PipelineStage): ReadonlySet<number> {
  const size = Math.ceil(LAYERS / (pipeline * interleave))
  const order = stage === 'last' ? layers.toReversed() : layers
  const held = order.filter((_, at) => stage === 'only' || Math.floor(at / size) % pipeline === 0)
  return new Set(held)
}

/** The fullest rank of a stage, every rank's pieces counted one by one. */
function fullest(pieces: readonly Piece[], grid: Grid, stage: PipelineStage): number {
  const held = layersOf(grid, stage)
  const isOnStage = ({ layer }: Piece) =>
    layer === 'start' ? stage !== 'last' : layer === 'end' ? stage !== 'first' : held.has(layer)
  let most = 0
  for (let rank = 0; rank < grid.tensor; rank += 1)
    for (let expertRank = 0; expertRank < grid.expert; expertRank += 1) {
      let sum = 0
      for (const piece of pieces.filter(isOnStage)) {
        const { by, elements } = piece
        if (by === 'nothing') sum += elements
        else if ('expert' in by) {
          const perRank = Math.ceil(EXPERTS / grid.expert)
          // beside expert ranks, tensor ranks hold whole experts; alone they cut them
          const share = grid.expert === 1 ? 1 / grid.tensor : 1
          sum += Math.floor(by.expert / perRank) === expertRank ? elements * share : 0
        } else {
          const perRank = Math.ceil(by.of / grid.tensor)
          sum += Math.floor(by.index / perRank) === rank ? elements : 0
        }
      }
      most = Math.max(most, sum)
    }
  return most
}

function read(model: keyof typeof MODELS) {
  const { architecture } = readArchitecture(MODELS[model].config, { name: model })
  if (architecture === null) throw new Error('a known type')
  return architecture
}

function rank(model: keyof typeof MODELS, grid: Grid, stage: PipelineStage, adapter: AdapterPlan | null = null) {
  const architecture = read(model)
  const { tensor, pipeline, interleave, expert } = grid
  const parallelism: ParallelismPlan = {
    ...SAMPLE_PLAN.parallelism,
    tensor,
    pipeline,
    pipelineInterleave: interleave,
    expert,
  }
  const gpus = expert > 1 ? pipeline * expert : pipeline * tensor
  const plan = { ...SAMPLE_PLAN, gpus, parallelism, adapter }
  return rankParameters({ plan, architecture, counts: countModel(architecture, plan).counts, gpu: null }, stage)
}

const GRIDS: readonly Grid[] = [1, 2, 3, 6].flatMap(tensor =>
  [1, 2, 3, 4, 8].flatMap(pipeline =>
    [1, 2].flatMap(interleave => [1, 2, 3, 5, 8].map(expert => ({ tensor, pipeline, interleave, expert }))),
  ),
)

const divides = ({ pipeline, interleave }: Grid) => interleave === 1 || LAYERS % (pipeline * interleave) === 0

describe.each(Object.keys(MODELS) as (keyof typeof MODELS)[])('%s, rank by rank', model => {
  const { pieces } = MODELS[model]
  const hasExperts = pieces.some(({ by }) => typeof by === 'object' && 'expert' in by)
  const grids = GRIDS.filter(grid => divides(grid) && (hasExperts || grid.expert === 1))

  test('the pieces are the model', () => {
    const { counts } = { counts: countModel(read(model), SAMPLE_PLAN).counts }
    expect(pieces.reduce((sum, { elements }) => sum + elements, 0)).toBeCloseTo(counts.total, 6)
  })

  test('the fullest rank of either end', () => {
    const wrong = grids.flatMap(grid => {
      const stages: readonly PipelineStage[] = grid.pipeline === 1 ? ['only'] : ['first', 'last']
      return stages.flatMap(stage => {
        const counted = rank(model, grid, stage)
        const expected = fullest(pieces, grid, stage)
        const isRight = Math.abs(counted.total - expected) < 1e-6 && Math.abs(counted.trainable - expected) < 1e-6
        return isRight ? [] : [{ grid, stage, counted: counted.total, trainable: counted.trainable, expected }]
      })
    })
    expect(wrong).toEqual([])
  })
})

describe('LoRA on stages', () => {
  const LORA: AdapterPlan = {
    type: 'lora',
    rank: 3,
    targetModules: ['gate_proj', 'up_proj'],
    excludeModules: [],
    targetParameters: [],
    layersToTransform: null,
    rankPattern: {},
    modulesToSave: [],
    dtype: 'float32',
    dropout: 0,
    bias: 'none',
    virtualTokens: 20,
    targetRule: 'peft',
    kernels: [],
  }

  test('where only experts are adapted, the dense first layers have nothing', () => {
    const stage = (pipeline: number, end: PipelineStage) =>
      rank('deepseek_v2', { tensor: 1, pipeline, interleave: 1, expert: 1 }, end, LORA).adapter
    const all = stage(1, 'only')
    expect(all).toBeGreaterThan(0)
    expect(stage(4, 'first')).toBe(0)
    expect(stage(4, 'last')).toBeCloseTo((all * 2) / (LAYERS - DENSE_LAYERS), 9)
    expect(stage(2, 'first')).toBeCloseTo((all * 2) / (LAYERS - DENSE_LAYERS), 9)
    expect(stage(2, 'last')).toBeCloseTo((all * 4) / (LAYERS - DENSE_LAYERS), 9)
  })
})

describe('experts that come back from a quantised format', () => {
  const STACKS = 3 * HIDDEN * EXPERT_WIDTH * EXPERTS
  const expandedWith = (
    changes: Partial<TrainingPlan['quantizationDetails']>,
    quantization: TrainingPlan['quantization'],
  ) => {
    const architecture = read('deepseek_v2')
    const plan = {
      ...SAMPLE_PLAN,
      quantization,
      quantizationDetails: { ...SAMPLE_PLAN.quantizationDetails, ...changes },
    }
    const run = { plan, architecture, counts: countModel(architecture, plan).counts, gpu: null }
    const { expandedInLayer, expandedStacks, quantized } = rankParameters(run, 'only')
    return { atOnce: expandedInLayer, kept: expandedStacks, quantized }
  }

  const LARGEST = Math.max(KEY_VALUE_RANK * HEADS * 2 * HEAD_WIDTH, HIDDEN * WIDTH, HEADS * HEAD_WIDTH * HIDDEN)
  test.each([
    ['nf4', 'none', LARGEST, 0],
    ['int8', 'none', LARGEST, 0],
    ['nf4', 'linear', LARGEST, 0],
    ['nf4', 'stacks', STACKS, (LAYERS - DENSE_LAYERS) * STACKS],
    ['int8', 'read_stacks', STACKS, 0],
    ['none', 'none', 0, 0],
  ] as const)('%s, %s: %d at once, %d kept', (quantization, quantizesExperts, atOnce, kept) => {
    expect(expandedWith({ quantizesExperts }, quantization)).toMatchObject({ atOnce, kept })
  })

  test('what is no linear layer keeps its dtype, in 8 bit as in 4', () => {
    const all = expandedWith({ quantizesExperts: 'stacks' }, 'int8').quantized
    for (const quantization of ['nf4', 'int8'] as const)
      expect(expandedWith({ quantizesExperts: 'none' }, quantization).quantized).toBe(
        all - (LAYERS - DENSE_LAYERS) * STACKS,
      )
  })
})
