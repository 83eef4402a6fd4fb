import fc from 'fast-check'
import { type FuzzCase, fuzzCases, fuzzFaults } from './fuzz.ts'

interface FuzzOptions {
  readonly inputs: number
  readonly milliseconds: number
  readonly seed: number
}

export interface FuzzFailure {
  readonly faults: readonly string[]
  readonly example: FuzzCase
  times: number
}

export interface FuzzResult {
  readonly inputs: number
  readonly slowestMilliseconds: number
  readonly failures: readonly FuzzFailure[]
}

const BATCH = 500

/** Draws inputs until the number or the time is reached; failures alike are told once. */
export async function runFuzz({ inputs, milliseconds, seed }: FuzzOptions): Promise<FuzzResult> {
  const end = performance.now() + milliseconds
  const failures = new Map<string, FuzzFailure>()
  let done = 0
  let slowest = 0
  for (let batch = 0; done < inputs && performance.now() < end; batch += 1) {
    const size = Math.min(BATCH, inputs - done)
    for (const example of fc.sample(fuzzCases, { numRuns: size, seed: seed + batch })) {
      const started = performance.now()
      const faults = await fuzzFaults(example).catch(thrownFaults)
      slowest = Math.max(slowest, performance.now() - started)
      done += 1
      if (faults.length > 0) note(failures, faults, example)
    }
  }
  return { inputs: done, slowestMilliseconds: slowest, failures: [...failures.values()] }
}

function thrownFaults(error: unknown): readonly string[] {
  return [
    `throws ${error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' ') : String(error)}`,
  ]
}

function note(failures: Map<string, FuzzFailure>, faults: readonly string[], example: FuzzCase): void {
  const kind = (faults[0] ?? '').replaceAll(/[\d.]+/g, 'N').slice(0, 60)
  const known = failures.get(kind)
  if (known) known.times += 1
  else failures.set(kind, { faults: faults.slice(0, 3), example, times: 1 })
}
