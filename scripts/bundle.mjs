import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Facts that no code reads stay in data/ and out of the bundles. */
const UNREAD = new Set(['notes', 'unverified', 'asOfNote'])

/** A list of like objects as one row of names and rows of values: the same data in about half the bytes. */
function columns(list) {
  const names = [...new Set(list.flatMap(Object.keys))].filter(name => !UNREAD.has(name))
  const cell = value => (value === undefined ? '' : JSON.stringify(value))
  // an elided element at the end of a literal needs a comma of its own
  const rows = list.map(item => `[${names.map(name => `${cell(item[name])},`).join('')}]`)
  return `t(${JSON.stringify(names)},[${rows.join(',')}])`
}

const isTable = value =>
  Array.isArray(value) &&
  value.length > 20 &&
  value.every(item => typeof item === 'object' && item !== null && !Array.isArray(item))

const tablePlugin = {
  name: 'json-tables',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]data[\\/][\w-]+\.json$/ }, async ({ path }) => {
      const data = JSON.parse(await readFile(path, 'utf8'))
      if (!Object.values(data).some(isTable)) return null
      const parts = Object.entries(data).map(
        ([key, value]) => `${JSON.stringify(key)}:${isTable(value) ? columns(value) : JSON.stringify(value)}`,
      )
      const unpack = 'const t=(k,r)=>r.map(v=>{const o={};for(const i in v)o[k[i]]=v[i];return o})'
      return { contents: `${unpack}\nexport default {${parts.join(',')}}`, loader: 'js' }
    })
  },
}

/**
 * Options shared by every bundle: ESM for plain Node 20, the browser build of yaml (ESM, so that unused code drops out). Plain ASCII,
 * because V8 keeps and scans a source with any other character at two bytes each.
 */
export const BUNDLE_OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [tablePlugin],
  alias: { yaml: './node_modules/yaml/browser/index.js' },
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
}

/** Bundles a TypeScript entry into one file. */
export async function bundle(entry, outfile, options = {}) {
  return build({ ...BUNDLE_OPTIONS, entryPoints: [resolve(root, entry)], outfile, ...options })
}

/** Bundles a TypeScript module into a temporary file and imports it: how the benches run without a loader. */
export async function importTypeScript(entry) {
  const folder = await mkdtemp(join(tmpdir(), 'preflop-'))
  try {
    const outfile = join(folder, 'bundle.mjs')
    await bundle(entry, outfile)
    return await import(pathToFileURL(outfile).href)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
