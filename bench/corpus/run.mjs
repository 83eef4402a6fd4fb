import { readdir } from 'node:fs/promises'
import { importTypeScript } from '../../scripts/bundle.mjs'

/** npm run test:corpus -- DIR: a folder of real configs, one folder per framework. Prints what was understood. */
const root = process.argv[2]
if (!root) {
  console.log('No corpus folder given; nothing was read. Usage: npm run test:corpus -- DIR')
} else {
  const { readFolder } = await importTypeScript('bench/corpus/corpus.ts')
  const started = performance.now()
  const show = counts =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  for (const entry of (await readdir(root, { withFileTypes: true }))
    .filter(item => item.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const row = await readFolder(root, entry.name)
    console.log(
      `${row.folder.padEnd(20)} ${row.files} files, ${row.runs} runs (${show(row.formats)}), ${row.withMemory} with memory, ${row.withRunTime} with run time; ${show(row.findings)}; not recognised: ${row.unrecognised.length}`,
    )
    if (process.argv.includes('--list')) for (const path of row.unrecognised) console.log(`    ${path}`)
  }
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`)
}
