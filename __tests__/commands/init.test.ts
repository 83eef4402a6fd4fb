import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'
import { runCommand } from './run-command.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preflop-init-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const POLICY = '.github/preflop.yml'
const WORKFLOW = '.github/workflows/preflop.yml'
const write = (files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}
const read = (path: string) => readFileSync(join(folder, path), 'utf8')
const problems = (text: string) => readPolicy(parseDocument(POLICY, text)).findings

/** The same text with every commented setting switched on, one at a time they must all be right. */
function commentedSettings(text: string): readonly string[] {
  return [...text.matchAll(/^( *)# ([a-z_]+: (?:\{.*?\}|[\w%.-]+)) *(?:#.*)?$/gm)].map(
    ([, indent = '', setting = '']) => (indent === '' ? setting : `budget: { ${setting} }`),
  )
}

const AXOLOTL =
  'base_model: Qwen/Qwen2.5-7B\ndatasets: [{ path: org/secret, type: alpaca }]\nsequence_len: 2048\nmicro_batch_size: 1\ngradient_accumulation_steps: 1\nlearning_rate: 1e-5\n'
const SKY = 'resources: { accelerators: H100:8 }\nrun: axolotl train configs/sft.yml\n'

test('writes what the repository says: frameworks, configs, GPUs, and what nobody knows', async () => {
  write({ 'configs/sft.yml': AXOLOTL, 'jobs/sky.yaml': SKY, 'plan.yml': 'preflop: 1\nmodel: org/secret-7b\n' })
  const { code, out } = await runCommand(['init'], folder)
  expect(code).toBe(0)
  expect(out).toContain(`${POLICY} written.`)
  const policy = read(POLICY)
  expect(policy).toMatch(/^# yaml-language-server: \$schema=https:\/\/.*\/schema\/policy\.schema\.json\n/)
  expect(policy).toMatch(/^hardware: \{ gpu: h100-sxm-80gb, gpus: 8 \}/m)
  expect(policy).toContain('axolotl: configs/sft.yml')
  expect(policy).toContain('#   "org/secret": { samples')
  expect(policy).toContain('#   "org/secret-7b": ./models')
  expect(problems(policy)).toEqual([])
  const settings = commentedSettings(policy)
  expect(settings.length).toBeGreaterThan(5)
  for (const setting of settings) expect([setting, problems(`${setting}\n`)]).toEqual([setting, []])
  expect(parse(read(WORKFLOW)).permissions).toEqual({ contents: 'read', 'pull-requests': 'write' })
})

test('an empty repository gets a policy that is all comments but for the built-in limits', async () => {
  expect((await runCommand(['init'], folder)).code).toBe(0)
  expect(problems(read(POLICY))).toEqual([])
  expect(Object.keys(parse(read(POLICY)))).toEqual(['version', 'budget', 'fail_on', 'on_unknown', 'on_refusal'])
})

test('never overwrites', async () => {
  write({ [POLICY]: '# mine\n', [WORKFLOW]: '# mine too\n' })
  const { code, out } = await runCommand(['init'], folder)
  expect(code).toBe(0)
  expect([read(POLICY), read(WORKFLOW)]).toEqual(['# mine\n', '# mine too\n'])
  expect(out.match(/is there already; it was left alone/g)).toHaveLength(2)
})

test('names of files cannot break out of their comment', async () => {
  write({ 'configs/a\nbudget: { memory: { fail: 1000% } } #.yml': AXOLOTL })
  await runCommand(['init'], folder)
  expect(parse(read(POLICY)).budget).toEqual({ memory: { warn: '90%', fail: '100%' } })
  expect(problems(read(POLICY))).toEqual([])
})
