import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle } from './bundle.mjs'

/** Builds dist/ (or the folder given): the CLI and the Action, each one file that plain Node runs. */
const folder = process.argv[2] ?? 'dist'
await mkdir(folder, { recursive: true })
const results = await Promise.all([
  bundle('src/cli.ts', join(folder, 'cli.js'), { minify: true, metafile: true }),
  bundle('src/action.ts', join(folder, 'index.js'), { minify: true, metafile: true }),
])
for (const { metafile } of results)
  for (const [file, { bytes }] of Object.entries(metafile.outputs))
    console.log(`${file} ${(bytes / 1000).toFixed(0)} kB`)
