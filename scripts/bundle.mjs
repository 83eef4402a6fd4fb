import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { deflateSync } from 'fflate'

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

/** What code reads of a table. */
const namesOf = table => Object.keys(table[0]).filter(name => !UNREAD.has(name))

/**
 * Facts as one text each, which V8 reads many times faster than the same literals in code, and which is parsed when a fact is first
 * asked for. A table is rows of values in it: the same data in about half the bytes. `packs`: the text is deflated, by a library
 * whose bytes are the same on every machine.
 */
function dataModule(data, packs) {
  const tables = Object.keys(data).filter(key => isTable(data[key]))
  const packed = tables.map(key => [key, data[key].map(item => namesOf(data[key]).map(name => item[name]))])
  const text = JSON.stringify({ ...data, ...Object.fromEntries(packed) })
  const unpack = tables.map(key => {
    const row = namesOf(data[key]).map((name, at) => `${JSON.stringify(name)}:row[${at}]`)
    return `${JSON.stringify(key)}:packed[${JSON.stringify(key)}].map(row=>({${row.join(',')}}))`
  })
  const getters = Object.keys(data).map(key => `get ${JSON.stringify(key)}(){return all()[${JSON.stringify(key)}]}`)
  const bytes = packs ? Buffer.from(deflateSync(Buffer.from(text), { level: 9 })).toString('base64') : null
  const read = bytes === null ? JSON.stringify(text) : `inflateRawSync(Buffer.from("${bytes}","base64")).toString()`
  return `${bytes === null ? '' : 'import{inflateRawSync}from"node:zlib"'}
    const parse=packed=>({...packed,${unpack.join(',')}})
    let data
    const all=()=>data??=parse(JSON.parse(${read}))
    export default {${getters.join(',')}}`
}

/** How data/ gets into a bundle. */
const dataPlugin = ({ packs }) => ({
  name: 'data-as-text',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]data[\\/][\w-]+\.json$/ }, async ({ path }) => ({
      contents: dataModule(JSON.parse(await readFile(path, 'utf8')), packs),
      loader: 'js',
    }))
  },
})

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
  plugins: [dataPlugin({ packs: false })],
  alias: { yaml: './node_modules/yaml/browser/index.js' },
}

/** What dist/ is built with, beside {@link BUNDLE_OPTIONS}. */
export const PACKED = { minify: true, metafile: true, plugins: [dataPlugin({ packs: true })] }

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
