import modelDefaults from '../../data/model-defaults.json' with { type: 'json' }
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { Architecture, ParameterTensor } from './architecture.ts'
import { type BlockDimensions, dimensionProblem, readDimensions } from './block-dimensions.ts'
import { checkpointDtype, checkpointQuantization } from './checkpoint-storage.ts'
import { ConfigFields } from './config-fields.ts'
import { buildLayerRuns } from './decoder-block.ts'
import { DESCRIBED_BLOCK, describedFamily } from './described-block.ts'
import { isEncoderDecoder, readEncoderDecoder } from './encoder-decoder.ts'
import { FAMILIES } from './families.ts'
import type { Family } from './family.ts'
import { fitTotal } from './fit-total.ts'
import { nearestFamily, UNREADABLE_KEYS } from './nearest-family.ts'
import { readHead } from './read-head.ts'
import { embedding, linear, norm, sumParameters } from './tensor.ts'
import { readsTowers, readTowers } from './vision-tower.ts'

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

/** Class defaults of each model type; a key that config.json leaves out takes its value. */
const CLASS_DEFAULTS = new Map<string, Readonly<Record<string, unknown>>>(Object.entries(modelDefaults.types))

/** A model's shape from the fields of a Hugging Face config.json, or from a rough mapping with a parameter count. */
export function readArchitecture(config: unknown, options: ReadArchitectureOptions): ReadArchitectureResult {
  const given = new ConfigFields(config)
  const whole = given.nested('thinker_config') ?? given
  const text = TEXT_BLOCKS.map(key => whole.nested(key)).find(block => block !== null) ?? whole
  const modelType = text.text('model_type') ?? whole.text('model_type') ?? ''
  const path = options.path ?? null
  const known = knownFamily(modelType, text)
  const rough = given.number('parameters')
  if (!known && !isEncoderDecoder(modelType)) {
    const problem = unreadable(text, modelType)
    if (problem) return { architecture: null, findings: [finding('unknown-model', { path, message: problem })] }
  }
  const nearest = known ? { name: modelType, family: known } : nearestFamily(text)
  const { family } = nearest
  const classDefaults = known || isEncoderDecoder(modelType) ? CLASS_DEFAULTS.get(modelType) : {}
  const fields = text.including(family.nested ?? []).withDefaults({ ...family.defaults, ...classDefaults })
  const transformersMajor = options.transformersMajor ?? 5
  const stacks = readEncoderDecoder({ fields, modelType, transformersMajor })
  const dimensions = readDimensions(fields, family, modelType)
  const problem = stacks ? null : dimensionProblem(dimensions)
  if (problem) return { architecture: null, findings: [finding('impossible-model', { path, message: problem })] }
  const parts = stacks ?? readStack({ whole, fields, family, dimensions, options })
  const vision = readTowers(whole, parts.hiddenSize)
  const outside = [...parts.embedding, ...parts.finalNorm, ...parts.head.tensors]
  const towers = [...(vision?.tensors ?? []), ...(vision?.projector ?? [])]
  const odd = impossibleTensor([...outside, ...towers, ...parts.layers.flatMap(({ layer }) => layer.tensors)])
  if (odd) return { architecture: null, findings: [finding('impossible-model', { path, message: odd })] }
  const layers = rough === null ? parts.layers : fitTotal(parts.layers, rough - sumParameters([...outside, ...towers]))
  const assumptions = [
    ...(known || stacks
      ? []
      : [
          `${modelType ? `The model type \`${modelType}\` is not known` : 'The config names no `model_type`'}; read as a ${nearest.name} block from its fields.`,
        ]),
    ...(readsTowers(whole) ? [] : ['The parameters of its vision or audio tower are not known and not counted.']),
  ]
  return {
    findings: rough === null ? assumptions.map(message => finding('assumed-architecture', { path, message })) : [],
    architecture: {
      ...parts,
      layers,
      name: options.name,
      modelType,
      wholeType: whole.text('model_type') ?? modelType,
      family: stacks ? modelType : nearest.name,
      exact: assumptions.length === 0 && rough === null,
      maxPositions: fields.number(
        'max_position_embeddings',
        'n_positions',
        'max_seq_len',
        'seq_length',
        'n_ctx',
        'max_target_positions',
      ),
      vision,
      finalLogitSoftcap: fields.number('final_logit_softcapping') !== null,
      hiddenDropout: fields.number(...HIDDEN_DROPOUT) ?? 0,
      embeddingDropout:
        fields.number('embd_pdrop', 'embedding_dropout', 'embd_dropout') ??
        (family.encoder ? (fields.number('hidden_dropout_prob') ?? 0) : 0),
      checkpointDtype: checkpointDtype(whole) ?? checkpointDtype(text),
      checkpointQuantization: checkpointQuantization(whole),
      publishedParameters: given.number('published_parameters'),
    },
  }
}

/** Sizes that only a side branch of the config states are bounded here; null: every tensor can exist. */
function impossibleTensor(tensors: readonly ParameterTensor[]): string | null {
  const odd = tensors.find(({ parameters }) => !Number.isSafeInteger(parameters) || parameters < 0)
  return odd === undefined
    ? null
    : `The model’s \`${odd.path}\` would have ${odd.parameters} parameters; expected a whole number that is not negative.`
}

function knownFamily(modelType: string, text: ConfigFields): Family | undefined {
  if (modelType === DESCRIBED_BLOCK) return describedFamily(text)
  return Object.hasOwn(FAMILIES, modelType) ? FAMILIES[modelType] : undefined
}

/** Where multimodal configs keep the language model. */
const TEXT_BLOCKS = ['text_config', 'llm_config', 'language_config'] as const
const HIDDEN_DROPOUT = [
  'resid_pdrop',
  'hidden_dropout_prob',
  'hidden_dropout',
  'residual_dropout',
  'resid_dropout',
  'dropout_rate',
  'dropout',
] as const

/** Why an unknown type cannot be read from its fields; null: it can. */
function unreadable(text: ConfigFields, modelType: string): string | null {
  const name = `The model type \`${modelType || 'none'}\``
  const telling = UNREADABLE_KEYS.find(key => text.raw(key) !== undefined && text.raw(key) !== false)
  if (telling) return `${name} has blocks that Preflop does not know (\`${telling}\`).`
  const hasLayers = ['num_hidden_layers', 'n_layer', 'num_layers', 'n_layers'].some(key => text.has(key))
  return hasLayers ? null : `${name} is not known and its config states no number of layers.`
}

interface StackOptions {
  readonly whole: ConfigFields
  readonly fields: ConfigFields
  readonly family: Family
  readonly dimensions: BlockDimensions
  readonly options: ReadArchitectureOptions
}

type Stack = Pick<
  Architecture,
  'embedding' | 'layers' | 'finalNorm' | 'head' | 'hiddenSize' | 'vocabSize' | 'tiedEmbeddings'
>

/** One stack of layers with its embedding and head. */
function readStack({ whole, fields, family, dimensions, options }: StackOptions): Stack {
  const { hiddenSize, vocabSize } = dimensions
  const tied = options.untiedEmbeddings !== true && isTied(whole, fields)
  const architectures = [...whole.texts('architectures'), ...fields.texts('architectures')]
  const head = readHead({ fields, family, architectures, hiddenSize, vocabSize, tied })
  const hasFinalNorm = family.finalNorm !== false && fields.boolean('do_layer_norm_before', true)
  return {
    hiddenSize,
    vocabSize,
    head,
    tiedEmbeddings: tied && (head.kind === 'causal-lm' || head.kind === 'masked-lm'),
    embedding: embeddingTensors(fields, family, dimensions),
    layers: buildLayerRuns({ fields, family, dimensions, transformersMajor: options.transformersMajor ?? 5 }),
    finalNorm: hasFinalNorm ? [norm('norm', hiddenSize, family.norm.bias ?? false, family.norm.affine ?? true)] : [],
  }
}

/** Said by the whole config, else by its language model, else by the class of the whole. */
function isTied(whole: ConfigFields, fields: ConfigFields): boolean {
  if (fields.has('tie_word_embeddings') || whole.has('tie_word_embeddings'))
    return whole.boolean('tie_word_embeddings', fields.boolean('tie_word_embeddings'))
  const outer = CLASS_DEFAULTS.get(whole.text('model_type') ?? '')?.['tie_word_embeddings']
  return typeof outer === 'boolean' ? outer : fields.boolean('tie_word_embeddings')
}

function embeddingTensors(
  fields: ConfigFields,
  family: Family,
  dimensions: BlockDimensions,
): readonly ParameterTensor[] {
  const { hiddenSize: h, vocabSize } = dimensions
  const width = fields.number('word_embed_proj_dim', ...(family.encoder ? ['embedding_size'] : [])) ?? h
  const types = fields.number('type_vocab_size') ?? 0
  const projections =
    width === h
      ? []
      : family.encoder
        ? [linear('embeddings_project', 'embedding', width, h, { bias: true })]
        : [linear('project_in', 'embedding', width, h), linear('project_out', 'embedding', h, width)]
  const position = learnedPositions(fields, family, family.encoder ? width : h)
  return [
    embedding('embed_tokens', vocabSize + (family.extraTokens ?? 0), width),
    ...(position ? [position] : []),
    ...projections,
    ...(types > 0 ? [embedding('token_type_embeddings', types, width)] : []),
    ...(family.embeddingNorm
      ? [norm(family.norm.embeddingName ?? 'embedding_norm', width, family.norm.bias ?? false)]
      : []),
    ...(family.embeddingExtras?.(fields, dimensions) ?? []),
  ]
}

function learnedPositions(fields: ConfigFields, family: Family, width: number): ParameterTensor | null {
  const isLearned = family.positions !== undefined || fields.boolean('learned_pos_emb')
  if (!isLearned || (family.positions?.when !== undefined && !fields.boolean(family.positions.when, true))) return null
  const rows = fields.number(...(family.positions?.keys ?? ['max_seq_len']))
  return rows === null ? null : embedding('position_embeddings', rows + (family.positions?.extra ?? 0), width)
}
