import { writeFile } from 'node:fs/promises'
import { importTypeScript } from './bundle.mjs'

/** Writes the pages that come from the program's own tables. */
const { findingsPage } = await importTypeScript('src/report/findings-page.ts')
const { formatsPage } = await importTypeScript('src/formats/formats-page.ts')
await writeFile(new URL('../docs/findings.md', import.meta.url), findingsPage())
await writeFile(new URL('../docs/formats.md', import.meta.url), formatsPage())
