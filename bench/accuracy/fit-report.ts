import { writeFileSync } from 'node:fs'
import { EFFICIENCY } from '../../src/time/efficiency.ts'
import { FITTED, fitSpeed } from './fit-speed.ts'
import { scoreRows } from './speed.ts'
import { speedReport } from './speed-report.ts'
import { readSpeedRows } from './speed-rows.ts'

const rows = readSpeedRows(new URL('../speed.jsonl', import.meta.url)).filter(row => row.confidence !== 'low')
const constants = fitSpeed(rows)
const rounded = Object.fromEntries(FITTED.map(name => [name, Number(constants[name].toPrecision(3))]))
console.log(speedReport(scoreRows(rows, { ...EFFICIENCY, ...rounded })))
console.log(FITTED.map(name => `${name}: ${EFFICIENCY[name]} → ${rounded[name]}`).join('\n'))
if (process.argv[2]) writeFileSync(process.argv[2], JSON.stringify(rounded))
