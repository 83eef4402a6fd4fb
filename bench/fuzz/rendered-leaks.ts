import { marked, type Token } from 'marked'
import { SECRETS } from './hostile-values.ts'

/** HTML that the renderers write themselves. */
const OWN_HTML = /<\/?(?:details|summary|b|sub|br)\s*\/?>/g
const MENTION = /(?:^|[^\w`/])@[a-z\d]/i
const REFERENCE = /(?:^|[^\w&])(?:[\w.-]+\/[\w.-]+)?#\d|\bGH-\d/i
const ADDRESS = /\b(?:https?|ftp):\/\/|\bwww\.\w|[\w.]@\w+\.\w/i

/** What a text of the report would do on GitHub beyond showing itself; links only below `ownUrl`. Empty: nothing. */
export function markdownLeaks(markdown: string, ownUrl: string): readonly string[] {
  const leaks: string[] = []
  const look = (tokens: readonly Token[]): void => {
    for (const token of tokens) {
      if (token.type === 'image') leaks.push(`image ${token.raw}`)
      if (token.type === 'link' && !token['href'].startsWith(ownUrl)) leaks.push(`link ${token['href']}`)
      if (token.type === 'def') leaks.push(`definition ${token.raw}`)
      if (token.type === 'html') leaks.push(...htmlLeaks(token.raw))
      if (token.type === 'table') leaks.push(...tableLeaks(token.raw))
      if (token.type === 'heading' && token['depth'] < 3) leaks.push(`heading ${token.raw}`)
      const inside = 'tokens' in token && token.tokens ? token.tokens : []
      if (inside.length === 0 && (token.type === 'text' || token.type === 'escape')) leaks.push(...textLeaks(token.raw))
      look(inside)
      if (token.type === 'list') look(token['items'])
      if (token.type === 'table')
        look([...token['header'], ...token['rows'].flat()].flatMap((cell: { tokens: Token[] }) => cell.tokens))
    }
  }
  look(marked.lexer(markdown, { gfm: true }))
  return [...leaks, ...controlLeaks(markdown), ...secretLeaks(markdown)]
}

function textLeaks(raw: string): readonly string[] {
  return [MENTION, REFERENCE, ADDRESS].flatMap(pattern =>
    pattern.test(raw.replaceAll(/`[^`]*`/g, '')) ? [`text ${raw.slice(0, 120)}`] : [],
  )
}

function htmlLeaks(raw: string): readonly string[] {
  const rest = raw.replaceAll(OWN_HTML, '')
  if (/^\s*<!--(?:(?!-->)[\s\S])*-->\s*$/.test(rest)) return []
  return rest.includes('<') ? [`HTML ${raw.slice(0, 120)}`] : textLeaks(rest)
}

/** Every row has the cells of the header: a bar that counts is one that no backslash precedes. */
function tableLeaks(raw: string): readonly string[] {
  const bars = (line: string): number => line.replaceAll(/\\\|/g, '').split('|').length
  const [head = '', ...rows] = raw.trimEnd().split('\n')
  return rows.filter(row => bars(row) !== bars(head)).map(row => `table row ${row.slice(0, 120)}`)
}

/** Controls and direction marks that would hide or move text; tab and line feed are fine. */
export function controlLeaks(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const found = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.exec(text)
  return found ? [`control U+${found[0].charCodeAt(0).toString(16)}`] : []
}

export function secretLeaks(text: string): readonly string[] {
  return SECRETS.filter(secret => text.includes(secret)).map(secret => `secret ${secret}`)
}

/** Lines that the runner would act on, besides whole commands that the Action writes. */
export function logLeaks(log: string): readonly string[] {
  const lines = log.split(/\r\n|\n|\r/)
  const acting = lines.filter(line => line.includes('##[') || (/^\s*::/.test(line) && !OWN_COMMAND.test(line)))
  return [...acting.map(line => `log ${line.slice(0, 120)}`), ...controlLeaks(log), ...secretLeaks(log)]
}

const OWN_COMMAND = /^::(?:(?:error|warning|notice) (?:[a-z]+=[^:,]*,?)*|add-mask|group|endgroup)::/
