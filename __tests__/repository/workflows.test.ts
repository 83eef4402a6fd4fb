import { readdirSync, readFileSync } from 'node:fs'
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { readMemoryRows } from '../../bench/accuracy/memory-rows.ts'

const OWN = '.github/workflows'
const EXAMPLES = 'examples/workflows'
const FILES = [OWN, EXAMPLES].flatMap(folder => readdirSync(folder).map(name => `${folder}/${name}`))

interface Job {
  readonly permissions?: object
  readonly 'timeout-minutes'?: number
  readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: Record<string, unknown> }[]
}

function jobsOf(file: string): readonly Job[] {
  return Object.values<Job>(parse(readFileSync(file, 'utf8')).jobs)
}

test.each(FILES)('%s is a workflow by GitHub’s own schema', file => {
  const { context } = parseWorkflow({ name: file, content: readFileSync(file, 'utf8') }, new NoOperationTraceWriter())
  expect(context.errors.getErrors().map(({ message }) => message)).toEqual([])
})

test('the schema finds mistakes', () => {
  const content = 'on: push\njobs:\n  a:\n    runs_on: x\n    steps: [{ run: a, uses: b }]\n'
  const { context } = parseWorkflow({ name: 'wrong.yml', content }, new NoOperationTraceWriter())
  expect(context.errors.getErrors().length).toBeGreaterThan(0)
})

describe.each(readdirSync(OWN).map(name => `${OWN}/${name}`))('%s', file => {
  test('grants nothing to the workflow, and to each job what it needs', () => {
    expect(parse(readFileSync(file, 'utf8')).permissions).toEqual({})
    for (const job of jobsOf(file)) {
      expect(job.permissions).toBeDefined()
      expect(job['timeout-minutes']).toBeLessThanOrEqual(30)
    }
  })

  test('pins every action to a commit and names its version', () => {
    const text = readFileSync(file, 'utf8')
    const uses = [...text.matchAll(/^ *- uses: (\S+)(.*)/gm)].map(
      ([, action = '', comment = '']) => [action, comment] as const,
    )
    expect(uses.length).toBeGreaterThan(0)
    for (const [action, comment] of uses)
      if (action !== './') expect(`${action}${comment}`).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('keeps no credentials and puts no expression into a script', () => {
    for (const { uses = '', run = '', with: inputs = {} } of jobsOf(file).flatMap(({ steps }) => steps)) {
      if (uses.startsWith('actions/checkout@')) expect(inputs['persist-credentials']).toBe(false)
      expect(run).not.toContain('${' + '{')
    }
  })
})

const FORMS = '.github/ISSUE_TEMPLATE'
const ELEMENTS = ['checkboxes', 'dropdown', 'input', 'markdown', 'textarea']

interface Form {
  readonly name: string
  readonly description: string
  readonly body: readonly {
    readonly type: string
    readonly id?: string
    readonly attributes: {
      readonly label?: string
      readonly options?: readonly unknown[]
      readonly placeholder?: string
    }
  }[]
}

describe.each(readdirSync(FORMS).filter(name => name !== 'config.yml'))('%s', name => {
  const { name: title, description, body }: Form = parse(readFileSync(`${FORMS}/${name}`, 'utf8'))

  test('is an issue form that GitHub accepts', () => {
    expect([title, description].every(text => typeof text === 'string' && text !== '')).toBe(true)
    expect(body.filter(({ type }) => !ELEMENTS.includes(type))).toEqual([])
    expect(body.filter(({ type, attributes }) => type !== 'markdown' && !attributes.label)).toEqual([])
    expect(body.filter(({ type, attributes }) => type === 'dropdown' && !attributes.options?.length)).toEqual([])
    const ids = body.flatMap(({ id }) => id ?? [])
    expect(ids.every(id => /^[A-Za-z0-9_-]+$/.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

test('the row that the form shows is one that the bench reads', () => {
  const { body }: Form = parse(readFileSync(`${FORMS}/wrong-estimate.yml`, 'utf8'))
  const row = body.find(({ id }) => id === 'row')?.attributes.placeholder ?? ''
  const [read] = readMemoryRows(row.replaceAll(/\n\s*/g, ' '))
  expect(read?.readings).toEqual([{ metric: 'device', gib: 61.5 }])
})

test('action.yml is what the runner and the Marketplace accept', () => {
  const action = parse(readFileSync('action.yml', 'utf8'))
  expect(Object.keys(action).sort()).toEqual(['author', 'branding', 'description', 'inputs', 'name', 'outputs', 'runs'])
  expect(action.description.length).toBeLessThanOrEqual(125)
  expect(action.runs).toEqual({ using: 'node24', main: 'dist/index.js' })
  for (const [name, { description, ...rest }] of Object.entries<{ description: string }>(action.inputs)) {
    expect(name).toMatch(/^[a-z]+(?:-[a-z]+)*$/)
    expect(description.length).toBeGreaterThan(10)
    expect(Object.keys(rest).filter(key => !['default', 'required', 'deprecationMessage'].includes(key))).toEqual([])
  }
})
