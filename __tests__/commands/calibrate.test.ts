import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { readRunLog } from '../../src/calibration/read-run-log.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'
import { runCommand } from './run-command.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preflop-calibrate-'))
  cpSync('__tests__/calibration/runs', folder, { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const GPU = ['--gpu', 'a100-80gb']

interface Estimate {
  readonly stepSeconds: number
  /** Without start-up: what the trainer's own clock covers. */
  readonly loopSeconds: number
  readonly note: string
  readonly assumption: string
}

async function estimate(config: string): Promise<Estimate> {
  const { out } = await runCommand(['estimate', config, '--policy', 'policy.yml', ...GPU, '--format', 'json'], folder)
  const [run] = JSON.parse(out).runs
  const parts: readonly { name: string; seconds: number; note: string }[] = run.time.components
  return {
    stepSeconds: run.time.stepSeconds,
    loopSeconds: parts.filter(({ name }) => name !== 'start-up').reduce((sum, { seconds }) => sum + seconds, 0),
    note: parts.find(({ name }) => name === 'training steps')?.note ?? '',
    assumption: run.assumptions.find(({ key }: { key: string }) => key === 'calibration').from,
  }
}

/** What each recorded run took, and a figure of its log that the estimate must meet. */
const RUNS = [
  { config: 'axolotl/config.yml', logs: ['axolotl/train.txt', 'axolotl/memory.csv'] },
  { config: 'llama-factory/config.yaml', logs: ['llama-factory/trainer_log.jsonl'] },
  { config: 'torchtune/config.yaml', logs: ['torchtune/console.txt', 'torchtune/log_1760000000.txt'] },
  { config: 'litgpt/config.yaml', logs: ['litgpt/finetune.txt'] },
  { config: 'trl/config.yaml', logs: ['trl/trainer_state.json'] },
] as const

describe.each(RUNS)('$config', ({ config, logs }) => {
  test('moves the estimate to within 2 % of the log, and says so', async () => {
    writeFileSync(join(folder, 'policy.yml'), '# ours\nversion: 1\n')
    const before = await estimate(config)
    const ran = await runCommand(
      ['calibrate', ...logs, '--config', config, '--policy', 'policy.yml', '--write', ...GPU],
      folder,
    )
    expect([ran.code, ran.err]).toEqual([0, ''])
    const after = await estimate(config)
    const measured = logs.map(log => readRunLog(readFileSync(join(folder, log), 'utf8')))
    const step = measured.find(log => log?.stepSeconds != null)?.stepSeconds
    const loop = measured.find(log => log?.loopSeconds != null)?.loopSeconds
    const [got, was, truth] =
      step != null
        ? [after.stepSeconds, before.stepSeconds, step]
        : [after.loopSeconds, before.loopSeconds, loop ?? Number.NaN]
    expect(got).not.toBe(was)
    expect(Math.abs(got / truth - 1)).toBeLessThan(0.02)
    expect(before.note).not.toContain('calibrated')
    expect(after.note).toContain('calibrated × ')
    expect([before.assumption, after.assumption]).toEqual(['default', 'policy'])
  })
})

describe('calibrate', () => {
  const all = RUNS.flatMap(({ config, logs }) => logs.map(log => `${config}=${log}`))

  test('shows measured against estimated, each figure, and draws it', async () => {
    const { code, out } = await runCommand(['calibrate', ...all, ...GPU, '--picture', 'p.svg'], folder)
    expect(code).toBe(0)
    for (const what of ['step', 'training loop', 'torch allocated', 'torch reserved', 'device memory'])
      expect(out).toMatch(new RegExp(`\\b${what}  +[\\d.]+ (s|min|h|GiB) `))
    expect(out).toContain('(--write puts it there)')
    const picture = readFileSync(join(folder, 'p.svg'), 'utf8')
    expect(picture.match(/<circle /g)).toHaveLength(2 * RUNS.length)
    expect(picture).not.toMatch(/NaN|Infinity|undefined/)
  })

  test('keeps comments, other keys and other factors of the policy; several runs are one factor with its spread', async () => {
    const text = `# ours
version: 1
budget: { hours: { fail: 24 } } # a day
calibration:
  - { gpu: h100-sxm-80gb, step_factor: 1.5 }
`
    writeFileSync(join(folder, 'policy.yml'), text)
    const slower = readFileSync(join(folder, 'trl/trainer_state.json'), 'utf8').replaceAll('505.6061', '606.7273')
    writeFileSync(join(folder, 'trl/second.json'), slower)
    const logs = ['trl/trainer_state.json', 'trl/second.json']
    const options = ['--config', 'trl/config.yaml', '--policy', 'policy.yml', '--write', ...GPU]
    expect((await runCommand(['calibrate', ...logs, ...options], folder)).code).toBe(0)
    const written = readFileSync(join(folder, 'policy.yml'), 'utf8')
    expect(written).toContain('# ours')
    expect(written).toContain('# a day')
    const { settings, findings } = readPolicy(parseDocument('policy.yml', written))
    expect(findings).toEqual([])
    expect(settings.budget?.hours?.fail).toBe(24)
    const [other, own] = settings.calibration ?? []
    expect(other).toMatchObject({ gpu: 'h100-sxm-80gb', stepFactor: 1.5, training: null, framework: null })
    expect(own).toMatchObject({ gpu: 'a100-sxm-80gb', training: 'full', framework: 'trl', runs: 2 })
    expect(own?.stepFactor ?? 0).toBeCloseTo(Math.sqrt((own?.low ?? 0) * (own?.high ?? 0)), 3)
    expect((own?.high ?? 0) / (own?.low ?? 1)).toBeGreaterThan(1.15)
  })

  test('is not thrown off by an earlier calibration', async () => {
    const options = [
      'trl/trainer_state.json',
      '--config',
      'trl/config.yaml',
      '--policy',
      'policy.yml',
      '--write',
      ...GPU,
    ]
    writeFileSync(join(folder, 'policy.yml'), 'version: 1\n')
    await runCommand(['calibrate', ...options], folder)
    const once = readFileSync(join(folder, 'policy.yml'), 'utf8')
    await runCommand(['calibrate', ...options], folder)
    expect(readFileSync(join(folder, 'policy.yml'), 'utf8')).toBe(once)
  })

  test.each([
    [[], 'no log given'],
    [['trl/trainer_state.json'], 'which config ran?'],
    [['none.json', '--config', 'trl/config.yaml'], 'does not exist'],
    [['trl/config.yaml', '--config', 'trl/config.yaml'], 'is no log that is known'],
    [['axolotl/memory.csv', '--config', 'axolotl/config.yml', ...GPU], 'nothing to calibrate'],
    [['trl/trainer_state.json', '--config', 'trl/config.yaml'], 'model or GPU are not known'],
  ])('%j is misuse', async (args, message) => {
    const { code, err } = await runCommand(['calibrate', ...args], folder)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})
