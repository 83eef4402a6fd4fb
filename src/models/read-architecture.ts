import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { QUANTIZATIONS, type Quantization, STORAGE_DTYPES, type StorageDtype } from '../plan/vocabulary.ts'
import type { Architecture, Head, LayerRun, ParameterTensor } from './architecture.ts'
import { ConfigFields } from './config-fields.ts'
import { type BlockDimensions, buildLayerRuns } from './decoder-block.ts'
import { DESCRIBED_BLOCK, describedFamily } from './described-block.ts'
import { FAMILIES, type Family, HYBRID_KEYS } from './families.ts'
import { embedding, linear, norm, parameter, sumParameters } from './tensor.ts'
import { readVisionTower } from './vision-tower.ts'

export interface ReadArchitectureOptions {
  readonly name: string
  readonly path?: string | null
  readonly transformersMajor?: 4 | 5
  /** The framework keeps input and output embeddings apart though the Hub ties them. */
  readonly untiedEmbeddings?: boolean
}

export interface ReadArchitectureResult {
  readonly architecture: Architecture | null
  readonly findings: readonly Finding[]
}

/** A model's shape from the fields of a Hugging Face config.json, or from a rough mapping with a parameter count. */
export function readArchitecture(config: unknown, options: ReadArchitectureOptions): ReadArchitectureResult {
  const findings: Finding[] = []
  const whole = new ConfigFields(config)
  const inner = whole.nested('text_config') ?? whole.nested('llm_config') ?? whole.nested('language_config')
  const text = inner ?? whole
  const modelType = text.text('model_type') ?? whole.text('model_type') ?? ''
  const known =
    modelType === DESCRIBED_BLOCK
      ? describedFamily(text)
      : Object.hasOwn(FAMILIES, modelType)
        ? FAMILIES[modelType]
        : undefined
  const path = options.path ?? null
  const rough = whole.number('parameters')
  const fail = (message: string, hint?: string): ReadArchitectureResult => ({
    architecture: null,
    findings: [...findings, finding('impossible-model', { path, message, ...(hint ? { hint } : {}) })],
  })
  const hybrid = known ? undefined : HYBRID_KEYS.find(key => text.has(key))
  if (
    hybrid !== undefined ||
    (!known && !text.has('num_hidden_layers') && !text.has('n_layer') && !text.has('num_layers'))
  )
    return {
      architecture: null,
      findings: [
        finding('unknown-model', {
          path,
          message: `The model type \`${modelType || 'none'}\` has blocks that Preflop does not know${hybrid ? ` (\`${hybrid}\`)` : ''}.`,
        }),
      ],
    }
  const family = known ?? nearestFamily(text)
  if (!known && rough === null)
    findings.push(
      finding('assumed-architecture', {
        path,
        message: `\`${modelType || 'no model_type'}\` is not known; read as a ${familyName(family)} block from its fields.`,
      }),
    )
  const fields = text.withDefaults(family.defaults)
  const dimensions = readDimensions(fields, family, modelType)
  const problem = dimensionProblem(dimensions)
  if (problem) return fail(problem)
  const layers = buildLayerRuns({
    fields,
    family,
    dimensions,
    modelType,
    transformersMajor: options.transformersMajor ?? 5,
  })
  const { hiddenSize: h, vocabSize } = dimensions
  const architectures = [...whole.texts('architectures'), ...text.texts('architectures')]
  const tied = options.untiedEmbeddings
    ? false
    : (booleanOf(whole.raw('tie_word_embeddings')) ?? fields.boolean('tie_word_embeddings'))
  const position = learnedPositions(fields, family, h)
  const projected = fields.number('word_embed_proj_dim') ?? h
  const embeddings = [
    embedding('embed_tokens', vocabSize, projected),
    ...(position ? [position] : []),
    ...(projected !== h
      ? [linear('project_in', 'embedding', projected, h), linear('project_out', 'embedding', h, projected)]
      : []),
    ...(fields.number('type_vocab_size')
      ? [embedding('token_type_embeddings', fields.number('type_vocab_size') ?? 0, h)]
      : []),
    ...(family.embeddingNorm ? [norm('embedding_norm', h, true)] : []),
  ]
  const head = readHead({ fields, family, architectures, hiddenSize: h, vocabSize, tied })
  const hasFinalNorm = family.norm.placement !== 'post' || family.norm.kind === 'rms'
  const finalNorm =
    hasFinalNorm && fields.boolean('do_layer_norm_before', true)
      ? [norm('norm', h, family.norm.bias ?? false, family.norm.affine ?? true)]
      : []
  const vision = readVisionTower(whole, h)
  const adjusted =
    rough === null ? layers : fitTotal(layers, rough - sumParameters([...embeddings, ...finalNorm, ...head.tensors]))
  return {
    findings,
    architecture: {
      name: options.name,
      modelType,
      family: known ? modelType : familyName(family),
      exact: known !== undefined && rough === null,
      hiddenSize: h,
      vocabSize,
      maxPositions: fields.number('max_position_embeddings', 'n_positions', 'max_seq_len', 'seq_length', 'n_ctx'),
      tiedEmbeddings: tied && head.kind === 'causal-lm',
      embedding: embeddings,
      layers: adjusted,
      finalNorm,
      head,
      vision,
      finalLogitSoftcap: fields.number('final_logit_softcapping') !== null,
      hiddenDropout:
        fields.number(
          'resid_pdrop',
          'hidden_dropout_prob',
          'hidden_dropout',
          'residual_dropout',
          'resid_dropout',
          'dropout',
        ) ?? 0,
      embeddingDropout:
        fields.number('embd_pdrop', 'embedding_dropout', 'embd_dropout') ??
        (architectures.some(name => name.startsWith('Bert')) ? (fields.number('hidden_dropout_prob') ?? 0) : 0),
      checkpointDtype: readDtype(whole) ?? readDtype(text),
      checkpointQuantization: readQuantization(whole),
      publishedParameters: whole.number('published_parameters'),
    },
  }
}

function booleanOf(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null
}

function familyName(family: Family): string {
  return Object.entries(FAMILIES).find(([, candidate]) => candidate === family)?.[0] ?? 'llama'
}

/** An unknown type is a llama, mixtral or gpt_neox block, by the fields it has. */
function nearestFamily(fields: ConfigFields): Family {
  const { llama, qwen3_moe, deepseek_v3, gpt_neox } = FAMILIES
  const fallback: Family | undefined =
    fields.has('kv_lora_rank') || fields.has('n_routed_experts')
      ? deepseek_v3
      : fields.has('num_experts') || fields.has('num_local_experts')
        ? qwen3_moe
        : fields.has('n_embd') || fields.text('hidden_act') === 'gelu'
          ? gpt_neox
          : llama
  if (!fallback) throw new Error('the family table has lost its generic rows')
  return fallback
}

function readDimensions(fields: ConfigFields, family: Family, modelType: string): BlockDimensions {
  const hiddenSize = fields.number('hidden_size', 'n_embd', 'd_model', 'n_embed') ?? 0
  const heads =
    fields.number('num_attention_heads', 'n_head', 'num_heads', 'n_heads') ?? Math.max(1, Math.round(hiddenSize / 128))
  const headDim = fields.number('head_dim', 'kv_channels') ?? Math.floor(hiddenSize / heads)
  const stated = fields.number('num_kv_heads', 'n_head_kv', 'num_key_value_heads') ?? heads
  const grouped = fields.boolean('multi_query_attention', fields.has('multi_query_group_num'))
    ? fields.number('multi_query_group_num')
    : null
  const usesSingleHead = fields.boolean('multi_query') && !fields.boolean('new_decoder_architecture')
  const hasQueryRule = family.defaults['multi_query'] !== undefined || fields.has('multi_query')
  const ruled = usesSingleHead ? 1 : fields.boolean('new_decoder_architecture') ? stated : heads
  const keyValueHeads = grouped ?? (hasQueryRule ? ruled : stated)
  const written = fields.number('intermediate_size', 'n_inner', 'ffn_dim', 'ffn_hidden_size', 'd_ff')
  const expansion = fields.number('expansion_ratio')
  const roughWidth = Math.ceil((hiddenSize * 8) / 3 / 256) * 256
  const fallbackWidth =
    expansion !== null ? expansion * hiddenSize : family.mlp.kind === 'plain' ? 4 * hiddenSize : roughWidth
  const width = modelType === 'qwen' && written !== null ? written / 2 : (written ?? fallbackWidth)
  return {
    hiddenSize,
    heads,
    keyValueHeads,
    headDim,
    width,
    layers: fields.number('num_hidden_layers', 'n_layer', 'num_layers', 'n_layers') ?? 0,
    vocabSize: fields.number('padded_vocab_size', 'vocab_size') ?? 0,
  }
}

/** Bounds that no model exceeds; beyond them the fields are wrong. */
const MAXIMA: Readonly<Record<keyof BlockDimensions, number>> = {
  hiddenSize: 1 << 20,
  heads: 1 << 14,
  keyValueHeads: 1 << 14,
  headDim: 1 << 14,
  width: 1 << 24,
  layers: 1 << 14,
  vocabSize: 1 << 26,
}

function dimensionProblem(dimensions: BlockDimensions): string | null {
  const optional = new Set(['width', 'vocabSize'])
  for (const [key, maximum] of Object.entries(MAXIMA)) {
    const value = Object.entries(dimensions).find(([name]) => name === key)?.[1] ?? 0
    if (!Number.isInteger(value) || value > maximum || value < (optional.has(key) ? 0 : 1))
      return `The model’s ${key.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)} is ${value}; expected a whole number from 1 to ${maximum}.`
  }
  return null
}

function learnedPositions(fields: ConfigFields, family: Family, hiddenSize: number): ParameterTensor | null {
  const isLearned = family.positions !== undefined || fields.boolean('learned_pos_emb')
  if (!isLearned) return null
  const rows = fields.number(...(family.positions?.keys ?? ['max_seq_len']))
  return rows === null ? null : embedding('position_embeddings', rows + (family.positions?.extra ?? 0), hiddenSize)
}

interface HeadOptions {
  readonly fields: ConfigFields
  readonly family: Family
  readonly architectures: readonly string[]
  readonly hiddenSize: number
  readonly vocabSize: number
  readonly tied: boolean
}

function readHead({ fields, family, architectures, hiddenSize, vocabSize, tied }: HeadOptions): Head {
  const isEncoder = family.norm.placement === 'post' && family.norm.kind === 'layernorm'
  const labels = fields.number('num_labels') ?? 2
  if (architectures.some(name => name.endsWith('ForSequenceClassification'))) {
    const pooler = isEncoder ? [linear('pooler.dense', 'head', hiddenSize, hiddenSize, { bias: true })] : []
    return {
      kind: 'sequence-classification',
      outputs: labels,
      tensors: [...pooler, linear(isEncoder ? 'classifier' : 'score', 'head', hiddenSize, labels, { bias: isEncoder })],
    }
  }
  if (isEncoder && !architectures.some(name => name.endsWith('ForMaskedLM')))
    return {
      kind: 'none',
      outputs: 0,
      tensors: [linear('pooler.dense', 'head', hiddenSize, hiddenSize, { bias: true })],
    }
  if (isEncoder) {
    const transform = [
      linear('predictions.transform.dense', 'head', hiddenSize, hiddenSize, { bias: true }),
      norm('predictions.transform.LayerNorm', hiddenSize, true),
    ]
    return {
      kind: 'masked-lm',
      outputs: vocabSize,
      tensors: [...transform, parameter('predictions.bias', 'head', vocabSize)],
    }
  }
  const isBiased = typeof family.headBias === 'string' ? fields.boolean(family.headBias) : (family.headBias ?? false)
  if (tied)
    return {
      kind: 'causal-lm',
      outputs: vocabSize,
      tensors: isBiased ? [parameter('lm_head.bias', 'head', vocabSize)] : [],
    }
  return {
    kind: 'causal-lm',
    outputs: vocabSize,
    tensors: [linear('lm_head', 'head', hiddenSize, vocabSize, { bias: isBiased })],
  }
}

function readDtype(fields: ConfigFields): StorageDtype | null {
  const text = fields.text('dtype', 'torch_dtype')?.replace('torch.', '') ?? null
  return STORAGE_DTYPES.find(dtype => dtype === text) ?? null
}

function readQuantization(fields: ConfigFields): Quantization {
  const named = fields.text('checkpoint_quantization')
  const own = QUANTIZATIONS.find(scheme => scheme === named)
  if (own) return own
  const block = fields.nested('quantization_config')
  const method = block?.text('quant_method') ?? null
  if (!block || method === null) return 'none'
  if (method === 'bitsandbytes')
    return block.boolean('load_in_8bit') ? 'int8' : block.boolean('bnb_4bit_use_double_quant') ? 'nf4-double' : 'nf4'
  const bits = block.number('bits') ?? 4
  const schemes: Readonly<Record<string, Quantization>> = {
    gptq: bits === 8 ? 'gptq-int8' : 'gptq-int4',
    awq: 'awq-int4',
    hqq: 'hqq-int4',
    fp8: 'fp8',
    fbgemm_fp8: 'fp8',
    mxfp4: 'mxfp4',
  }
  return Object.hasOwn(schemes, method) ? (schemes[method] ?? 'none') : 'none'
}

/** Spreads a stated total over the layers: what the block misses or has too much becomes one more term per layer. */
function fitTotal(runs: readonly LayerRun[], layerTotal: number): readonly LayerRun[] {
  const layers = runs.reduce((sum, { count }) => sum + count, 0)
  const counted = runs.reduce((sum, { count, layer }) => sum + count * sumParameters(layer.tensors), 0)
  const missing = Math.round(layerTotal - counted)
  const perLayer = Math.trunc(missing / Math.max(1, layers))
  const rest = missing - perLayer * layers
  const extra = (amount: number): ParameterTensor => parameter('unspecified', 'other', amount)
  const first = runs[0]
  if (!first) return runs
  const single = { count: 1, layer: { ...first.layer, tensors: [...first.layer.tensors, extra(perLayer + rest)] } }
  const others = runs.map(({ count, layer }, index) => ({
    count: index === 0 ? count - 1 : count,
    layer: { ...layer, tensors: [...layer.tensors, extra(perLayer)] },
  }))
  return [single, ...others.filter(({ count }) => count > 0)]
}
