import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'

const FOLDER = 'examples/workflows'
const { inputs } = parse(readFileSync('action.yml', 'utf8'))

test.each(readdirSync(FOLDER))('%s asks for little and gives only inputs that exist', file => {
  const workflow = parse(readFileSync(`${FOLDER}/${file}`, 'utf8'))
  expect(workflow.permissions.contents).toBe('read')
  expect(Object.keys(workflow.permissions).filter(name => !['contents', 'pull-requests'].includes(name))).toEqual([])
  const steps = Object.values<{ steps: { uses?: string; with?: object; run?: string }[] }>(workflow.jobs).flatMap(
    job => job.steps,
  )
  const ours = steps.filter(({ uses }) => uses?.startsWith('preflop/preflop@v'))
  expect(ours).toHaveLength(1)
  for (const step of ours) expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(step.with ?? {})))
  for (const { run } of steps) expect(run ?? '').not.toContain('${{')
})
