import type { Architecture, Layer, LayerRun, ParameterTensor } from './architecture.ts'
import { readDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import { buildLayerRuns } from './decoder-block.ts'
import type { Family } from './family.ts'
import { embedding, linear, norm } from './tensor.ts'

export interface EncoderDecoderOptions {
  readonly fields: ConfigFields
  readonly modelType: string
  readonly transformersMajor: 4 | 5
}

type Stacks = Pick<
  Architecture,
  'embedding' | 'layers' | 'finalNorm' | 'head' | 'hiddenSize' | 'vocabSize' | 'tiedEmbeddings'
>

type StackName = 'encoder' | 'decoder'

/** A model of two stacks: its encoder's layers see both directions, its decoder's attend to them too. */
interface Rule {
  readonly family: (fields: ConfigFields, stack: StackName) => Family
  readonly cross: { readonly module: string; readonly normBias: boolean }
  readonly keys: Readonly<Record<StackName, Readonly<Record<string, readonly string[]>>>>
  /** Modules that hold the layers. */
  readonly folders: Readonly<Record<StackName, string>>
  /** Tokens that every sequence has in the encoder; absent: as many as the plan says. */
  readonly encoderPositions?: (fields: ConfigFields) => number
  /** The table of tokens; absent: `shared`. */
  readonly tokens?: string
  /** Tables and what surrounds the stacks. */
  readonly embedding: (fields: ConfigFields, hiddenSize: number) => readonly ParameterTensor[]
  readonly finalNorms: (hiddenSize: number) => readonly ParameterTensor[]
  /** One table of relative positions a layer instead of one a stack. */
  readonly biasPerLayer?: true
}

const T5_BLOCK: Family = {
  attention: { names: ['q', 'k', 'v'], output: 'o', module: 'layer.0.SelfAttention', bias: false, outputBias: false },
  mlp: { kind: 'plain', names: ['wi', 'wo'], module: '', bias: false, activation: 'relu' },
  norm: { kind: 'rms', perLayer: 2 },
  rotary: false,
  defaults: {},
}

const T5: Rule = {
  family: (fields, stack) => {
    const module = `layer.${stack === 'encoder' ? 1 : 2}.DenseReluDense`
    return (fields.text('feed_forward_proj') ?? '').startsWith('gated')
      ? {
          ...T5_BLOCK,
          mlp: { ...T5_BLOCK.mlp, module, kind: 'gated', names: ['wi_0', 'wi_1', 'wo'], activation: 'gelu_new' },
        }
      : { ...T5_BLOCK, mlp: { ...T5_BLOCK.mlp, module } }
  },
  cross: { module: 'layer.1.EncDecAttention', normBias: false },
  folders: { encoder: 'encoder.block', decoder: 'decoder.block' },
  keys: {
    encoder: { num_hidden_layers: ['num_layers', 'num_hidden_layers'] },
    decoder: { num_hidden_layers: ['num_decoder_layers', 'num_layers', 'num_hidden_layers'] },
  },
  embedding: fields => [
    ...['encoder', 'decoder'].map(stack =>
      embedding(
        `${stack}.relative_attention_bias`,
        fields.number('relative_attention_num_buckets') ?? 32,
        fields.number('num_heads', 'num_attention_heads') ?? 0,
      ),
    ),
  ],
  finalNorms: h => [norm('encoder.final_layer_norm', h), norm('decoder.final_layer_norm', h)],
}

const BART_BLOCK: Family = {
  attention: {
    names: ['q_proj', 'k_proj', 'v_proj'],
    output: 'out_proj',
    module: 'self_attn',
    bias: true,
    outputBias: true,
  },
  mlp: { kind: 'plain', names: ['fc1', 'fc2'], module: '', bias: true, activation: 'gelu' },
  norm: { kind: 'layernorm', perLayer: 2, bias: true, placement: 'post' },
  rotary: false,
  defaults: {},
}
const BART_KEYS: Rule['keys'] = {
  encoder: {
    num_hidden_layers: ['encoder_layers'],
    num_attention_heads: ['encoder_attention_heads'],
    intermediate_size: ['encoder_ffn_dim'],
  },
  decoder: {
    num_hidden_layers: ['decoder_layers'],
    num_attention_heads: ['decoder_attention_heads'],
    intermediate_size: ['decoder_ffn_dim'],
  },
}
const BART_FOLDERS: Rule['folders'] = { encoder: 'model.encoder.layers', decoder: 'model.decoder.layers' }
const BART: Rule = {
  family: () => BART_BLOCK,
  cross: { module: 'encoder_attn', normBias: true },
  keys: BART_KEYS,
  folders: BART_FOLDERS,
  embedding: (fields, h) =>
    ['encoder', 'decoder'].flatMap(stack => [
      embedding(`${stack}.embed_positions`, (fields.number('max_position_embeddings') ?? 1024) + 2, h),
      norm(`${stack}.layernorm_embedding`, h, true),
    ]),
  finalNorms: () => [],
}

/** Spectrograms pass two convolutions, the second of which halves their length; positions of the encoder are sinusoids. */
const WHISPER: Rule = {
  family: () => ({
    ...BART_BLOCK,
    attention: { ...BART_BLOCK.attention, keyBias: false },
    norm: { ...BART_BLOCK.norm, placement: 'pre' },
  }),
  cross: { module: 'encoder_attn', normBias: true },
  keys: BART_KEYS,
  folders: BART_FOLDERS,
  encoderPositions: speechPositions,
  tokens: 'decoder.embed_tokens',
  embedding: (fields, h) => {
    const bands = fields.number('num_mel_bins') ?? 80
    return [
      linear('encoder.conv1', 'embedding', 3 * bands, h, { bias: true, kind: 'convolution' }),
      linear('encoder.conv2', 'embedding', 3 * h, h, { bias: true, kind: 'convolution' }),
      { ...embedding('encoder.embed_positions', speechPositions(fields), h), constant: true },
      embedding('decoder.embed_positions', fields.number('max_target_positions') ?? 448, h),
    ]
  },
  finalNorms: h => [norm('encoder.layer_norm', h, true), norm('decoder.layer_norm', h, true)],
}

function speechPositions(fields: ConfigFields): number {
  return fields.number('max_source_positions') ?? 1500
}

/** transformers 5.18 models/{t5,mt5,umt5,bart,whisper}. */
const RULES: Readonly<Record<string, Rule>> = {
  t5: T5,
  mt5: T5,
  umt5: { ...T5, biasPerLayer: true },
  bart: BART,
  whisper: WHISPER,
}

export function isEncoderDecoder(modelType: string): boolean {
  return Object.hasOwn(RULES, modelType)
}

/** Shapes of an encoder-decoder; null: the type is none. Sizes of 0 mean that the config says nothing. */
export function readEncoderDecoder({ fields, modelType, transformersMajor }: EncoderDecoderOptions): Stacks | null {
  const rule = Object.hasOwn(RULES, modelType) ? RULES[modelType] : undefined
  if (!rule) return null
  const hiddenSize = fields.number('d_model', 'hidden_size') ?? 0
  const vocabSize = fields.number('vocab_size') ?? 0
  const encoderPositions = rule.encoderPositions?.(fields)
  const stack = (name: StackName): readonly LayerRun[] => {
    const family: Family = { ...rule.family(fields, name), ...(name === 'encoder' ? { encoder: true } : {}) }
    const own = fields.renamed(rule.keys[name])
    const dimensions = readDimensions(own, family, modelType)
    const runs = buildLayerRuns({ fields: own, family, dimensions, transformersMajor })
    return runs.map(run => ({ ...run, folder: rule.folders[name] }))
  }
  const fixed = encoderPositions === undefined ? {} : { positions: encoderPositions }
  const encoder = stack('encoder').map(run => ({ ...run, ...fixed }))
  const decoder = stack('decoder').map(run => ({
    ...run,
    layer: withCrossAttention(run.layer, rule, { hiddenSize, encoderPositions }),
  }))
  const layers = [...encoder, ...decoder]
  const tables = rule.embedding(fields, hiddenSize)
  const count = layers.reduce((sum, run) => sum + run.count, 0)
  // transformers 5 ties T5's head whatever the config says (models/t5/configuration_t5.py); 4 follows the config
  const tied = transformersMajor === 5 || fields.boolean('tie_word_embeddings', true)
  return {
    hiddenSize,
    vocabSize,
    tiedEmbeddings: tied,
    embedding: [
      embedding(rule.tokens ?? 'shared', vocabSize, hiddenSize),
      ...(rule.biasPerLayer ? tables.slice(0, 1).map(table => perLayer(table, count)) : tables),
    ],
    layers,
    finalNorm: rule.finalNorms(hiddenSize),
    head: {
      kind: 'seq2seq-lm',
      outputs: vocabSize,
      tensors: tied ? [] : [linear('lm_head', 'head', hiddenSize, vocabSize)],
    },
  }
}

function perLayer(table: ParameterTensor, layers: number): ParameterTensor {
  return { ...table, count: layers, parameters: layers * table.parameters }
}

/** A second attention, whose keys and values come from the encoder, with a norm of its own. */
function withCrossAttention(
  layer: Layer,
  { cross }: Rule,
  { hiddenSize, encoderPositions }: { readonly hiddenSize: number; readonly encoderPositions: number | undefined },
): Layer {
  const own = layer.tensors.filter(({ part }) => part === 'attention')
  const crossed = own.map(tensor => ({
    ...tensor,
    path: `${cross.module}.${tensor.path.slice(tensor.path.lastIndexOf('.') + 1)}`,
  }))
  return {
    ...layer,
    crossAttention: true,
    ...(encoderPositions === undefined ? {} : { crossPositions: encoderPositions }),
    tensors: [...layer.tensors, ...crossed, norm('cross_attention_norm', hiddenSize, cross.normBias)],
  }
}
