import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { runCommand } from './run-command.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preflop-diff-'))
  git('init', '-q', '-b', 'main')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function git(...args: readonly string[]): void {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false']
  execFileSync('git', ['-C', folder, ...identity, ...args], { stdio: 'pipe' })
}

type Tree = Readonly<Record<string, string | { readonly link: string } | null>>

/** Writes files, links and deletions, and commits them. */
function commit(tree: Tree): void {
  for (const [path, content] of Object.entries(tree)) {
    const full = join(folder, path)
    rmSync(full, { recursive: true, force: true })
    if (content === null) continue
    mkdirSync(dirname(full), { recursive: true })
    if (typeof content === 'string') writeFileSync(full, content)
    else symlinkSync(content.link, full)
  }
  git('add', '-A')
  git('commit', '-q', '-m', 'change')
}

/** Ten hours at 2 USD by the rule of thumb. */
const RUN = `preflop: 1
model: { parameters: 1000000000, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 8, vocab_size: 8 }
dataset: { max_steps: 10 }
hardware: { gpu: a100-sxm-80gb, price: { per_gpu_hour: 2, currency: USD } }
rule_of_thumb: { step_seconds: 3600 }
`
const policy = (limit: number) => `version: 1\nestimator: rule-of-thumb\nbudget: { cost: { fail: ${limit} } }\n`
const POLICY = '.github/preflop.yml'

describe('diff takes its policy from BASE', () => {
  test.each<[string, Tree]>([
    ['edits it', { [POLICY]: policy(5000) }],
    ['deletes it', { [POLICY]: null }],
    ['renames it', { [POLICY]: null, '.github/old.yml': policy(5) }],
    ['replaces it with a link', { [POLICY]: { link: 'loose.yml' }, '.github/loose.yml': policy(5000) }],
    ['replaces its folder with a link', { '.github': { link: 'mine' }, 'mine/preflop.yml': policy(5000) }],
  ])('a change that %s still fails', async (_name, change) => {
    commit({ [POLICY]: policy(5) })
    git('checkout', '-q', '-b', 'topic')
    commit({ ...change, 'configs/run.yml': RUN })
    const { code, out } = await runCommand(['diff', 'main', 'HEAD', '--format', 'json'], folder)
    expect([code, JSON.parse(out).verdict]).toEqual([1, 'fail'])
  })

  test('a policy that is named is taken as it is', async () => {
    commit({ [POLICY]: policy(5) })
    git('checkout', '-q', '-b', 'topic')
    commit({ 'configs/run.yml': RUN, 'loose.yml': policy(5000) })
    expect((await runCommand(['diff', 'main', 'HEAD', '--policy', 'loose.yml'], folder)).code).toBe(0)
  })

  test('markdown is a ready comment', async () => {
    commit({ [POLICY]: policy(5) })
    git('checkout', '-q', '-b', 'topic')
    commit({ 'configs/run.yml': RUN })
    const { out } = await runCommand(['diff', 'main', 'HEAD', '--format', 'markdown'], folder)
    expect(out).toMatch(/^<!--|^#/)
    expect(out).toContain('configs/run.yml')
    expect(out).toContain('Preflop')
  })
})

test('explain names the rule that applied', async () => {
  commit({
    'policy.yml': 'version: 1\nconfigs:\n  - paths: ["configs/**"]\n    budget: { hours: { fail: 1 } }\n',
    'configs/run.yml': RUN,
  })
  const { out } = await runCommand(['explain', 'configs/run.yml', '--policy', 'policy.yml'], folder)
  expect(out).toContain('Policy rule  configs/** (line 3 of the policy)')
})

test('a config that moved is compared with itself, one that is gone is named', async () => {
  commit({ 'old/run.yml': RUN, 'gone.yml': RUN.replace('preflop: 1', 'preflop: 1\nname: other') })
  git('checkout', '-q', '-b', 'topic')
  commit({ 'old/run.yml': null, 'gone.yml': null, 'new/run.yml': RUN.replace('max_steps: 10', 'max_steps: 20') })
  const { out } = await runCommand(['diff', 'main', 'HEAD', '--format', 'json'], folder)
  const { runs, removedPaths } = JSON.parse(out)
  expect(runs).toMatchObject([{ path: 'new/run.yml', previousPath: 'old/run.yml', change: 'changed' }])
  expect(removedPaths).toEqual(['gone.yml'])
  expect((await runCommand(['diff', 'main', 'HEAD', '--format', 'markdown'], folder)).out).toContain(
    'Removed: `gone.yml`.',
  )
})
