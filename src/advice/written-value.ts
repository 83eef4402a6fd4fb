import { type ConfigDocument, type ConfigNode, nodeAt, plainData } from '../formats/config-document.ts'
import type { Provenance } from '../plan/provenance.ts'
import { findFlag } from './shell-flags.ts'

type Documents = ReadonlyMap<string, ConfigDocument>

/** The key under which a file has a value: the reader's own, else that of the line it stands on; null: in no file. */
export function writtenKey(documents: Documents, { path, key, line }: Provenance): string | null {
  const document = path === undefined ? undefined : documents.get(path)
  if (!document) return null
  if (key !== undefined) return key
  if (document.syntax === 'shell' || line === undefined) return null
  for (const root of document.roots) {
    const found = keyOnLine(root, line, '')
    if (found !== null) return found
  }
  return null
}

function keyOnLine(node: ConfigNode, line: number, prefix: string): string | null {
  for (const [key, child] of node.entries) {
    const dotted = `${prefix}${key}`
    if (child.keyLine === line && child.kind !== 'mapping') return dotted
    const inner = keyOnLine(child, line, `${dotted}.`)
    if (inner !== null) return inner
  }
  return null
}

/** What stands under a key; of several documents in a file in the one that has the line. undefined: nothing. */
export function writtenValue(documents: Documents, { path, line }: Provenance, key: string): unknown {
  const document = path === undefined ? undefined : documents.get(path)
  if (!document) return undefined
  if (document.syntax === 'shell') {
    const at = line === undefined ? null : { first: line, last: line }
    return findFlag(document.text, key.replace(/^-+/, ''), at)?.value
  }
  const nodes = document.roots.flatMap(root => nodeAt(root, key) ?? [])
  const node = nodes.find(({ keyLine }) => keyLine === line) ?? nodes[0]
  return node ? plainData(node) : undefined
}
