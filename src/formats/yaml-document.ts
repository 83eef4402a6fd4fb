import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseAllDocuments, visit } from 'yaml'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { ConfigNode, Scalar } from './config-document.ts'
import { INPUT_LIMITS } from './input-limits.ts'

/** YAML (1.1 as PyYAML reads it) or JSON text to trees with positions. */
export function parseYaml(
  path: string,
  text: string,
  version: '1.1' | '1.2',
): { roots: ConfigNode[]; findings: Finding[] } {
  const findings: Finding[] = []
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    version,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    strict: false,
  })
  const roots: ConfigNode[] = []
  for (const document of Array.isArray(parsed) ? parsed : []) {
    const error = document.errors[0]
    if (error) {
      const at = lines.linePos(error.pos[0])
      const message = error.message.split('\n', 1)[0] ?? error.message
      findings.push(finding('syntax-error', { path, line: at.line, column: at.col, message }))
      continue
    }
    if (document.contents === null) continue
    const anchors = new Map<string, Node>()
    visit(document, {
      Node(_key, node) {
        if (!isAlias(node) && node.anchor) anchors.set(node.anchor, node)
      },
    })
    const root = new TreeBuilder({ path, lines, findings, anchors }).build(document.contents, 0)
    if (root) roots.push(root)
  }
  const broken = findings.some(({ code }) => code === 'syntax-error' || code === 'input-limit')
  return { roots: broken ? [] : roots, findings }
}

interface Place {
  readonly line: number
  readonly column: number
}

interface TreeOptions {
  readonly path: string
  readonly lines: LineCounter
  readonly findings: Finding[]
  readonly anchors: ReadonlyMap<string, Node>
}

class TreeBuilder {
  readonly #options: TreeOptions
  #aliases = 0
  #nodes = 0
  #stopped = false

  constructor(options: TreeOptions) {
    this.#options = options
  }

  build(node: unknown, depth: number, key?: Place): ConfigNode | null {
    if (this.#stopped) return null
    this.#nodes += 1
    if (depth > INPUT_LIMITS.depth) return this.#stop(node, `values nested deeper than ${INPUT_LIMITS.depth} levels`)
    if (this.#nodes > INPUT_LIMITS.values) return this.#stop(node, `more than ${INPUT_LIMITS.values} values`)
    if (isAlias(node)) {
      this.#aliases += 1
      if (this.#aliases > INPUT_LIMITS.aliasExpansions)
        return this.#stop(node, `more than ${INPUT_LIMITS.aliasExpansions} alias expansions`)
      return this.build(this.#options.anchors.get(node.source), depth + 1, key)
    }
    const at = this.#place(node)
    const place = {
      path: this.#options.path,
      ...at,
      keyLine: key?.line ?? at.line,
      keyColumn: key?.column ?? at.column,
    }
    if (isMap(node))
      return { ...place, kind: 'mapping', scalar: null, items: [], entries: this.#entries(node.items, depth) }
    if (isSeq(node)) {
      const items = node.items.map(item => this.build(item, depth + 1)).filter(item => item !== null)
      return { ...place, kind: 'sequence', scalar: null, items, entries: NO_ENTRIES }
    }
    const scalar = isScalar(node) ? toScalar(node.value, node.source) : null
    return { ...place, kind: 'scalar', scalar, items: [], entries: NO_ENTRIES }
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
    this.#options.findings.push(finding('duplicate-key', { path: this.#options.path, ...at, message }))
  }

  #place(node: unknown): Place {
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null
    const offset = Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0
    const at = this.#options.lines.linePos(offset)
    return { line: Math.max(1, at.line), column: Math.max(1, at.col) }
  }

  #stop(node: unknown, what: string): null {
    this.#stopped = true
    const message = `The file has ${what}; expected fewer.`
    this.#options.findings.push(finding('input-limit', { path: this.#options.path, ...this.#place(node), message }))
    return null
  }
}

const NO_ENTRIES: ReadonlyMap<string, ConfigNode> = new Map()

function toScalar(value: unknown, source: string | undefined): Scalar {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' || value === null)
    return value
  if (typeof value === 'bigint') return Number(value)
  return source ?? null
}
