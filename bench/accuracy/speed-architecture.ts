import type { Architecture, Attention, Layer, LayerRun, Mlp, ParameterTensor } from '../../src/models/architecture.ts'
import type { AdapterTarget, ModelCounts } from '../../src/models/model-counts.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'

/** config.json fields. */
export type Config = Readonly<Record<string, unknown>>

/** Shapes of the model families in bench/speed.jsonl, from config.json fields. */
export function architectureOf(raw: Config): Architecture {
  const config = isConfig(raw['text_config']) ? { ...raw, ...raw['text_config'] } : raw
  const number = (...names: readonly string[]) => {
    for (const name of names) if (typeof config[name] === 'number') return config[name]
    return null
  }
  const type = String(raw['model_type'])
  const hidden = number('hidden_size', 'd_model', 'n_embd') ?? 0
  const heads = number('num_attention_heads', 'n_heads', 'n_head') ?? 1
  const kvHeads = config['multi_query'] === true ? 1 : (number('num_key_value_heads') ?? heads)
  const headDim = number('head_dim', 'kv_channels') ?? hidden / heads
  const vocab = number('vocab_size') ?? 0
  const plain = ['gpt2', 'mpt', 'bloom', 'falcon', 'gpt_neox', 'phi', 'nemotron', 'nemotron_h'].includes(type)
  const intermediate = number('intermediate_size', 'n_inner') ?? hidden * (number('expansion_ratio') ?? 4)
  const width = type === 'qwen' ? intermediate / 2 : intermediate
  const layers = number('num_hidden_layers', 'n_layers', 'n_layer') ?? 0
  const experts = number('n_routed_experts', 'num_experts', 'num_local_experts')
  const topK = number('num_experts_per_tok') ?? 1
  const expertWidth = number('moe_intermediate_size') ?? width
  const sharedWidth =
    number('moe_shared_expert_intermediate_size') ??
    (number('n_shared_experts') ?? (type === 'llama4' ? 1 : 0)) * expertWidth
  const fused = ['gpt2', 'mpt', 'bloom', 'falcon', 'gpt_neox', 'qwen'].includes(type)
  const q = heads * headDim
  const kv = kvHeads * headDim
  const window = number('sliding_window')
  const latent =
    number('kv_lora_rank') === null
      ? null
      : {
          queryRank: number('q_lora_rank'),
          keyValueRank: number('kv_lora_rank') ?? 0,
          nopeDim: number('qk_nope_head_dim') ?? 0,
          ropeDim: number('qk_rope_head_dim') ?? 0,
          valueDim: number('v_head_dim') ?? 0,
        }
  const attentionTensors = (): ParameterTensor[] => {
    if (latent !== null) {
      const { queryRank, keyValueRank, nopeDim, ropeDim, valueDim } = latent
      return [
        linear('q_a_proj', hidden, queryRank ?? 0, 'attention'),
        linear('q_b_proj', queryRank ?? 0, heads * (nopeDim + ropeDim), 'attention'),
        linear('kv_a_proj_with_mqa', hidden, keyValueRank + ropeDim, 'attention'),
        linear('kv_b_proj', keyValueRank, heads * (nopeDim + valueDim), 'attention'),
        linear('o_proj', heads * valueDim, hidden, 'attention'),
      ]
    }
    const out = type === 'qwen' ? 'c_proj' : type === 'phi' || plain ? 'dense' : 'o_proj'
    const joint = type === 'qwen' ? 'c_attn' : type === 'phi3' ? 'qkv_proj' : 'query_key_value'
    if (fused || type === 'phi3') {
      return [linear(joint, hidden, q + 2 * kv, 'attention'), linear(out, q, hidden, 'attention')]
    }
    return [
      linear('q_proj', hidden, q, 'attention'),
      linear('k_proj', hidden, kv, 'attention'),
      linear('v_proj', hidden, kv, 'attention'),
      linear(out, q, hidden, 'attention'),
    ]
  }
  const mlpTensors = (f: number, part: ParameterTensor['part']): ParameterTensor[] => {
    if (f === 0) return []
    if (type === 'qwen') {
      return [linear('w1', hidden, f, part), linear('w2', hidden, f, part), linear('mlp.c_proj', f, hidden, part)]
    }
    if (type === 'phi3') return [linear('gate_up_proj', hidden, 2 * f, part), linear('down_proj', f, hidden, part)]
    if (plain) return [linear('up_proj', hidden, f, part), linear('down_proj', f, hidden, part)]
    return [
      linear('gate_proj', hidden, f, part),
      linear('up_proj', hidden, f, part),
      linear('down_proj', f, hidden, part),
    ]
  }
  const latentSize = number('moe_latent_size')
  const expertTensors = (): ParameterTensor[] => {
    if (experts === null) return []
    const d = latentSize ?? hidden
    const matrices = plain ? 2 : 3
    const own: ParameterTensor = {
      ...linear('experts', d, matrices * expertWidth, 'experts'),
      kind: 'expert',
      count: experts,
      parameters: experts * matrices * d * expertWidth,
    }
    const around = latentSize === null ? [] : [linear('latent', hidden, 2 * latentSize, 'shared-expert')]
    return [own, { ...linear('gate', hidden, experts, 'router'), kind: 'router' }, ...around]
  }
  const attention = (kind: Attention['kind'], sliding: boolean): Attention => ({
    kind,
    heads: kind === 'none' ? 0 : heads,
    keyValueHeads: kvHeads,
    headDim,
    queryWidth: kind === 'none' ? 0 : latent === null ? q : heads * (latent.nopeDim + latent.ropeDim),
    keyValueWidth: kind === 'none' ? 0 : latent === null ? kv : heads * latent.valueDim,
    fusedQkv: fused,
    qkNorm: 'none',
    outputGate: false,
    softcap: type === 'gemma2',
    rotary: !plain,
    window: sliding ? window : null,
    dropout: 0,
    causal: true,
    latent,
    mixer: null,
  })
  const mlp = (f: number): Mlp => ({ kind: f === 0 ? 'none' : plain ? 'plain' : 'gated', width: f, activation: 'silu' })
  const norms = { kind: 'rms', count: 2, float32Weight: false, placement: 'pre', affine: true } as const
  const moe =
    experts === null
      ? null
      : ({ experts, topK, expertWidth, expertKind: plain ? 'plain' : 'gated', sharedWidth } as const)
  const layer = (parts: Partial<Layer>): Layer => ({
    attention: attention(latent === null ? 'mha' : 'mla', false),
    mlp: mlp(width),
    moe: null,
    norms,
    parallelResidual: false,
    tensors: [],
    ...parts,
  })
  const denseLayer = (sliding: boolean): Layer =>
    layer({
      attention: attention(latent === null ? 'mha' : 'mla', sliding),
      tensors: [...attentionTensors(), ...mlpTensors(width, 'mlp')],
    })
  const expertLayer = (sliding: boolean): Layer =>
    layer({
      attention: attention(latent === null ? 'mha' : 'mla', sliding),
      mlp: mlp(0),
      moe,
      tensors: [...attentionTensors(), ...expertTensors(), ...mlpTensors(sharedWidth, 'shared-expert')],
    })
  const runs: LayerRun[] = []
  if (type === 'nemotron_h') runs.push(...hybridLayers())
  else {
    const types = Array.isArray(config['layer_types']) ? config['layer_types'] : null
    const dense = experts === null ? layers : (number('first_k_dense_replace') ?? 0)
    const step = number('interleave_moe_layer_step') ?? 1
    const denseTotal = experts === null ? layers : step > 1 ? layers - Math.floor(layers / step) : dense
    const slidingShare =
      window === null
        ? 0
        : types !== null
          ? types.filter(name => name === 'sliding_attention').length / Math.max(1, types.length)
          : type === 'gemma2'
            ? 0.5
            : type === 'mistral'
              ? 1
              : 0
    for (const [count, make] of [
      [denseTotal, denseLayer],
      [layers - denseTotal, expertLayer],
    ] as const) {
      const sliding = Math.round(count * slidingShare)
      if (sliding > 0) runs.push({ count: sliding, layer: make(true) })
      if (count - sliding > 0) runs.push({ count: count - sliding, layer: make(false) })
    }
  }
  return {
    name: String(raw['id'] ?? type),
    modelType: type,
    family: type,
    exact: true,
    hiddenSize: hidden,
    vocabSize: vocab,
    maxPositions: number('max_position_embeddings', 'n_positions', 'max_seq_len'),
    tiedEmbeddings: config['tie_word_embeddings'] === true,
    embedding: [],
    layers: runs,
    finalNorm: [],
    head: { kind: 'causal-lm', outputs: vocab, tensors: [] },
    vision: null,
    finalLogitSoftcap: type === 'gemma2',
    hiddenDropout: 0,
    embeddingDropout: 0,
    checkpointDtype: 'bfloat16',
    checkpointQuantization: 'none',
    publishedParameters: null,
  }

  function hybridLayers(): LayerRun[] {
    const inner = (number('mamba_num_heads') ?? 0) * (number('mamba_head_dim') ?? 0)
    const state = number('ssm_state_size') ?? 128
    const groups = number('n_groups') ?? 8
    const kinds = Array.isArray(config['layers_block_type'])
      ? config['layers_block_type'].map(String)
      : [...String(config['hybrid_override_pattern'] ?? '')].map(
          code => ({ M: 'mamba', E: 'moe', '*': 'attention', '-': 'mlp' })[code] ?? 'mlp',
        )
    const channels = inner + 2 * groups * state
    const shapes: Record<string, Layer> = {
      mamba: layer({
        attention: {
          ...attention('none', false),
          kind: 'mamba2',
          mixer: {
            innerSize: inner,
            stateSize: state,
            heads: number('mamba_num_heads') ?? 1,
            groups,
            convolutionSize: 4,
            convolutionChannels: channels,
          },
        },
        mlp: mlp(0),
        tensors: [
          linear('in_proj', hidden, inner + channels + (number('mamba_num_heads') ?? 0), 'mixer'),
          linear('out_proj', inner, hidden, 'mixer'),
        ],
      }),
      moe: layer({
        attention: attention('none', false),
        mlp: mlp(0),
        moe,
        tensors: [...expertTensors(), ...mlpTensors(sharedWidth, 'shared-expert')],
      }),
      attention: layer({ mlp: mlp(0), tensors: attentionTensors() }),
      mlp: layer({ attention: attention('none', false), tensors: mlpTensors(width, 'mlp') }),
    }
    return Object.entries(shapes)
      .map(([kind, shape]) => ({ count: kinds.filter(name => name === kind).length, layer: shape }))
      .filter(run => run.count > 0)
  }
}

/** Parameter counts of a plan on these shapes. */
export function countsOf(architecture: Architecture, plan: TrainingPlan): ModelCounts {
  let blocks = 0
  let active = 0
  const adapterTargets: AdapterTarget[] = []
  for (const { count, layer } of architecture.layers) {
    for (const tensor of layer.tensors) {
      blocks += count * tensor.parameters
      const share = tensor.part === 'experts' ? (layer.moe?.topK ?? 1) / (layer.moe?.experts ?? 1) : 1
      active += count * tensor.parameters * share
      if (plan.adapter !== null && isTarget(tensor, plan.adapter.targetModules)) {
        const parameters = plan.adapter.rank * (tensor.inFeatures + tensor.outFeatures)
        adapterTargets.push({ tensor, layers: count, rank: plan.adapter.rank, parameters })
      }
    }
  }
  const embedding = architecture.vocabSize * architecture.hiddenSize
  const head = architecture.tiedEmbeddings ? 0 : embedding
  const total = blocks + embedding + head
  const adapter = adapterTargets.reduce((sum, target) => sum + target.parameters * target.layers, 0)
  const saved = plan.adapter === null ? 0 : plan.adapter.modulesToSave.length * embedding
  const quantized = plan.quantization === 'none' ? 0 : blocks
  return {
    total: total + adapter + saved,
    trainable: plan.adapter === null ? total : adapter + saved,
    active: active + embedding + head,
    trainableBase: plan.adapter === null ? total : 0,
    adapter,
    savedModules: saved,
    quantized,
    unquantized: total - quantized,
    embedding,
    head,
    trainableTensors: [],
    adapterTargets,
  }
}

function isTarget(tensor: ParameterTensor, targets: NonNullable<TrainingPlan['adapter']>['targetModules']): boolean {
  if (tensor.kind !== 'linear') return false
  if (targets === 'all-linear') return true
  if (targets === 'default')
    return tensor.path === 'q_proj' || tensor.path === 'v_proj' || tensor.path.includes('c_attn')
  if (!Array.isArray(targets)) return false
  return targets.some(name => tensor.path === name || tensor.path.endsWith(`.${name}`))
}

function linear(path: string, inFeatures: number, outFeatures: number, part: ParameterTensor['part']): ParameterTensor {
  const parameters = inFeatures * outFeatures
  return { path, kind: 'linear', part, inFeatures, outFeatures, bias: false, count: 1, parameters, fused: false }
}

function isConfig(value: unknown): value is Config {
  return typeof value === 'object' && value !== null
}
