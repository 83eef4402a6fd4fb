const MAX_TEXT = 120

/** Untrusted text as a code span that nothing inside can leave, cut in the middle at 120 characters. */
export function code(text: string): string {
  const flat = cut(clean(text))
  if (flat === '') return '` `'
  const runs = flat.match(/`+/g) ?? []
  const fence = '`'.repeat(Math.max(0, ...runs.map(({ length }) => length)) + 1)
  const pad = flat.startsWith('`') || flat.endsWith('`') ? ' ' : ''
  return `${fence}${pad}${flat}${pad}${fence}`
}

/** Untrusted text inside prose: no markdown, HTML, mention, reference or link survives; code spans of our own messages stay. */
export function prose(text: string): string {
  return clean(text)
    .split(/(`[^`]{1,200}`)/)
    .map(part => (/^`[^`]+`$/.test(part) ? code(part.slice(1, -1)) : escapeProse(part)))
    .join('')
}

/** Untrusted text inside an HTML element, where GitHub reads no markdown but still finds mentions and links. */
export function htmlText(text: string): string {
  return defused(escapeHtml(cut(clean(text))))
}

function escapeProse(text: string): string {
  return defused(escapeHtml(text).replaceAll(/([\\`*_{}[\]|~])/g, '\\$1'))
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** A zero-width space keeps a mention, a reference or an address from becoming one. */
function defused(text: string): string {
  return text
    .replaceAll('@', '@\u200B')
    .replaceAll(/#(?=\d)/g, '#\u200B')
    .replaceAll(/GH-(?=\d)/gi, 'GH\u200B-')
    .replaceAll(/(https?|ftp):\/\//gi, '$1:\u200B//')
    .replaceAll(/www\./gi, 'www\u200B.')
}

/** A line inside a fenced block: no fence and no control character can end it. */
export function fenced(text: string): string {
  return clean(text).replaceAll('```', "'''").replaceAll('~~~', "'''")
}

/** Control characters, line ends and bidirectional overrides become spaces. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu

function clean(text: string): string {
  return text.replaceAll(UNPRINTABLE, ' ')
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT / 2 - 1)}…${text.slice(1 - MAX_TEXT / 2)}`
}

/** Text for a terminal: control characters and bidirectional overrides are gone. */
export function plain(text: string): string {
  return clean(text)
}
