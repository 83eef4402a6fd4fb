import { rowOf } from '../plan/row-of.ts'

/** Packages whose version changes a default or a figure, by their normalised name. */
const KNOWN: ReadonlySet<string> = new Set([
  ...['torch', 'transformers', 'trl', 'peft', 'accelerate', 'deepspeed', 'bitsandbytes', 'flash-attn', 'liger-kernel'],
  ...['axolotl', 'llamafactory', 'ms-swift', 'unsloth', 'autotrain-advanced', 'vllm', 'torchtune', 'litgpt', 'torchao'],
  ...[
    'torchtitan',
    'nemo-automodel',
    'llm-foundry',
    'openrlhf',
    'verl',
    'megatron-core',
    'megatron-bridge',
    'xformers',
  ],
])

const ALIASES: Readonly<Record<string, string>> = {
  pytorch: 'torch',
  'llama-factory': 'llamafactory',
  swift: 'ms-swift',
}

/** How much a file says: a lock is what gets installed, a requirement only bounds it. */
const RANKS: readonly (readonly [RegExp, number, (text: string) => readonly Pin[]])[] = [
  [/(^|\/)(uv|poetry|pdm)\.lock$/, 4, readLock],
  [
    /(^|\/)[^/]*requirements[^/]*\.(txt|in)$|(^|\/)requirements\/[^/]+\.txt$|(^|\/)constraints[^/]*\.txt$/,
    3,
    readRequirements,
  ],
  [/(^|\/)environment[^/]*\.ya?ml$/, 2, readRequirements],
  [/(^|\/)pyproject\.toml$|(^|\/)setup\.py$/, 2, readQuoted],
  [/(^|\/)setup\.cfg$/, 2, readRequirements],
  [/(^|\/)[^/]*Dockerfile[^/]*$|\.dockerfile$/i, 1, readDockerfile],
]

interface Pin {
  readonly name: string
  readonly version: string
  /** False: an upper or compatible bound rather than one version. */
  readonly exact: boolean
}

/** True for the files that {@link readLibraryVersions} reads. */
export function isLibraryFile(path: string): boolean {
  return RANKS.some(([pattern]) => pattern.test(path))
}

/** Library → what the files of one folder say of it. */
export type PinnedLibraries = ReadonlyMap<string, Weighed>

interface Weighed {
  readonly version: string
  readonly exact: boolean
  readonly weight: number
}

/**
 * Library versions of one folder from requirements, lock files, pyproject.toml, environment.yml and Dockerfiles. Locks
 * win over pins and pins over bounds. A lower bound alone says nothing: the newest version would be installed.
 */
export function pinLibraries(files: ReadonlyMap<string, string>): PinnedLibraries {
  const best = new Map<string, Weighed>()
  for (const [path, text] of files) {
    const row = RANKS.find(([pattern]) => pattern.test(path))
    if (row === undefined) continue
    const [, rank, read] = row
    const depth = path.split('/').length - 1
    for (const { name, version, exact } of read(text)) {
      const weight = rank * 100 + (exact ? 50 : 0) - Math.min(depth, 40)
      const known = best.get(name)
      if (known === undefined || weight > known.weight) best.set(name, { version, exact, weight })
    }
  }
  return best
}

/** The nearer folder's version, unless it is only a bound and the outer one says exactly. */
export function mergePins(outer: PinnedLibraries, nearer: PinnedLibraries): PinnedLibraries {
  const merged = new Map(outer)
  for (const [name, pin] of nearer) if (pin.exact || !merged.get(name)?.exact) merged.set(name, pin)
  return merged
}

export function versionsOf(pins: PinnedLibraries): Record<string, string> {
  return Object.fromEntries(
    [...pins].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { version }]) => [name, version]),
  )
}

/** {@link pinLibraries}, by name. */
export function readLibraryVersions(files: ReadonlyMap<string, string>): Record<string, string> {
  return versionsOf(pinLibraries(files))
}

/** `name == "…"`/`version = "…"` pairs of TOML lock files. */
function readLock(text: string): readonly Pin[] {
  const pins: Pin[] = []
  for (const block of text.split(/^\[\[package\]\]/m).slice(1)) {
    const name = libraryName(/^name\s*=\s*"([^"]+)"/m.exec(block)?.[1] ?? '')
    const version = /^version\s*=\s*"([^"]+)"/m.exec(block)?.[1]
    if (name !== null && version !== undefined) pins.push({ name, version, exact: true })
  }
  return pins
}

function readRequirements(text: string): readonly Pin[] {
  return text.split('\n').flatMap(line => pinOf(line.replace(/\s#.*$|^#.*$/, '').replace(/^\s*-\s+/, '')))
}

/** Quoted requirements (`"trl>=0.19,<0.20"`) and Poetry's `trl = "^0.19"`. */
function readQuoted(text: string): readonly Pin[] {
  const quoted = [...text.matchAll(/["']([A-Za-z][\w.-]*(?:\[[^\]]*\])?\s*[=<>~!][^"'\n]{0,80})["']/g)]
  const assigned = [
    ...text.matchAll(/^([A-Za-z][\w.-]*)\s*=\s*(?:\{[^}\n]*version\s*=\s*)?"([\^~=<>]*[\d][^"\n]{0,60})"/gm),
  ]
  return [
    ...quoted.flatMap(match => pinOf(match[1] ?? '')),
    ...assigned.flatMap(match => pinOf(`${match[1]}${(match[2] ?? '').replace(/^\^/, '~=').replace(/^(?=\d)/, '==')}`)),
  ]
}

function readDockerfile(text: string): readonly Pin[] {
  const joined = text.replace(/\\\r?\n/g, ' ')
  const pins: Pin[] = []
  for (const line of joined.split('\n')) {
    const image = /^\s*FROM\s+(?:--\S+\s+)?\S*pytorch\/pytorch:(\d+\.\d+(?:\.\d+)?)/i.exec(line)?.[1]
    if (image) pins.push({ name: 'torch', version: image, exact: true })
    // NeMo's container carries the Megatron-Bridge of its own number
    const nemo = /^\s*FROM\s+(?:--\S+\s+)?nvcr\.io\/nvidia\/nemo:(\d+\.\d+(?:\.\d+)?)/i.exec(line)?.[1]
    if (nemo) pins.push({ name: 'megatron-bridge', version: nemo, exact: true })
    if (!/\b(pip3?|uv pip|conda|mamba)\s+install\b/.test(line)) continue
    for (const word of line.split(/\s+/)) pins.push(...pinOf(word.replace(/^["']|["']$/g, '')))
  }
  return pins
}

const REQUIREMENT = /^\s*([A-Za-z][\w.-]*)\s*(?:\[[^\]]*\])?\s*((?:[=<>~!]=?=?\s*[\w.*+!-]+\s*,?\s*)+)/

function pinOf(text: string): readonly Pin[] {
  const match = REQUIREMENT.exec(text.slice(0, 300))
  const name = libraryName(match?.[1] ?? '')
  if (name === null) return []
  const bounds = (match?.[2] ?? '').split(',').map(part => /^\s*([=<>~!]+)\s*v?(\d[\w.]*)/.exec(part))
  for (const bound of bounds) {
    const version = bound?.[2]
    if (version !== undefined && /^={1,3}$/.test(bound?.[1] ?? ''))
      return [{ name, version: version.replace(/\.\*?$/, ''), exact: true }]
  }
  for (const bound of bounds) {
    const version = bound?.[2]
    if (version === undefined) continue
    if (bound?.[1] === '~=' || bound?.[1] === '<=') return [{ name, version, exact: false }]
    const below = bound?.[1] === '<' ? versionBelow(version) : null
    if (below !== null) return [{ name, version: below, exact: false }]
  }
  return []
}

/** The release before an excluded one: `<0.20` allows 0.19; null where the minor before is not known (`<1.0`). */
function versionBelow(version: string): string | null {
  const parts = version.split('.').map(Number)
  const last = parts.findLastIndex(part => part > 0)
  if (last < 1 || parts.some(Number.isNaN)) return null
  return [...parts.slice(0, last), (parts[last] ?? 1) - 1].join('.')
}

function libraryName(text: string): string | null {
  const normal = text.toLowerCase().replace(/[-_.]+/g, '-')
  const name = rowOf(ALIASES, normal) ?? normal
  return KNOWN.has(name) ? name : null
}
