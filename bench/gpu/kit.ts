import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareReport } from './compare-report.ts'
import { readKitRows } from './kit-row.ts'
import { landRows } from './land-rows.ts'

const USAGE = `npm run bench:gpu -- compare ROWS   prediction against measurement by phase
npm run bench:gpu -- land ROWS      append rows measured on a GPU to bench/memory.jsonl and bench/speed.jsonl
`

/** The commands around the rows that bench/gpu/run.py wrote; returns the exit code. */
export function runKit({ root, args }: { readonly root: string; readonly args: readonly string[] }): number {
  const [command, file] = args
  if (file === undefined || !existsSync(file) || (command !== 'compare' && command !== 'land')) {
    console.error(USAGE)
    return 2
  }
  const rows = readKitRows(readFileSync(file, 'utf8'))
  if (command === 'compare') {
    console.log(compareReport(rows))
    return 0
  }
  const landed = landRows(rows)
  for (const name of ['memory', 'speed'] as const) {
    const target = join(root, `bench/${name}.jsonl`)
    const known = new Set(readFileSync(target, 'utf8').split('\n'))
    const added = landed[name].filter(line => !known.has(line))
    if (added.length > 0) appendFileSync(target, `${added.join('\n')}\n`)
    console.log(`${added.length} rows added to bench/${name}.jsonl`)
  }
  return 0
}
