import { EFFICIENCY, withValues } from '../../src/time/efficiency.ts'
import { constantErrors, FITTED, fitSpeed, PRIORS } from './fit-speed.ts'
import { loadSpeedRows } from './speed.ts'

/** Refits the constants on bench/speed.jsonl from their priors. `text` lists the changes; `data` is data/efficiency.json with the new values. */
export function refit(root: string, json: string): { readonly text: string; readonly data: string } {
  const { rows, unread } = loadSpeedRows(root)
  const start = withValues(name => (FITTED.includes(name) ? PRIORS[name] : EFFICIENCY[name]))
  const fitted = fitSpeed(rows, { start, iterations: 25 })
  const found = constantErrors(rows, fitted)
  let data = json
  const changes = found.map(({ name, rows: moved, error }) => {
    const value = Number(fitted[name].toPrecision(3))
    const line = new RegExp(
      `("${name}": \\{"value": )[^,]*(, "unit": [^,]*, "origin": "F", "rows": )[^,]*, "error": [^,]*`,
    )
    data = data.replace(line, `$1${value}$2${moved}, "error": ${Number(error.toPrecision(2))}`)
    return `${name}: ${EFFICIENCY[name]} → ${value} (${moved} rows, ± ${(100 * error).toFixed(0)} %)`
  })
  return { text: [...changes, ...unread].join('\n'), data }
}
