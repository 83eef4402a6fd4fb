/**
 * Text of unknown origin as one line that the runner's log cannot act on: no line ends (a lone CR ends a line too), no control or
 * direction characters, no `##[command]` anywhere, no `::command::`.
 */
export function logText(text: string): string {
  return text
    .replace(/[\r\n\u2028\u2029]+/g, ' ')
    .replace(UNPRINTABLE, '')
    .replaceAll('##[', '## [')
    .replace(/:(?=:)/g, ': ')
}

/** The text without characters that would hide, move or colour it. */
export function withoutControls(text: string): string {
  return text.replace(UNPRINTABLE, '')
}

/** C0 and C1 controls, zero-width and bidirectional formatting. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g
