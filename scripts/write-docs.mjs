import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { importTypeScript } from './bundle.mjs'

/** Writes the pages that come from the program's own tables. */
const { findingsPage } = await importTypeScript('src/report/findings-page.ts')
const { formatsPage } = await importTypeScript('src/formats/formats-page.ts')
await writeFile(new URL('../docs/findings.md', import.meta.url), findingsPage())
await writeFile(new URL('../docs/formats.md', import.meta.url), formatsPage())

const { policyKeyTable } = await importTypeScript('src/schema/policy-page.ts')
const policyPage = new URL('../docs/policy.md', import.meta.url)
const marks = /(<!-- keys: written by npm run docs -->\n)[\s\S]*?(<!-- end of keys -->)/
const page = await readFile(policyPage, 'utf8')
await writeFile(
  policyPage,
  page.replace(marks, (_, start, end) => `${start}\n${policyKeyTable()}\n\n${end}`),
)

const folder = new URL('../schema/', import.meta.url)
await mkdir(folder, { recursive: true })
for (const name of ['plan', 'policy', 'report']) {
  const module = await importTypeScript(`src/schema/${name}-schema.ts`)
  await writeFile(new URL(`${name}.schema.json`, folder), `${JSON.stringify(module[`${name}Schema`](), null, 2)}\n`)
}
