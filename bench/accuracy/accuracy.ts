import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { refit } from './fit-report.ts'
import { scoreMemory } from './memory.ts'
import { type MemoryLimits, memoryLimits, memoryRegressions } from './memory-limits.ts'
import { memoryReport } from './memory-report.ts'
import { scoreHeldSpeed, scoreSpeed } from './speed.ts'
import { type SpeedLimits, speedLimits, speedRegressions } from './speed-limits.ts'
import { speedReport } from './speed-report.ts'
import { unseenReport } from './unseen-report.ts'

interface AccuracyOptions {
  readonly root: string
  readonly args: readonly string[]
}

/** Prints the accuracy page and compares it with the limits; returns the exit code. */
export async function runAccuracy({ root, args }: AccuracyOptions): Promise<number> {
  const page = join(root, 'docs/accuracy.md')
  const limitsFile = join(root, 'bench/accuracy/limits.json')
  const unseenFile = join(root, 'bench/accuracy/speed-unseen.md')
  if (args.includes('--unseen')) {
    const unseen = unseenReport(root, { ablation: args.includes('--ablate') })
    console.log(unseen)
    if (args.includes('--write')) writeFileSync(unseenFile, unseen)
    return 0
  }
  if (args.includes('--fit')) {
    const dataFile = join(root, 'data/efficiency.json')
    const { text, data } = refit(root, readFileSync(dataFile, 'utf8'))
    console.log(text)
    if (args.includes('--write')) writeFileSync(dataFile, data)
    return 0
  }
  const memory = scoreMemory(root)
  const speed = scoreSpeed(root)
  const held = scoreHeldSpeed(root)
  const text = [INTRODUCTION, memoryReport(memory), speedReport(speed, held), readFileSync(unseenFile, 'utf8')].join(
    '\n',
  )
  if (args.includes('--rows')) printRows(memory.scored, args)
  else console.log(text)
  if (args.includes('--write')) {
    writeFileSync(page, text)
    writeFileSync(
      limitsFile,
      `${JSON.stringify({ memory: memoryLimits(memory), speed: speedLimits(speed, held) }, null, 2)}\n`,
    )
    return 0
  }
  const limits: { memory: MemoryLimits; speed: SpeedLimits } = JSON.parse(readFileSync(limitsFile, 'utf8'))
  const problems = [...memoryRegressions(memory, limits.memory), ...speedRegressions(speed, held, limits.speed)]
  if (args.includes('--check') && (!existsSync(page) || readFileSync(page, 'utf8') !== text))
    problems.push('docs/accuracy.md is stale: run `npm run bench:accuracy -- --write`')
  for (const problem of problems) console.error(`regression: ${problem}`)
  return problems.length === 0 ? 0 : 1
}

const INTRODUCTION = `# Accuracy

Written by \`npm run bench:accuracy -- --write\` from measured runs that other people published. CI fails when an error grows beyond \`bench/accuracy/limits.json\`.
`

function printRows(scored: ReturnType<typeof scoreMemory>['scored'], args: readonly string[]): void {
  const filter = args[args.indexOf('--rows') + 1] ?? ''
  for (const { row, metric, error, estimate } of scored)
    if (row.id.includes(filter) || row.group.includes(filter))
      console.log(`${row.id}\t${metric}\t${(100 * error).toFixed(1)} %\t${estimate.peakAt}`)
}
