#!/usr/bin/env node
import * as nodeModule from 'node:module'
import { VERSION } from './version.ts'

const args = process.argv.slice(2)
if (args[0] === '--version' || args[0] === '-v') {
  process.stdout.write(`${VERSION}\n`)
} else {
  // Node 22.8 and later keep the compiled commands for the next start
  if ('enableCompileCache' in nodeModule && typeof nodeModule.enableCompileCache === 'function')
    nodeModule.enableCompileCache()
  const { runCli } = await import('./commands/run-cli.ts')
  process.exitCode = await runCli(args)
}
