import { argumentWord } from '../advice/shell-flags.ts'
import { fenced } from './escape-markdown.ts'
import type { ChangeReport } from './report.ts'

/** The lines of a diff that make one change, as the file's own syntax has it. */
export function changeLines(change: ChangeReport): readonly string[] {
  const { before, removed, added } = LINES[change.style === 'item' ? 'list' : syntaxOf(change)](change)
  return [
    ...before.map(line => `  ${line}`),
    ...removed.map(line => `- ${line}`),
    ...added.map(line => `+ ${line}`),
  ].map(fenced)
}

/** `key: value`, `key = value` or `--key value` on one line. */
export function changeWord(change: ChangeReport, value: unknown): string {
  const { key, style } = change
  const syntax = syntaxOf(change)
  if (syntax === 'shell') return argumentWord(key, value, style ?? 'flag')
  return `${key}${syntax === 'toml' ? ' =' : ':'} ${scalarText(value)}`
}

interface Lines {
  readonly before: readonly string[]
  readonly removed: readonly string[]
  readonly added: readonly string[]
}

const LINES = {
  /** Dotted keys are written as the nested mapping that they mean. */
  yaml({ key, from, to }: ChangeReport): Lines {
    const parts = key.split('.')
    const indent = '  '.repeat(parts.length - 1)
    const name = `${indent}${parts.at(-1) ?? key}`
    return {
      before: parts.slice(0, -1).map((part, depth) => `${'  '.repeat(depth)}${part}:`),
      removed: isAbsent(from) ? [] : yamlLines(name, from, indent),
      added: yamlLines(name, to, indent),
    }
  },
  toml({ key, from, to }: ChangeReport): Lines {
    const parts = key.split('.')
    const name = parts.at(-1) ?? key
    return {
      before: parts.length > 1 ? [`[${parts.slice(0, -1).join('.')}]`] : [],
      removed: isAbsent(from) ? [] : [`${name} = ${JSON.stringify(from)}`],
      added: [`${name} = ${JSON.stringify(to)}`],
    }
  },
  /** A flag and its value are words of a list; a new one is a single word. */
  list: ({ key, from, to }: ChangeReport): Lines =>
    isAbsent(from)
      ? { before: [], removed: [], added: [to === true ? `- --${key}` : `- --${key}=${String(to)}`] }
      : { before: [`- --${key}`], removed: [`- "${String(from)}"`], added: [`- "${String(to)}"`] },
  shell: ({ key, from, to, style = 'flag' }: ChangeReport): Lines => ({
    before: [],
    removed: isAbsent(from) ? [] : [argumentWord(key, from, style)],
    added: [argumentWord(key, to, style)],
  }),
} as const

function syntaxOf({ path, style }: ChangeReport): keyof typeof LINES {
  if (style !== undefined) return 'shell'
  return /\.toml$/i.test(path) ? 'toml' : 'yaml'
}

function yamlLines(name: string, value: unknown, indent: string): readonly string[] {
  if (Array.isArray(value) && value.length > 0)
    return [`${name}:`, ...value.map(item => `${indent}  - ${scalarText(item)}`)]
  return [`${name}: ${scalarText(value)}`]
}

function scalarText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function isAbsent(value: unknown): boolean {
  return value === null || value === undefined
}
