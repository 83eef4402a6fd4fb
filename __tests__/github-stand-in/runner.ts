import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inputVariable } from '../../src/github/inputs.ts'

export interface RunnerOptions {
  readonly apiUrl: string
  readonly event: string
  readonly payload: object
  readonly sha?: string
  readonly inputs?: Readonly<Record<string, string>>
  readonly run?: string
  readonly workspace?: string
}

/** The environment and files that actions/runner gives a step. */
export interface Runner {
  readonly env: Record<string, string>
  outputs(): Record<string, string>
  summary(): string
  remove(): void
}

export function runnerFor({
  apiUrl,
  event,
  payload,
  sha,
  inputs = {},
  run = '100.1',
  workspace,
}: RunnerOptions): Runner {
  const folder = mkdtempSync(join(tmpdir(), 'preflop-runner-'))
  const file = (name: string, text = '') => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const output = file('output')
  const summary = file('summary')
  const [runId = '', attempt = ''] = run.split('.')
  const withToken = { 'github-token': 'test-token', ...inputs }
  return {
    env: {
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_API_URL: apiUrl,
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: 'acme/training',
      GITHUB_EVENT_NAME: event,
      GITHUB_EVENT_PATH: file('event.json', JSON.stringify(payload)),
      GITHUB_SHA: sha ?? 'f'.repeat(40),
      GITHUB_RUN_ID: runId,
      GITHUB_RUN_ATTEMPT: attempt,
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_WORKSPACE: workspace ?? join(folder, 'no-checkout'),
      RUNNER_TEMP: folder,
      ...Object.fromEntries(Object.entries(withToken).map(([name, text]) => [inputVariable(name), text])),
    },
    outputs: () => parseOutputs(readFileSync(output, 'utf8')),
    summary: () => readFileSync(summary, 'utf8'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function parseOutputs(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^([\w-]+)<<(\S+)\n([\s\S]*?)\n\2$/gm)].map(([, name = '', , value = '']) => [name, value]),
  )
}
