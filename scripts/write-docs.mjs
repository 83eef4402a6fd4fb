import { writeFile } from 'node:fs/promises'
import { importTypeScript } from './bundle.mjs'

/** Writes the pages that come from the program's own tables. */
const { findingsPage } = await importTypeScript('src/report/findings-page.ts')
await writeFile(new URL('../docs/findings.md', import.meta.url), findingsPage())
