import { fileURLToPath } from 'node:url'
import { importTypeScript } from '../../scripts/bundle.mjs'

const { runKit } = await importTypeScript('bench/gpu/kit.ts')
process.exitCode = runKit({ root: fileURLToPath(new URL('../..', import.meta.url)), args: process.argv.slice(2) })
