import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle, PACKED } from './bundle.mjs'
import { licenseTexts } from './licenses.mjs'

/** Builds dist/ (or the folder given). cli.js is only the door, so that `--version` loads nothing; commands.js is the CLI itself. */
const folder = process.argv[2] ?? 'dist'
const COMMANDS = './commands/run-cli.ts'
const commandsApart = {
  name: 'commands-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/commands\/run-cli\.ts$/ }, ({ path, kind }) =>
      path === COMMANDS && kind === 'dynamic-import' ? { path: './commands.js', external: true } : null,
    )
  },
}
await mkdir(folder, { recursive: true })
const results = await Promise.all([
  bundle('src/cli.ts', join(folder, 'cli.js'), {
    ...PACKED,
    plugins: [...PACKED.plugins, commandsApart],
  }),
  bundle('src/commands/run-cli.ts', join(folder, 'commands.js'), PACKED),
  bundle('src/action.ts', join(folder, 'index.js'), PACKED),
])
await writeFile(join(folder, 'licenses.txt'), await licenseTexts(results.map(({ metafile }) => metafile)))
for (const { metafile } of results)
  for (const [file, { bytes }] of Object.entries(metafile.outputs))
    console.log(`${file} ${(bytes / 1000).toFixed(0)} kB`)
