import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { ESTIMATE_OPTIONS } from '../../src/commands/estimate-files.ts'

test('the GitLab job is YAML whose commands exist, and its gate is the exit code of diff', () => {
  const { preflop } = parse(readFileSync('examples/gitlab-ci.yml', 'utf8'))
  const script: readonly string[] = preflop.script
  for (const line of script) expect(typeof line).toBe('string')
  const [call = ''] = script.filter(line => line.includes('cli.js'))
  expect(call).toContain('cli.js diff "$base" HEAD')
  const flags = [...call.matchAll(/ --([a-z-]+)/g)].map(([, flag]) => flag)
  expect(Object.keys(ESTIMATE_OPTIONS)).toEqual(expect.arrayContaining(flags))
  expect(script.at(-1)).toBe('exit $status')
})
