import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import { type ConfigDocument, type ConfigNode, hasKeys } from '../config-document.ts'
import type { ReadContext } from '../reader.ts'

/** Keys with `_` for `-` (neox_arguments/arguments.py from_ymls). */
export function normalised(root: ConfigNode): ConfigNode {
  const entries = new Map([...root.entries].map(([key, node]) => [key.replaceAll('-', '_'), node] as const))
  return { ...root, entries }
}

/** The files that a `deepy.py` command names as one mapping; a key in two of them stops GPT-NeoX. */
export async function mergeFiles(
  root: ConfigNode,
  { document, context, findings }: { document: ConfigDocument; context: ReadContext; findings: Finding[] },
): Promise<ConfigNode> {
  if (!hasKeys(root, 'conf_files')) return normalised(root)
  const named = root.entries.get('conf_files')
  const folder = root.entries.get('conf_dir')?.scalar
  const merged = new Map<string, ConfigNode>()
  for (const item of named?.kind === 'sequence' ? named.items : named ? [named] : []) {
    const file = String(item.scalar ?? '')
    const name = /\.(?:ya?ml|json)$/.test(file) ? file : `${file}.yml`
    const path = typeof folder === 'string' ? `${folder.replace(/\/+$/, '')}/${name}` : name
    const place = { path: item.path, line: item.line, column: item.column }
    const opened = await context.open(path, document)
    const content = opened?.roots[0]
    if (content?.kind !== 'mapping') {
      const message = `\`${path}\` is not a GPT-NeoX config in this repository.`
      findings.push(finding('missing-companion', { ...place, message }))
      continue
    }
    for (const [key, node] of normalised(content).entries) {
      const known = merged.get(key)
      if (known) {
        const message = `\`${key}\` stands in ${known.path} too; GPT-NeoX stops at keys of two files.`
        findings.push(
          finding('duplicate-key', { path: node.path, line: node.keyLine, column: node.keyColumn, message }),
        )
      }
      merged.set(key, node)
    }
  }
  return { ...root, entries: merged }
}
