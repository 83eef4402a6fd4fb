import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Facts that no code reads stay in data/ and out of the bundles. */
const UNREAD = new Set(['notes', 'unverified', 'asOfNote'])

/** A list of like objects, none of which lacks a key of the others. */
const isTable = value =>
  Array.isArray(value) &&
  value.length > 20 &&
  value.every(
    item => typeof item === 'object' && item !== null && !Array.isArray(item) && sameKeys(Object.keys(item), value[0]),
  )

const sameKeys = (keys, other) => keys.length === Object.keys(other).length && keys.every(key => key in other)

/** A table as one row of names and rows of values: the same data in about half the bytes. */
function columns(table) {
  const names = Object.keys(table[0]).filter(name => !UNREAD.has(name))
  return [names, table.map(item => names.map(name => item[name]))]
}

/** Facts as one text each, which V8 reads many times faster than the same literals in code. */
const dataPlugin = {
  name: 'data-as-text',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]data[\\/][\w-]+\.json$/ }, async ({ path }) => {
      const data = JSON.parse(await readFile(path, 'utf8'))
      const tables = Object.keys(data).filter(key => isTable(data[key]))
      const packed = Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, tables.includes(key) ? columns(value) : value]),
      )
      const unpack = `for(const key of ${JSON.stringify(tables)}){
        const [names,rows]=data[key];
        data[key]=rows.map(row=>Object.fromEntries(row.map((value,at)=>[names[at],value])))
      }`
      return {
        contents: `const data=JSON.parse(${JSON.stringify(JSON.stringify(packed))});${tables.length > 0 ? unpack : ''}\nexport default data`,
        loader: 'js',
      }
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
  plugins: [dataPlugin],
  alias: { yaml: './node_modules/yaml/browser/index.js' },
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
