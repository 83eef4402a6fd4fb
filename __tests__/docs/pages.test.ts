import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { ARTICLE_ROWS, accuracySummary, evidenceTable } from '../../scripts/pages/accuracy-parts.ts'
import { actionTable } from '../../scripts/pages/action-table.ts'
import { anchors, localLinks } from '../../scripts/pages/links.ts'
import { withPart } from '../../scripts/pages/marked-part.ts'
import { runnableBlocks } from '../../scripts/pages/runnable-blocks.ts'
import { readNativeDocument } from '../../src/formats/native.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'

const PAGES = [
  ...readdirSync('.').filter(name => name.endsWith('.md')),
  ...readdirSync('docs')
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
  'bench/gpu/README.md',
]
const textOf = (path: string) => readFileSync(path, 'utf8')

describe('commands that a page marks as runnable', () => {
  const blocks = PAGES.flatMap(path => runnableBlocks(textOf(path)).map(block => [path, block.command, block] as const))

  test('exist', () => expect(blocks.length).toBeGreaterThanOrEqual(6))

  test.each(blocks)('%s: %s', (_, command, { output }) => {
    const { status, stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
    expect(status).toBe(0)
    if (output !== null) expect(output).toBe(stdout)
  })
})

describe('links inside the repository', () => {
  test.each(PAGES.map(path => [path, localLinks(textOf(path))] as const))('%s', (path, links) => {
    const dead = links.filter(link => {
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : normalize(join(dirname(path), decodeURI(file)))
      if (!existsSync(target)) return true
      return anchor !== undefined && target.endsWith('.md') && !anchors(textOf(target)).has(anchor)
    })
    expect(dead).toEqual([])
  })
})

test('docs/memory.md says what every component is', () => {
  const sources = readdirSync('src/memory', { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const text = sources.map(name => textOf(join('src/memory', name))).join('\n')
  const calls = [...text.matchAll(/\b(?:item|make)\(([^,]+),/g)].map(([, name = '']) => name)
  const names = calls.flatMap(name => [...name.matchAll(/'([^']+)'/g)].map(([, own = '']) => own))
  expect(names.length).toBeGreaterThan(35)
  const table = textOf('docs/memory.md').split('## Components')[1]?.split('## States')[0] ?? ''
  expect([...new Set(names)].filter(name => !table.includes(name))).toEqual([])
})

test('pages that the program names are there', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const named = sources.flatMap(name =>
    [...textOf(join('src', name)).matchAll(/\bdocs\/[\w-]+\.md/g)].map(([page]) => page),
  )
  expect(named.length).toBeGreaterThan(2)
  expect([...new Set(named)].filter(page => !existsSync(page))).toEqual([])
})

describe('figures in pages', () => {
  test('both READMEs show the accuracy of this version', () => {
    const summary = accuracySummary('.')
    for (const path of ['README.md', 'README.zh-CN.md'])
      expect(textOf(path)).toBe(withPart(textOf(path), 'accuracy', summary))
  })

  test('the article shows what its rows measured and what is estimated now', () => {
    const page = textOf('docs/the-article.md')
    expect(page).toBe(withPart(page, 'article rows', evidenceTable('.', ARTICLE_ROWS)))
  })

  test.each(['inputs', 'outputs'] as const)('docs/action.md has the %s of action.yml', part => {
    const page = textOf('docs/action.md')
    expect(page).toBe(withPart(page, part, actionTable('.', part)))
  })

  test('the article’s rule is computed', () => {
    const page = textOf('docs/the-article.md')
    const fixed = 4 * 7e9 * 2
    const dynamic = 32 * 1024 * 4096 * 32 * 2
    const steps = Math.ceil(10_000 / 32) * 3
    const hours = Math.ceil((steps * 1.5) / 3600) * 3
    for (const text of [
      `${(fixed / 1e9).toFixed(1)} GB`,
      `${(dynamic / 1e9).toFixed(2)} GB`,
      `${((fixed + dynamic) / 1e9).toFixed(1)} GB`,
      `| ${steps} |`,
      `${(steps * 1.5).toLocaleString('en')} s`,
      `| ${hours} |`,
      `${(hours * 27.08).toFixed(2)} CNY`,
      (32_768 / 1.5).toLocaleString('en', { maximumFractionDigits: 0 }),
    ])
      expect(page).toContain(text)
  })

  test('the speed that the article quotes is a row of the bench', () => {
    const row = textOf('bench/speed.jsonl')
      .split('\n')
      .find(line => line.includes('"speed-torchtune-010"'))
    expect(JSON.parse(row ?? '{}').measured.tokens_per_second_per_gpu).toBe(7075)
  })
})

describe('YAML in pages', () => {
  const fences = PAGES.flatMap(path =>
    [...textOf(path).matchAll(/```yaml[^\n]*\n([\s\S]*?)```/g)].map(([, text = '']) => [path, text] as const),
  )
  const workflows = fences.filter(([, text]) => 'jobs' in parse(text))
  const policies = fences.filter(([, text]) => 'version' in parse(text))
  const { inputs } = parse(textOf('action.yml'))

  const plans = fences.filter(([, text]) => 'preflop' in parse(text))

  test('is a workflow, a policy or a plan', () => {
    expect(workflows.length).toBeGreaterThanOrEqual(5)
    expect(policies.length).toBeGreaterThanOrEqual(2)
    expect(workflows.length + policies.length + plans.length).toBe(fences.length)
  })

  test.each(workflows)('workflow %# of %s', (_, text) => {
    const { context } = parseWorkflow({ name: 'page.yml', content: text }, new NoOperationTraceWriter())
    expect(context.errors.getErrors().map(({ message }) => message)).toEqual([])
    const { jobs, permissions } = parse(text)
    expect(permissions.contents).toBe('read')
    const steps = Object.values<{ steps: { uses?: string; with?: object }[] }>(jobs).flatMap(job => job.steps)
    const ours = steps.filter(({ uses }) => uses?.startsWith('preflop/preflop@v'))
    expect(ours).toHaveLength(1)
    for (const step of ours) expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(step.with ?? {})))
  })

  test.each(plans)('plan %# of %s', (_, text) => {
    const [run, ...others] = readNativeDocument(parseDocument('plan.yml', text)).runs
    expect(others).toEqual([])
    expect(run?.findings).toEqual([])
  })

  test.each(policies)('policy %# of %s', (_, text) => {
    expect(readPolicy(parseDocument('preflop.yml', text)).findings).toEqual([])
  })
})
