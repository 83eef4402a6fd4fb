import { ACTION_STAGES } from '../../src/action-stages.ts'
import { runAction } from '../../src/github/run-action.ts'
import { FAST_TIMING } from '../github-stand-in/fast-timing.ts'
import type { PullRequestFixture } from '../github-stand-in/pull-request.ts'
import { runnerFor } from '../github-stand-in/runner.ts'
import { startStandIn } from '../github-stand-in/server.ts'

export interface Acted {
  readonly exitCode: number
  readonly verdict: string
  readonly summary: string
}

interface ActOptions {
  readonly event?: string
  readonly payload?: object
  readonly sha?: string
  readonly inputs?: Readonly<Record<string, string>>
}

/** The Action with its real stages, in this process, against the stand-in of GitHub. */
export async function act(fixture: PullRequestFixture, options: ActOptions = {}): Promise<Acted> {
  const standIn = await startStandIn(fixture.repository)
  const runner = runnerFor({
    apiUrl: standIn.url,
    event: 'pull_request',
    payload: fixture.payload,
    ...options,
    inputs: { offline: 'true', ...options.inputs },
  })
  try {
    const exitCode = await runAction({ env: runner.env, write: () => undefined, timing: FAST_TIMING }, ACTION_STAGES)
    return { exitCode, verdict: runner.outputs()['verdict'] ?? '', summary: runner.summary() }
  } finally {
    runner.remove()
    await standIn.close()
  }
}
