#!/usr/bin/env node
import { VERSION } from './version.ts'

const args = process.argv.slice(2)
if (args[0] === '--version' || args[0] === '-v') {
  process.stdout.write(`${VERSION}\n`)
} else {
  const { runCli } = await import('./commands/run-cli.ts')
  process.exitCode = await runCli(args)
}
