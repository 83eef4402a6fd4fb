import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  visit,
  type YAMLError,
} from 'yaml'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { ConfigNode, Scalar } from './config-document.ts'
import { NodeBudget } from './node-budget.ts'

/** YAML (1.1 as PyYAML reads it) or JSON text to trees with positions. */
export function parseYaml(
  path: string,
  text: string,
  version: '1.1' | '1.2',
): { roots: ConfigNode[]; findings: Finding[] } {
  const findings: Finding[] = []
  const lines = new LineCounter()
  const composer = new Composer({ version, uniqueKeys: false, prettyErrors: false, logLevel: 'silent', strict: false })
  const roots: ConfigNode[] = []
  const repeated: Finding[] = []
  const tags: YAMLError[] = []
  const budget = new NodeBudget()
  const hasAliases = text.includes('*')
  // one document after the other: what lies beyond the budget is not even parsed
  for (const document of composer.compose(new Parser(lines.addNewLine).parse(text))) {
    const [error] = document.errors
    if (error) {
      findings.push(yamlProblem(path, lines, error))
      break
    }
    if (document.contents === null) continue
    const lost = hasAliases ? unknownAlias(document) : null
    if (lost) {
      const at = lines.linePos(lost.range?.[0] ?? 0)
      const message = `The alias \`*${lost.source.slice(0, 80)}\` has no anchor before it.`
      findings.push(finding('syntax-error', { path, line: at.line, column: at.col, message }))
      break
    }
    for (const warning of document.warnings) if (warning.code === 'TAG_RESOLVE_FAILED') tags.push(warning)
    const anchors = hasAliases ? anchorsOf(document) : NO_ANCHORS
    const root = new TreeBuilder({ path, lines, repeated, anchors, budget }).build(document.contents, 0)
    if (root) roots.push(root)
    if (budget.problem) break
  }
  if (budget.problem) findings.push(budget.problem)
  const broken = findings.length > 0
  findings.push(...firstOf(repeated), ...firstOf(tags.map(tag => tagProblem(path, lines, tag))))
  return { roots: broken ? [] : roots, findings }
}

const NO_ANCHORS: ReadonlyMap<string, Node> = new Map()

function anchorsOf(document: Document): ReadonlyMap<string, Node> {
  const anchors = new Map<string, Node>()
  visit(document, {
    Node(_key, node) {
      if (!isAlias(node) && node.anchor) anchors.set(node.anchor, node)
    },
  })
  return anchors
}

interface Place {
  readonly line: number
  readonly column: number
}

interface TreeOptions {
  readonly path: string
  readonly lines: LineCounter
  /** Collects keys that are written twice. */
  readonly repeated: Finding[]
  readonly budget: NodeBudget
  readonly anchors: ReadonlyMap<string, Node>
}

class TreeBuilder {
  readonly #options: TreeOptions
  constructor(options: TreeOptions) {
    this.#options = options
  }

  build(node: unknown, depth: number, key?: Place): ConfigNode | null {
    const { budget, path, anchors } = this.#options
    const here = () => ({ path, ...this.#place(node) })
    if (!budget.admits(depth, here)) return null
    if (isAlias(node)) return budget.admitsAlias(here) ? this.build(anchors.get(node.source), depth + 1, key) : null
    const { line, column } = this.#place(node)
    return {
      path,
      line,
      column,
      keyLine: key?.line ?? line,
      keyColumn: key?.column ?? column,
      kind: isMap(node) ? 'mapping' : isSeq(node) ? 'sequence' : 'scalar',
      scalar: isScalar(node) ? toScalar(node.value, node.source) : null,
      items: isSeq(node) ? node.items.map(item => this.build(item, depth + 1)).filter(item => item !== null) : NO_ITEMS,
      entries: isMap(node) ? this.#entries(node.items, depth) : NO_ENTRIES,
    }
  }

  #entries(pairs: readonly Pair[], depth: number): ReadonlyMap<string, ConfigNode> {
    const entries = new Map<string, ConfigNode>()
    const merged = new Set<string>()
    for (const pair of pairs) {
      const key = isScalar(pair.key) ? String(pair.key.source ?? pair.key.value) : String(pair.key)
      const at = this.#place(pair.key)
      const child = this.build(pair.value, depth + 1, at)
      if (!child) continue
      if (key === '<<') {
        for (const source of child.kind === 'sequence' ? child.items : [child])
          for (const [name, value] of source.entries)
            if (!entries.has(name)) {
              entries.set(name, value)
              merged.add(name)
            }
        continue
      }
      if (entries.has(key) && !merged.has(key)) this.#duplicate(key, at)
      merged.delete(key)
      entries.set(key, child)
    }
    return entries
  }

  #duplicate(key: string, at: Place): void {
    const message = `\`${key}\` is written again here; the trainer keeps this one and drops the first.`
    this.#options.repeated.push(finding('duplicate-key', { path: this.#options.path, ...at, message }))
  }

  #place(node: unknown): Place {
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null
    const offset = Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0
    const at = this.#options.lines.linePos(offset)
    return { line: Math.max(1, at.line), column: Math.max(1, at.col) }
  }
}

/** An alias whose anchor does not stand before it: PyYAML stops there. */
function unknownAlias(document: Document): Alias | undefined {
  const anchors = new Set<string>()
  const lost: Alias[] = []
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        if (!anchors.has(node.source)) lost.push(node)
      } else if (node.anchor) anchors.add(node.anchor)
    },
  })
  return lost[0]
}

const NO_ITEMS: readonly ConfigNode[] = []
const NO_ENTRIES: ReadonlyMap<string, ConfigNode> = new Map()

/** YAML 1.1 takes these for booleans and PyYAML does not (resolver.py 6.0). */
const PLAIN_LETTERS = new Set(['y', 'Y', 'n', 'N'])

function toScalar(value: unknown, source: string | undefined): Scalar {
  if (typeof value === 'boolean' && source !== undefined && PLAIN_LETTERS.has(source)) return source
  // an octal with an 8 or 9 in it is no number for PyYAML
  if (typeof value === 'number' && source !== undefined && /^[-+]?0\d*[89]\d*$/.test(source)) return source
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' || value === null)
    return value
  if (typeof value === 'bigint') return Number(value)
  return source ?? null
}

/** A file of repeated mistakes is told by the first ones. */
const MAX_ALIKE = 20

function firstOf(findings: readonly Finding[]): readonly Finding[] {
  return findings.slice(0, MAX_ALIKE).map((problem, index) => {
    const more = findings.length - MAX_ALIKE
    return index === MAX_ALIKE - 1 && more > 0
      ? { ...problem, message: `${problem.message} The file has ${more} more like it.` }
      : problem
  })
}

function yamlProblem(path: string, lines: LineCounter, error: YAMLError): Finding {
  const at = lines.linePos(error.pos[0])
  const place = { path, line: Math.max(1, at.line), column: Math.max(1, at.col) }
  const message = error.message.split('\n', 1)[0] ?? error.message
  if (message.includes('call stack'))
    return finding('input-limit', { ...place, message: 'The file has values nested too deep to be read.' })
  return finding('syntax-error', { ...place, message: `Not valid YAML or JSON: ${message.replace(/[.:]?$/, '.')}` })
}

/** PyYAML's safe loader stops at a tag that it has no constructor for; nothing is ever constructed here. */
function tagProblem(path: string, lines: LineCounter, { pos, message }: YAMLError): Finding {
  const at = lines.linePos(pos[0])
  const text = `${message.split('\n', 1)[0]?.slice(0, 120)}. A safe YAML loader refuses it; the value is read as if it had no tag.`
  return finding('unsupported-option', { path, line: at.line, column: at.col, message: text })
}
