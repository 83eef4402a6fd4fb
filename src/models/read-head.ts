import type { Head, ParameterTensor } from './architecture.ts'
import type { ConfigFields } from './config-fields.ts'
import { configFlag } from './config-flag.ts'
import type { Family } from './family.ts'
import { linear, norm, parameter } from './tensor.ts'

export interface HeadOptions {
  readonly fields: ConfigFields
  readonly family: Family
  /** `architectures` of the config: the class that the weights were saved from. */
  readonly architectures: readonly string[]
  readonly hiddenSize: number
  readonly vocabSize: number
  readonly tied: boolean
}

/** What sits on top of the last hidden state. */
export function readHead(options: HeadOptions): Head {
  const { fields, family, architectures, vocabSize } = options
  const task = TASKS.find(([suffix]) => architectures.some(name => name.endsWith(suffix)))?.[1]
  const style = HEAD_STYLES[family.headStyle ?? 'decoder']
  if (task === 'sequence-classification' || task === 'token-classification') {
    const outputs = labelCount(fields)
    return { kind: task, outputs, tensors: style[task](options.hiddenSize, outputs) }
  }
  if (!family.encoder) return languageModelHead(options)
  if (task === 'masked-lm')
    return { kind: 'masked-lm', outputs: vocabSize, tensors: style[task](options.hiddenSize, vocabSize) }
  return { kind: 'none', outputs: 0, tensors: style.none(options.hiddenSize) }
}

const TASKS = [
  ['ForSequenceClassification', 'sequence-classification'],
  ['ForTokenClassification', 'token-classification'],
  ['ForMaskedLM', 'masked-lm'],
] as const

function labelCount(fields: ConfigFields): number {
  const names = fields.nested('id2label')
  return fields.number('num_labels') ?? (names ? names.size : 2)
}

function languageModelHead({ fields, family, hiddenSize, vocabSize, tied }: HeadOptions): Head {
  const bias = configFlag(fields, family.headBias)
  const tensors = tied
    ? bias
      ? [parameter('lm_head.bias', 'head', vocabSize)]
      : []
    : [linear('lm_head', 'head', hiddenSize, vocabSize, { bias })]
  return { kind: 'causal-lm', outputs: vocabSize, tensors }
}

type HeadTensors = (hiddenSize: number, outputs: number) => readonly ParameterTensor[]

interface HeadStyle {
  readonly 'sequence-classification': HeadTensors
  readonly 'token-classification': HeadTensors
  readonly 'masked-lm': HeadTensors
  readonly none: (hiddenSize: number) => readonly ParameterTensor[]
}

const dense = (path: string, h: number, bias = true): ParameterTensor => linear(path, 'head', h, h, { bias })
const classifier: HeadTensors = (h, labels) => [linear('classifier', 'head', h, labels, { bias: true })]
const pooledClassifier: HeadTensors = (h, labels) => [dense('pooler.dense', h), ...classifier(h, labels)]
const denseClassifier: HeadTensors = (h, labels) => [
  dense('classifier.dense', h),
  linear('classifier.out_proj', 'head', h, labels, { bias: true }),
]
const maskedLm: HeadTensors = (h, vocabSize) => [
  dense('predictions.transform.dense', h),
  norm('predictions.transform.LayerNorm', h, true),
  parameter('predictions.bias', 'head', vocabSize),
]
const pooler = (h: number): readonly ParameterTensor[] => [dense('pooler.dense', h)]

/** transformers 5.18 `*ForSequenceClassification`, `*ForTokenClassification`, `*ForMaskedLM` of each style. */
const HEAD_STYLES: Readonly<Record<NonNullable<Family['headStyle']>, HeadStyle>> = {
  decoder: {
    'sequence-classification': (h, labels) => [linear('score', 'head', h, labels)],
    'token-classification': (h, labels) => [linear('score', 'head', h, labels, { bias: true })],
    'masked-lm': maskedLm,
    none: () => [],
  },
  bert: {
    'sequence-classification': pooledClassifier,
    'token-classification': classifier,
    'masked-lm': maskedLm,
    none: pooler,
  },
  deberta: {
    'sequence-classification': pooledClassifier,
    'token-classification': classifier,
    'masked-lm': maskedLm,
    none: () => [],
  },
  roberta: {
    'sequence-classification': denseClassifier,
    'token-classification': classifier,
    'masked-lm': maskedLm,
    none: pooler,
  },
  modernbert: {
    'sequence-classification': (h, labels) => [
      dense('head.dense', h, false),
      norm('head.norm', h),
      ...classifier(h, labels),
    ],
    'token-classification': (h, labels) => [
      dense('head.dense', h, false),
      norm('head.norm', h),
      ...classifier(h, labels),
    ],
    'masked-lm': (h, vocabSize) => [
      dense('head.dense', h, false),
      norm('head.norm', h),
      parameter('decoder.bias', 'head', vocabSize),
    ],
    none: () => [],
  },
  distilbert: {
    'sequence-classification': (h, labels) => [dense('pre_classifier', h), ...classifier(h, labels)],
    'token-classification': classifier,
    'masked-lm': (h, vocabSize) => [
      dense('vocab_transform', h),
      norm('vocab_layer_norm', h, true),
      parameter('vocab_projector.bias', 'head', vocabSize),
    ],
    none: () => [],
  },
}
