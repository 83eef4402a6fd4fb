import { readFileSync } from 'node:fs'
import { ACTION_STAGES } from '../../src/action-stages.ts'
import { runAction } from '../../src/github/run-action.ts'
import type { Report } from '../../src/report/report.ts'
import { FAST_TIMING } from '../github-stand-in/fast-timing.ts'
import type { PullRequestFixture } from '../github-stand-in/pull-request.ts'
import { runnerFor } from '../github-stand-in/runner.ts'
import { type StandIn, startStandIn } from '../github-stand-in/server.ts'

export interface Acted {
  readonly exitCode: number
  readonly verdict: string
  readonly summary: string
  readonly log: string
  /** Finding codes of the report, and those that annotations alone name. */
  readonly codes: readonly string[]
}

interface ActOptions {
  readonly event?: string
  readonly payload?: object
  readonly sha?: string
  readonly inputs?: Readonly<Record<string, string>>
  /** Faults of the stand-in. */
  readonly prepare?: (standIn: StandIn) => void
}

/** The Action with its real stages, in this process, against the stand-in of GitHub. */
export async function act(fixture: PullRequestFixture, options: ActOptions = {}): Promise<Acted> {
  const standIn = await startStandIn(fixture.repository)
  options.prepare?.(standIn)
  const runner = runnerFor({
    apiUrl: standIn.url,
    event: 'pull_request',
    payload: fixture.payload,
    ...options,
    inputs: { offline: 'true', ...options.inputs },
  })
  let log = ''
  const write = (text: string) => {
    log += text
  }
  try {
    const exitCode = await runAction({ env: runner.env, write, timing: FAST_TIMING }, ACTION_STAGES)
    const outputs = runner.outputs()
    const codes = [
      ...codesOf(outputs['report-path']),
      ...[...log.matchAll(/\(([a-z-]+)\)::/g)].map(([, code]) => code ?? ''),
    ]
    return { exitCode, verdict: outputs['verdict'] ?? '', summary: runner.summary(), log, codes }
  } finally {
    runner.remove()
    await standIn.close()
  }
}

function codesOf(reportPath: string | undefined): readonly string[] {
  if (!reportPath) return []
  const report: Report = JSON.parse(readFileSync(reportPath, 'utf8'))
  return [...report.findings, ...report.runs.flatMap(({ findings }) => findings)].map(({ code }) => code)
}
