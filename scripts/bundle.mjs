import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Options shared by every bundle: ESM for plain Node 20, the browser build of yaml (ESM, so that unused code drops out). */
export const BUNDLE_OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
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
