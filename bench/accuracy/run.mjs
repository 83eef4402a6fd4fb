import { fileURLToPath } from 'node:url'
import { importTypeScript } from '../../scripts/bundle.mjs'

/** Scores the estimators on measured runs. `--write` renews docs/accuracy.md and the limits, `--check` fails when the page is stale. */
const { runAccuracy } = await importTypeScript('bench/accuracy/accuracy.ts')
const root = fileURLToPath(new URL('../..', import.meta.url))
process.exitCode = await runAccuracy({ root, args: process.argv.slice(2) })
