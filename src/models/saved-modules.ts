import type { AdapterPlan } from '../plan/training-plan.ts'
import type { Architecture, ParameterTensor } from './architecture.ts'
import { countedTensors } from './counted-tensors.ts'
import type { CountedTensor } from './model-counts.ts'
import { moduleNames } from './module-names.ts'

/** Parameters of full trainable copies of modules: the tables and the head, or any tensor of a layer. */
export function savedModules(architecture: Architecture, adapter: AdapterPlan): number {
  const { embedding, vocabSize, tiedEmbeddings } = architecture
  const saved = savedNames(architecture, adapter)
  const copied = countedTensors(architecture)
    .filter(counted => isSaved(architecture, adapter, counted))
    .reduce((count, { tensor, layers }) => count + layers * tensor.parameters, 0)
  const isHead = HEAD_ALIASES.some(alias => saved.some(name => alias.endsWith(name)))
  const width = embedding[0]?.outFeatures ?? 0
  return copied + (tiedEmbeddings && isHead ? width * vocabSize : 0)
}

/** The module, or one around it, ends in a name to save (PEFT other.py `_set_trainable`). */
export function isSaved(architecture: Architecture, adapter: AdapterPlan, counted: CountedTensor): boolean {
  const saved = savedNames(architecture, adapter)
  if (saved.length === 0) return false
  const own = moduleNames(architecture, counted, counted.places?.[0] ?? null)
  const aliases = isTable(counted.tensor) ? TABLE_ALIASES : isHead(counted.tensor) ? HEAD_ALIASES : []
  return [...own, ...aliases].some(name => ends(name, saved))
}

/** PEFT saves the head of a classification unasked (peft_model.py PeftModelForSequenceClassification). */
export function savedNames({ head }: Architecture, { modulesToSave }: AdapterPlan): readonly string[] {
  const isTask = head.kind === 'sequence-classification' || head.kind === 'token-classification'
  return [...modulesToSave, ...(isTask ? ['classifier', 'score'] : [])]
}

/** What frameworks and older models call the table of tokens and the output. */
const TABLE_ALIASES = ['embed_tokens', 'wte', 'word_embeddings', 'embed_in', 'tok_embeddings', 'shared'] as const
const HEAD_ALIASES = ['lm_head', 'embed_out', 'output', 'proj_out'] as const

function isTable({ path }: ParameterTensor): boolean {
  return path === 'embed_tokens' || path === 'shared' || path === 'decoder.embed_tokens'
}

function isHead({ path }: ParameterTensor): boolean {
  return path === 'lm_head'
}

function ends(name: string, saved: readonly string[]): boolean {
  const parts = name.split('.')
  return parts.some((_, at) => {
    const module = parts.slice(0, at + 1).join('.')
    return saved.some(end => module.endsWith(end))
  })
}
