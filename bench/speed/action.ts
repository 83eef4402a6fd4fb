import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pullRequest } from '../../__tests__/github-stand-in/pull-request.ts'
import { runnerFor } from '../../__tests__/github-stand-in/runner.ts'
import { startStandIn } from '../../__tests__/github-stand-in/server.ts'

const config = (batch: number): string =>
  `preflop: 1\nmodel: Qwen/Qwen2.5-7B\nmicro_batch_size: ${batch}\nhardware: { gpu: a100-sxm-80gb }\n`

/** Milliseconds of the built Action on a pull request with three changed configs, against a local stand-in of the API. */
export async function timeAction(bundle: string, runs: number): Promise<number> {
  const names = ['a', 'b', 'c'].map(name => `configs/${name}.yml`)
  const side = (batch: number) => Object.fromEntries(names.map(name => [name, config(batch)]))
  const taken: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const fixture = pullRequest({ base: side(1), head: side(2) })
    const standIn = await startStandIn(fixture.repository)
    const inputs = { offline: 'true' }
    const runner = runnerFor({ apiUrl: standIn.url, event: 'pull_request', payload: fixture.payload, inputs })
    const started = performance.now()
    await promisify(execFile)(process.execPath, [bundle], { env: { PATH: '/nowhere', ...runner.env } }).catch(
      () => null,
    )
    taken.push(performance.now() - started)
    runner.remove()
    await standIn.close()
  }
  return taken.sort((a, b) => a - b)[Math.floor(runs / 2)] ?? 0
}
