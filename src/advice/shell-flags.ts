import type { ChangeReport } from '../report/report.ts'
import { inQuotesOf, insertListed, listedValues, replaceListed } from './listed-arguments.ts'

/** How a command line says it: `--key value`, both as words of a list, Hydra's `key=value`, or a variable that the command takes. */
export type ArgumentStyle = NonNullable<ChangeReport['style']>

interface WrittenArgument {
  /** The key, or the name of the variable that holds its value. */
  readonly key: string
  readonly line: number
  /** As written; true: the flag stands alone. */
  readonly value: string | number | boolean
  readonly style: ArgumentStyle
}

type Change = Pick<ChangeReport, 'key' | 'to' | 'style'> & { readonly line?: number | null }

/** Lines of one command among several, from 1. */
export interface LineRange {
  readonly first: number
  readonly last: number
}

/** Where a command sets a key, of a variable its assignment; null: nowhere, or in several places. */
export function findFlag(text: string, key: string, command?: LineRange | null): WrittenArgument | null {
  const listed = listedValues(text, nameOf(key))
  const [item, ...more] = command ? listed.filter(({ line }) => isWithin(line, command)) : listed
  if (item && more.length === 0) return { key, line: item.line, value: plainValue(item.written), style: 'item' }
  if (listed.length > 0) return null
  for (const style of ['flag', 'assignment'] as const) {
    const all = places(text, PATTERNS[style](key))
    const found = all.length > 1 && command ? all.filter(place => isWithin(lineOf(text, place), command)) : all
    const [only] = found
    if (!only) {
      if (all.length > 1) return null
      continue
    }
    if (found.length > 1) return null
    const value = only.groups?.['value']
    const variable = /^(["']?)\$\{?(?<name>\w+)\}?\1$/.exec(value ?? '')?.groups?.['name']
    const assigned = variable === undefined ? null : findVariable(text, variable)
    return assigned ?? { key, line: lineOf(text, only), value: value === undefined ? true : plainValue(value), style }
  }
  return null
}

/** The one line that gives a variable a plain value. */
function findVariable(text: string, name: string): WrittenArgument | null {
  const any = [...text.matchAll(new RegExp(`(?:^|[ \\t;])${name}=|\\b(?:for|read)[ \\t]+${name}\\b`, 'gm'))]
  const [only] = places(text, PATTERNS.variable(name))
  if (any.length !== 1 || !only) return null
  return { key: name, line: lineOf(text, only), value: plainValue(only.groups?.['value'] ?? ''), style: 'variable' }
}

/** The style in which this text would say a key that it does not have yet. */
export function styleOfAdded(text: string, key: string): ArgumentStyle {
  if (insertListed(text, { neighbours: TRAINER_FLAGS, word: key, command: null }) !== null) return 'item'
  return key.includes('.') && !/(?:^|\s)--\w+\.\w/m.test(text) && places(text, DOTTED_ASSIGNMENT).length > 0
    ? 'assignment'
    : 'flag'
}

function plainValue(written: string): string | number | boolean {
  const text = written.replace(/^(["'])(.*)\1$/, '$2')
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text)
  return /^(?:true|false)$/i.test(text) ? text.toLowerCase() === 'true' : text
}

function isWithin(line: number, { first, last }: LineRange): boolean {
  return line >= first && line <= last
}

/**
 * The text with the arguments set: replaced where they are, else added before one that only the trainer has, of the command
 * that is meant.
 */
export function writeFlags(text: string, changes: readonly Change[], command?: LineRange | null): string | null {
  let written: string | null = text
  for (const change of changes) {
    written = written === null ? null : writeArgument(written, change, command ?? null)
    if (written === null) return null
  }
  return written
}

function writeArgument(
  text: string,
  { key, to, line, style = 'flag' }: Change,
  command: LineRange | null,
): string | null {
  if (typeof to !== 'string' && typeof to !== 'number' && typeof to !== 'boolean') return null
  if (style === 'item') return writeListed(text, { key, to, line: line ?? null }, command)
  const word = argumentWord(key, to, style)
  const all = places(text, PATTERNS[style](key))
  const found =
    line == null && command === null ? all : all.filter(place => isMeant(lineOf(text, place), line, command))
  if (found.length > 1) return null
  const [only] = found
  if (only) return replaceAt(text, only, keptSeparator(only, to) ?? word)
  if (style === 'variable' || (all.length > 0 && line != null)) return null
  const beside = places(text, style === 'flag' ? TRAINER_FLAG : DOTTED_ASSIGNMENT)
  const neighbour = beside.find(place => command !== null && isWithin(lineOf(text, place), command)) ?? beside[0]
  return neighbour ? replaceAt(text, neighbour, `${word} ${neighbour.groups?.['word'] ?? ''}`) : null
}

/** In the place of its value, else as a word of its own before a flag that only the trainer has. */
function writeListed(
  text: string,
  { key, to, line }: { readonly key: string; readonly to: string | number | boolean; readonly line: number | null },
  command: LineRange | null,
): string | null {
  const all = listedValues(text, nameOf(key)).filter(own => line === null || own.line === line)
  const [only, ...more] = command && line === null ? all.filter(own => isWithin(own.line, command)) : all
  if (only) return more.length === 0 ? replaceListed(text, only, String(to)) : null
  const word = to === true ? `--${key}` : `--${key}=${to}`
  return line === null ? insertListed(text, { neighbours: TRAINER_FLAGS, word, command }) : null
}

/** `--key=8` stays one word, with its quotes. */
function keptSeparator(match: RegExpExecArray, to: string | number | boolean): string | null {
  const { value, before = '' } = match.groups ?? {}
  const written = match[0].slice(before.length)
  if (value === undefined || !written.startsWith('--') || !written.endsWith(`=${value}`)) return null
  return `${written.slice(0, -value.length)}${inQuotesOf(value, String(to))}`
}

function isMeant(own: number, line: number | null | undefined, command: LineRange | null): boolean {
  return line == null ? command !== null && isWithin(own, command) : own === line
}

/** `--key value`, `key=value`, `NAME=value`. */
export function argumentWord(key: string, value: unknown, style: ArgumentStyle): string {
  if (style === 'flag' || style === 'item') return value === true ? `--${key}` : `--${key} ${String(value)}`
  // Hydra reads Python's words as YAML does.
  return `${key}=${typeof value === 'boolean' && style === 'assignment' ? (value ? 'True' : 'False') : String(value)}`
}

function replaceAt(text: string, match: RegExpExecArray, word: string): string {
  const start = match.index + (match.groups?.['before']?.length ?? 0)
  return text.slice(0, start) + word + text.slice(match.index + match[0].length)
}

/** Matches outside comments. */
function places(text: string, pattern: RegExp): readonly RegExpExecArray[] {
  return [...text.matchAll(pattern)].filter(({ index }) => {
    const line = text.slice(text.lastIndexOf('\n', index - 1) + 1, index)
    return !/(?:^|\s)#/.test(line)
  })
}

function lineOf(text: string, { index, groups }: RegExpExecArray): number {
  return text.slice(0, index + (groups?.['before']?.length ?? 0)).split('\n').length
}

/** A launcher such as torchrun or accelerate has none of these. */
const TRAINER_FLAGS =
  'per_device_train_batch_size|(?:train\\.)?micro[_-](?:train_)?batch[_-]size|global-batch-size|learning_rate|lr|output_dir|model_name_or_path|model|pretrain|dataset'
const TRAINER_FLAG = new RegExp(`(?<before>^|[ \\t])(?<word>--(?:${TRAINER_FLAGS})(?=[= \\t]))`, 'gm')
const DOTTED_ASSIGNMENT = /(?<before>^|[ \t])(?<word>[+~]{0,2}[A-Za-z_]\w*\.[\w.]+=)/gm

/** What ends a word: blanks, line continuations, and quotes or brackets around several. */
const VALUE = `"[^"\\n]*"|'[^'\\n]*'|[^\\s\\\\)"']+`

/** Keys are of our own tables, variables of word characters; commands spell keys with `_` or `-`. */
const PATTERNS: Readonly<Record<Exclude<ArgumentStyle, 'item'>, (key: string) => RegExp>> = {
  flag: key =>
    new RegExp(
      `(?<before>^|[ \\t("'])--${nameOf(key)}(?:(?:=|[ \\t]+)(?<value>(?!--)(?:${VALUE}))|(?=[ \\t\\n\\\\)"']|$))`,
      'gm',
    ),
  assignment: key => new RegExp(`(?<before>(?:^|[ \\t("'])[+~]{0,2})${nameOf(key)}=(?<value>${VALUE})`, 'gm'),
  variable: name =>
    new RegExp(`(?<before>^[ \\t]*(?:export[ \\t]+)?)${name}=(?<value>["']?[\\w.-]+["']?)(?=[ \\t;]*(?:#.*)?$)`, 'gm'),
}

function nameOf(key: string): string {
  return key.replaceAll('.', '\\.').replaceAll(/[_-]/g, '[_-]')
}
