import { readFile, writeFile } from 'node:fs/promises'
import { importTypeScript } from '../../scripts/bundle.mjs'

/**
 * npm run catalog:models -- [ID…]: asks the Hub for every model of data/models.json and for the ids given, and writes the file anew.
 * HF_TOKEN reaches gated models, HF_ENDPOINT names a mirror. Prints what changed and what the Hub did not answer.
 */
const path = new URL('../../data/models.json', import.meta.url)
const { rebuildCatalogue, catalogueText, createHubSource, hubOptions } =
  await importTypeScript('bench/models/catalogue.ts')
const source = createHubSource(hubOptions({ endpoint: process.env.HF_ENDPOINT, token: process.env.HF_TOKEN }))
const { catalogue, report } = await rebuildCatalogue({
  catalogue: JSON.parse(await readFile(path, 'utf8')),
  added: process.argv.slice(2),
  source,
  today: new Date().toISOString().slice(0, 10),
})
await writeFile(path, catalogueText(catalogue))
console.log(report.join('\n'))
