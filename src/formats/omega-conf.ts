import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { type ConfigNode, nodeAt } from './config-document.ts'

const REFERENCE = /\$\{([^${}]+)\}/g
const REMOTE_KEY = /dir|path|name|project|folder|prefix|entity|tags|log|wandb|file/i

/** The tree with OmegaConf's `${a.b}` replaced by the value in the same file; what is set elsewhere reads as null. */
export function resolveInterpolations(root: ConfigNode, findings: Finding[]): ConfigNode {
  return resolve(root, { root, findings, key: '', depth: 0 })
}

interface State {
  readonly root: ConfigNode
  readonly findings: Finding[]
  readonly key: string
  readonly depth: number
}

function resolve(node: ConfigNode, state: State): ConfigNode {
  if (node.kind === 'sequence') return { ...node, items: node.items.map(item => resolve(item, state)) }
  if (node.kind === 'mapping') {
    const entries = new Map<string, ConfigNode>()
    for (const [key, child] of node.entries) entries.set(key, resolve(child, { ...state, key }))
    return { ...node, entries }
  }
  if (typeof node.scalar !== 'string' || !node.scalar.includes('${')) return node
  const whole = /^\$\{([^${}]+)\}$/.exec(node.scalar)?.[1]
  if (whole !== undefined) {
    const target = lookup(whole, state)
    if (target === undefined) return unresolved(node, whole, state)
    return { ...target, line: node.line, column: node.column, keyLine: node.keyLine, keyColumn: node.keyColumn }
  }
  let missing: string | undefined
  const text = node.scalar.replace(REFERENCE, (reference: string, name: string) => {
    const scalar = lookup(name, state)?.scalar
    if (scalar === undefined || scalar === null) missing ??= name
    return scalar === undefined || scalar === null ? reference : String(scalar)
  })
  return missing === undefined ? { ...node, scalar: text } : unresolved(node, missing, state)
}

function lookup(reference: string, state: State): ConfigNode | undefined {
  if (state.depth > 8) return undefined
  const environment = /^oc\.env:\s*\w+\s*,\s*(.+)$/.exec(reference)?.[1]
  if (environment !== undefined) return { ...state.root, kind: 'scalar', scalar: environment, entries: new Map() }
  const target = nodeAt(state.root, reference.trim())
  return target && target.kind === 'scalar' ? resolve(target, { ...state, depth: state.depth + 1 }) : target
}

function unresolved(node: ConfigNode, name: string, { key, findings }: State): ConfigNode {
  if (!REMOTE_KEY.test(key)) {
    const message = `\`${key}\` refers to \`${name.slice(0, 80)}\`, which this file does not set.`
    findings.push(finding('unresolved-variable', { path: node.path, line: node.line, column: node.column, message }))
  }
  return { ...node, scalar: null }
}
