import { EFFICIENCY } from '../../src/time/efficiency.ts'
import { FITTED, fitSpeed } from './fit-speed.ts'
import { loadSpeedRows, scoreRows } from './speed.ts'
import { speedReport } from './speed-report.ts'

/** Refits the constants of data/efficiency.json on bench/speed.jsonl: the tables with the new values, and the values. */
export function fitReport(root: string): {
  readonly text: string
  readonly constants: Readonly<Record<string, number>>
} {
  const { rows, unread } = loadSpeedRows(root)
  const fitted = fitSpeed(rows)
  const constants = Object.fromEntries(FITTED.map(name => [name, Number(fitted[name].toPrecision(3))]))
  const changes = FITTED.map(name => `${name}: ${EFFICIENCY[name]} → ${constants[name]}`)
  const text = [speedReport(scoreRows(rows, { ...EFFICIENCY, ...constants })), '', ...changes, ...unread].join('\n')
  return { text, constants }
}
