import { parseArgs } from 'node:util'
import { importTypeScript } from '../../scripts/bundle.mjs'

/**
 * npm run fuzz -- [--inputs N] [--seconds S] [--seed N]: hostile configs and policies through everything
 * that reads and writes. Prints each failing input once, with the seed that makes it again; exits 1 when there is one.
 */
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const { runFuzz } = await importTypeScript('bench/fuzz/run-fuzz.ts')
const started = performance.now()
const { inputs, failures, slowestMilliseconds } = await runFuzz({
  inputs: Number(values.inputs),
  milliseconds: 1000 * Number(values.seconds),
  seed: Number(values.seed),
})
for (const { faults, example, times } of failures)
  console.log(`\n${times} × ${faults.join('\n    ')}\n    e.g. ${JSON.stringify(example)}`)
const seconds = (performance.now() - started) / 1000
console.log(
  `\n${inputs} inputs in ${seconds.toFixed(0)} s (seed ${values.seed}, slowest ${slowestMilliseconds.toFixed(0)} ms): ${failures.length} kinds of failure`,
)
process.exitCode = failures.length === 0 ? 0 : 1
