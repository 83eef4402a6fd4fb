import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { type ConfigNode, nodeAt } from './config-document.ts'

const REFERENCE = /\$\{([^${}]+)\}/g
/** References inside references, innermost first: as many levels as configs write. */
const NESTING = 4
const REMOTE_KEY = /dir|path|name|project|folder|prefix|entity|tags|log|wandb|file/i

/**
 * The tree with OmegaConf's `${a.b}`, `${.a}` and `${mul:2,3}` replaced by the value in the same file; what is set
 * elsewhere reads as null. `keys`: the top-level keys to look into; absent: all.
 */
export function resolveInterpolations(root: ConfigNode, findings: Finding[], keys?: readonly string[]): ConfigNode {
  const state: State = { root, findings, key: '', depth: 0, parents: [] }
  if (keys === undefined) return resolve(root, state)
  const entries = new Map(root.entries)
  for (const key of keys) {
    const child = entries.get(key)
    if (child) entries.set(key, resolve(child, { ...state, key, parents: [root] }))
  }
  return { ...root, entries }
}

interface State {
  readonly root: ConfigNode
  readonly findings: Finding[]
  readonly key: string
  readonly depth: number
  /** The mappings around the value, outermost first. */
  readonly parents: readonly ConfigNode[]
}

function resolve(node: ConfigNode, state: State): ConfigNode {
  if (node.kind === 'sequence') return { ...node, items: node.items.map(item => resolve(item, state)) }
  if (node.kind === 'mapping') {
    const entries = new Map<string, ConfigNode>()
    const parents = [...state.parents, node]
    for (const [key, child] of node.entries) entries.set(key, resolve(child, { ...state, key, parents }))
    return { ...node, entries }
  }
  if (typeof node.scalar !== 'string' || !node.scalar.includes('${')) return node
  const whole = /^\$\{([^${}]+)\}$/.exec(node.scalar)?.[1]
  if (whole !== undefined) {
    const target = lookup(whole, state)
    if (target === undefined) return unresolved(node, whole, state)
    const { path, line, column, keyLine, keyColumn } = node
    return { ...target, path, line, column, keyLine, keyColumn }
  }
  let missing: string | undefined
  let text = node.scalar
  for (let level = 0; level < NESTING && missing === undefined && text.includes('${'); level++)
    text = text.replace(REFERENCE, (reference: string, name: string) => {
      const scalar = lookup(name, state)?.scalar
      if (scalar === undefined || scalar === null) missing ??= name
      return scalar === undefined || scalar === null ? reference : String(scalar)
    })
  if (missing !== undefined || text.includes('${')) return unresolved(node, missing ?? node.scalar, state)
  const isComputed = /^\$\{\w+:[\s\S]*\}$/.test(node.scalar) && Number.isFinite(Number(text))
  return { ...node, scalar: isComputed ? Number(text) : text }
}

function lookup(reference: string, state: State): ConfigNode | undefined {
  if (state.depth > 8) return undefined
  const environment = /^oc\.env:\s*\w+\s*,\s*(.+)$/.exec(reference)?.[1]
  if (environment !== undefined) return { ...state.root, kind: 'scalar', scalar: environment, entries: new Map() }
  const computed = compute(reference, state.root)
  if (computed !== undefined) return computed
  const [, dots = '', path = ''] = /^(\.*)(.*)$/.exec(reference.trim()) ?? []
  const around = dots === '' ? [state.root] : state.parents.slice(0, state.parents.length - dots.length + 1)
  const own = nodeAt(around.at(-1), path) === undefined && dots === '' ? withoutGroup(path, state.root) : path
  const target = nodeAt(around.at(-1), own)
  if (target?.kind !== 'scalar') return target
  return resolve(target, { ...state, depth: state.depth + 1, parents: [...around, ...nodesAlong(around.at(-1), own)] })
}

/** Hydra lays a file of `conf/training/…` under `training`, by which it may call itself. */
function withoutGroup(path: string, root: ConfigNode): string {
  const dot = path.indexOf('.')
  return dot > 0 && root.path.split('/').slice(0, -1).includes(path.slice(0, dot)) ? path.slice(dot + 1) : path
}

/** The mappings on the way to a dotted path, without its start and its end. */
function nodesAlong(start: ConfigNode | undefined, path: string): readonly ConfigNode[] {
  const keys = path.split('.').slice(0, -1)
  return keys.flatMap((_, index) => nodeAt(start, keys.slice(0, index + 1).join('.')) ?? [])
}

/** Resolvers of two numbers that trainers register (NeMo RL nemo_rl/utils/config.py, NeMo utils, NeMo-Aligner utils, NeMo-Framework-Launcher). */
const RESOLVERS: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  multiply: (a, b) => a * b,
  div: (a, b) => a / b,
  int_div: (a, b) => Math.floor(a / b),
  divide_floor: (a, b) => Math.floor(a / b),
  divide_ceil: (a, b) => Math.ceil(a / b),
  max: (a, b) => Math.max(a, b),
}

function compute(reference: string, root: ConfigNode): ConfigNode | undefined {
  const [, name = '', first, second] = /^(\w+):\s*(-?[\d.e+]+)\s*,\s*(-?[\d.e+]+)\s*$/.exec(reference) ?? []
  const resolver = Object.hasOwn(RESOLVERS, name) ? RESOLVERS[name] : undefined
  const scalar = resolver?.(Number(first), Number(second))
  return scalar !== undefined && Number.isFinite(scalar)
    ? { ...root, kind: 'scalar', scalar, items: [], entries: new Map() }
    : undefined
}

function unresolved(node: ConfigNode, name: string, { key, findings }: State): ConfigNode {
  if (!REMOTE_KEY.test(key)) {
    const message = `\`${key}\` refers to \`${name.slice(0, 80)}\`, which this file does not set.`
    findings.push(finding('unresolved-variable', { path: node.path, line: node.line, column: node.column, message }))
  }
  return { ...node, scalar: null }
}
