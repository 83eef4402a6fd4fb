import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importTypeScript } from './bundle.mjs'

/** Writes the pages that come from the program's own tables. */
const { findingsPage } = await importTypeScript('src/report/findings-page.ts')
const { formatsPage } = await importTypeScript('src/formats/formats-page.ts')
await writeFile(new URL('../docs/findings.md', import.meta.url), findingsPage())
await writeFile(new URL('../docs/formats.md', import.meta.url), formatsPage())

const { policyKeyTable } = await importTypeScript('src/schema/policy-page.ts')
const { keyTable } = await importTypeScript('src/schema/key-table.ts')
const { planSchema } = await importTypeScript('src/schema/plan-schema.ts')
const marks = /(<!-- keys: written by npm run docs -->\n)[\s\S]*?(<!-- end of keys -->)/
for (const [name, table] of [
  ['policy', policyKeyTable()],
  ['plan', keyTable(planSchema())],
]) {
  const path = new URL(`../docs/${name}.md`, import.meta.url)
  const page = await readFile(path, 'utf8')
  await writeFile(
    path,
    page.replace(marks, (_, start, end) => `${start}\n${table}\n\n${end}`),
  )
}

const folder = new URL('../schema/', import.meta.url)
await mkdir(folder, { recursive: true })
for (const name of ['plan', 'policy', 'report']) {
  const module = await importTypeScript(`src/schema/${name}-schema.ts`)
  await writeFile(new URL(`${name}.schema.json`, folder), `${JSON.stringify(module[`${name}Schema`](), null, 2)}\n`)
}

const root = fileURLToPath(new URL('..', import.meta.url))
const { ARTICLE_ROWS, accuracySummary, evidenceTable } = await importTypeScript('scripts/pages/accuracy-parts.ts')
const { actionTable } = await importTypeScript('scripts/pages/action-table.ts')
const { withPart } = await importTypeScript('scripts/pages/marked-part.ts')
const { sentenceFigures, withFigures } = await importTypeScript('scripts/pages/sentence-figures.ts')
const { withOutputs } = await importTypeScript('scripts/pages/runnable-blocks.ts')
const rewrite = async (path, change) => writeFile(join(root, path), change(await readFile(join(root, path), 'utf8')))
const summary = accuracySummary(root)
for (const path of ['README.md', 'README.zh-CN.md']) await rewrite(path, page => withPart(page, 'accuracy', summary))
await rewrite('docs/the-article.md', page => withPart(page, 'article rows', evidenceTable(root, ARTICLE_ROWS)))

for (const part of ['inputs', 'outputs'])
  await rewrite('docs/action.md', page => withPart(page, part, actionTable(root, part)))

const bundles = await mkdtemp(join(tmpdir(), 'preflop-docs-'))
spawnSync(process.execPath, ['scripts/build.mjs', bundles], { cwd: root, stdio: 'inherit' })
const run = command =>
  spawnSync('sh', ['-c', command.replaceAll('dist/cli.js', `${bundles}/cli.js`)], { cwd: root, encoding: 'utf8' })
    .stdout
const pages = (await readdir(join(root, 'docs'))).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)
for (const path of ['README.md', 'README.zh-CN.md', ...pages]) await rewrite(path, page => withOutputs(page, run))
const figures = await sentenceFigures(root)
for (const path of ['CHANGELOG.md', ...pages]) await rewrite(path, page => withFigures(page, figures))
await rm(bundles, { recursive: true, force: true })
