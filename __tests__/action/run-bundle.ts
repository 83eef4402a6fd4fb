import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { PullRequestFixture } from '../github-stand-in/pull-request.ts'
import { type RunnerOptions, runnerFor } from '../github-stand-in/runner.ts'
import { type StandIn, startStandIn } from '../github-stand-in/server.ts'

/** The built Action as the runner starts it, against the loopback stand-in of the API. */
export interface Bundle {
  readonly path: string
  remove(): void
}

export function buildBundle(): Bundle {
  const folder = mkdtempSync(join(tmpdir(), 'preflop-bundle-'))
  execFileSync(process.execPath, ['scripts/build.mjs', folder])
  return { path: join(folder, 'index.js'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export interface Ran {
  readonly exitCode: number
  readonly log: string
  readonly outputs: Record<string, string>
  readonly summary: string
  readonly report: {
    readonly verdict: string
    readonly runs: readonly {
      readonly path: string
      readonly verdict: string
      readonly change: string
      readonly preExisting: boolean
      readonly previousPath: string | null
    }[]
    readonly findings: readonly { readonly code: string; readonly message: string }[]
  } | null
  readonly requests: readonly string[]
}

export type RunOptions = Partial<RunnerOptions> & {
  readonly node?: string
  readonly prepare?: (standIn: StandIn) => void
}

const execute = promisify(execFile)

export async function runBundle(bundle: Bundle, fixture: PullRequestFixture, options: RunOptions = {}): Promise<Ran> {
  const standIn = await startStandIn(fixture.repository)
  options.prepare?.(standIn)
  try {
    return await runAgainst(bundle, standIn, fixture, options)
  } finally {
    await standIn.close()
  }
}

export async function runAgainst(
  bundle: Bundle,
  standIn: StandIn,
  fixture: PullRequestFixture,
  options: RunOptions = {},
): Promise<Ran> {
  const { node = process.execPath, prepare: _prepare, inputs, ...rest } = options
  const runner = runnerFor({
    apiUrl: standIn.url,
    event: 'pull_request',
    payload: fixture.payload,
    inputs: { offline: 'true', ...inputs },
    ...rest,
  })
  const before = standIn.requests.length
  try {
    const { stdout, exitCode } = await execute(node, [bundle.path], {
      env: { PATH: '/nowhere', ...runner.env },
      timeout: 120_000,
    })
      .then(({ stdout }) => ({ stdout, exitCode: 0 }))
      .catch((error: { stdout: string; stderr: string; code: number }) => {
        if (error.stderr !== '') throw new Error(error.stderr)
        return { stdout: error.stdout, exitCode: error.code }
      })
    const outputs = runner.outputs()
    return {
      exitCode,
      log: stdout,
      outputs,
      summary: runner.summary(),
      report: outputs['report-path'] ? JSON.parse(readFileSync(outputs['report-path'], 'utf8')) : null,
      requests: standIn.requests.slice(before),
    }
  } finally {
    runner.remove()
  }
}

/** Requests without shas, page numbers and queries: what a state costs. */
export function shapes(requests: readonly string[]): readonly string[] {
  return requests.map(request =>
    request
      .replace(/\?.*/, '')
      .replace('/repos/acme/training', '')
      .replace(/[0-9a-f]{40}|main/g, '*')
      .replace(/comments\/\d+/, 'comments/*'),
  )
}

/** A native plan of a 7B model; the lines that the cases turn on come first. */
export function plan({ microBatchSize = 1, model = 'meta-llama/Llama-2-7b-hf', gpu = 'h100-sxm-80gb' } = {}): string {
  return `preflop: 1
micro_batch_size: ${microBatchSize}
model: ${model}
adapter: { type: lora, rank: 16 }
precision: { weights: bfloat16, compute: bfloat16 }
gradient_checkpointing: full
sequence_length: 2048
dataset: { samples: 10000, epochs: 3 }
hardware:
  gpu: ${gpu}
  price: { per_gpu_hour: 2, currency: USD }
`
}
