import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { ACTION_STAGES } from '../../src/action-stages.ts'
import { runAction } from '../../src/github/run-action.ts'
import type { Report } from '../../src/report/report.ts'
import { FAST_TIMING } from '../github-stand-in/fast-timing.ts'
import type { PullRequestFixture } from '../github-stand-in/pull-request.ts'
import { type RunnerOptions, runnerFor } from '../github-stand-in/runner.ts'
import { type StandIn, startStandIn } from '../github-stand-in/server.ts'

/** What plays the Action's part: gets the step's environment, gives exit code and log. */
export type Actor = (
  env: Readonly<Record<string, string>>,
) => Promise<{ readonly exitCode: number; readonly log: string }>

export interface Acted {
  readonly exitCode: number
  readonly verdict: string
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
  readonly log: string
  /** null: the run ended without one. */
  readonly report: Report | null
  /** Finding codes of the report, and those that annotations alone name. */
  readonly codes: readonly string[]
  /** `METHOD /path?query` of this run. */
  readonly requests: readonly string[]
}

export type ActOptions = Partial<RunnerOptions> & {
  readonly actor?: Actor
  /** Faults of the stand-in. */
  readonly prepare?: (standIn: StandIn) => void
}

/** The Action with its real stages in this process. */
export const inProcess: Actor = async env => {
  let log = ''
  const write = (text: string) => {
    log += text
  }
  const exitCode = await runAction({ env, write, timing: FAST_TIMING }, ACTION_STAGES)
  return { exitCode, log }
}

const execute = promisify(execFile)

/** The built Action as the runner starts it. */
export function bundleActor(path: string, node = process.execPath): Actor {
  return env =>
    execute(node, [path], { env: { PATH: '/nowhere', ...env }, timeout: 120_000 })
      .then(({ stdout }) => ({ exitCode: 0, log: stdout }))
      .catch((error: { stdout: string; stderr: string; code: number }) => {
        if (error.stderr !== '') throw new Error(error.stderr)
        return { exitCode: error.code, log: error.stdout }
      })
}

/** Path of a built Action: it is tested instead, as the runner starts it. Absent: the sources, in this process. */
export const BLACK_BOX = process.env['PREFLOP_BLACK_BOX']
const TESTED = BLACK_BOX ? bundleActor(BLACK_BOX) : inProcess

/** One run against a stand-in of GitHub that has this pull request. */
export async function act(fixture: PullRequestFixture, options: ActOptions = {}): Promise<Acted> {
  const standIn = await startStandIn(fixture.repository)
  options.prepare?.(standIn)
  try {
    return await actOn(standIn, fixture, options)
  } finally {
    await standIn.close()
  }
}

export async function actOn(
  standIn: StandIn,
  fixture: PullRequestFixture,
  { actor = TESTED, inputs, prepare: _prepare, ...rest }: ActOptions = {},
): Promise<Acted> {
  const runner = runnerFor({
    apiUrl: standIn.url,
    event: 'pull_request',
    payload: fixture.payload,
    inputs: { offline: 'true', ...inputs },
    ...rest,
  })
  const before = standIn.requests.length
  try {
    const { exitCode, log } = await actor(runner.env)
    const outputs = runner.outputs()
    const report: Report | null = outputs['report-path']
      ? JSON.parse(readFileSync(outputs['report-path'], 'utf8'))
      : null
    return {
      exitCode,
      verdict: outputs['verdict'] ?? '',
      outputs,
      summary: runner.summary(),
      log,
      report,
      codes: [...codesOf(report), ...[...log.matchAll(/\(([a-z-]+)\)::/g)].map(([, code]) => code ?? '')],
      requests: standIn.requests.slice(before),
    }
  } finally {
    runner.remove()
  }
}

function codesOf(report: Report | null): readonly string[] {
  if (report === null) return []
  return [...report.findings, ...report.runs.flatMap(({ findings }) => findings)].map(({ code }) => code)
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
