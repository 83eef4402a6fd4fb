import { folderOf, repositoryPath } from '../../files/repository-path.ts'
import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import type { ConfigDocument, ConfigNode } from '../config-document.ts'
import type { ReadContext } from '../reader.ts'
import { shippedBase } from './shipped-bases.ts'

const MAX_DEPTH = 16

/** A config with everything it inherits. */
export interface Inherited {
  readonly root: ConfigNode
  /** Base files that are not in the repository. */
  readonly missing: readonly string[]
}

interface Chain {
  readonly context: ReadContext
  readonly findings: Finding[]
  readonly open: readonly string[]
}

/**
 * Follows `defaults:` through the repository, each relative to the file that names it, and merges child over base
 * (NeMo RL nemo_rl/utils/config.py load_config_with_inheritance).
 */
export async function inherited(document: ConfigDocument, root: ConfigNode, chain: Chain): Promise<Inherited> {
  const named = root.entries.get('defaults')
  const missing: string[] = []
  let base: ConfigNode | undefined
  for (const item of named === undefined ? [] : named.kind === 'sequence' ? named.items : [named]) {
    const name = typeof item.scalar === 'string' ? item.scalar : ''
    const path = repositoryPath(name, folderOf(document.path))
    const parent = path === null || chain.open.includes(path) || chain.open.length >= MAX_DEPTH ? null : path
    const opened = parent === null ? null : await chain.context.open(parent, document)
    const content = opened?.roots[0]
    if (opened === null || content?.kind !== 'mapping') {
      missing.push(name)
      chain.findings.push(missingBase(item, name))
      continue
    }
    const found = await inherited(opened, content, { ...chain, open: [...chain.open, opened.path] })
    missing.push(...found.missing)
    base = base === undefined ? found.root : merged(base, found.root)
  }
  const own = new Map(root.entries)
  own.delete('defaults')
  const self = { ...root, entries: own }
  return { root: base === undefined ? self : merged(base, self), missing }
}

function missingBase({ path, line, column }: ConfigNode, name: string): Finding {
  const shipped = shippedBase(name)
  if (shipped !== undefined)
    return finding('missing-companion', {
      path,
      line,
      column,
      severity: 'notice',
      message: `\`${name.slice(0, 120)}\` is not in the repository; read with NeMo RL's own ${shipped.file}.`,
    })
  const message = `\`${name.slice(0, 120)}\`, which this config inherits from, is not in the repository.`
  return finding('missing-companion', { path, line, column, message })
}

/** OmegaConf.merge: mappings key by key, everything else replaced; `_override_: true` drops the base's section. */
function merged(base: ConfigNode, over: ConfigNode): ConfigNode {
  if (base.kind !== 'mapping' || over.kind !== 'mapping') return over
  const entries = new Map(base.entries)
  for (const [key, node] of over.entries) {
    const below = entries.get(key)
    const replaces = node.entries.get('_override_')?.scalar === true
    entries.set(key, below === undefined || replaces ? node : merged(below, node))
  }
  return { ...over, entries }
}
