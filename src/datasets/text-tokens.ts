/**
 * Characters per token where nobody can run the tokenizer: four of alphabetic text (OpenAI, "What are tokens": about four
 * characters of English) and 1.6 of Chinese, Japanese and Korean (Qwen tokenization note: 1.5–1.8 Chinese characters).
 */
const CHARACTERS_PER_TOKEN = { alphabetic: 4, ideographic: 1.6 }
const IDEOGRAPHIC = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]/g

export const TOKEN_RULE = '4 characters a token, 1.6 of Chinese, Japanese or Korean'

/** Tokens of a text by the rule; not what a tokenizer would give. */
export function estimatedTokens(text: string): number {
  const ideographic = text.match(IDEOGRAPHIC)?.length ?? 0
  return ideographic / CHARACTERS_PER_TOKEN.ideographic + (text.length - ideographic) / CHARACTERS_PER_TOKEN.alphabetic
}

/**
 * Tokens of the sequence that a record stands for: every string value, keys and numbers left out. A pair (`chosen` and
 * `rejected`, the names of trl 1.13 docs/dataset_formats) is two sequences of the same prompt: their mean.
 */
export function recordTokens(value: unknown): number {
  if (typeof value !== 'object' || value === null || !('chosen' in value && 'rejected' in value))
    return estimatedTokens(textOf(value))
  const { chosen, rejected, ...shared } = value
  return estimatedTokens(textOf(shared)) + estimatedTokens(textOf([chosen, rejected])) / 2
}

function textOf(value: unknown): string {
  const texts: string[] = []
  const open: unknown[] = [value]
  while (open.length > 0) {
    const item = open.pop()
    if (typeof item === 'string') texts.push(item)
    else if (typeof item === 'object' && item !== null) open.push(...Object.values(item))
  }
  return texts.join('\n')
}
