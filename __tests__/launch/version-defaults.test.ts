import { describe, expect, test } from '@jest/globals'
import { VERSION_DEFAULTS, versionDefault } from '../../src/launch/version-defaults.ts'
import { compareVersions } from '../../src/plan/library-version.ts'

describe('version defaults', () => {
  test.each([
    ['1.10.0', '1.9.3', 1],
    ['4.57', '4.57.0', 0],
    ['0.19.0.dev0', '0.19.1', -1],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign)
  })

  test('the step in force and the version that was used', () => {
    expect(versionDefault('trl.grpo_beta', { trl: '0.18.2' })).toMatchObject({ value: 0.04, from: 'default' })
    expect(versionDefault('trl.grpo_beta', { trl: '0.19.0' }).value).toBe(0)
    expect(versionDefault('trl.grpo_beta', {}).note).toContain('assumed')
    expect(versionDefault('trl.grpo_beta', { trl: '0.19.0' }).note).toContain('trl 0.19.0')
  })

  test('steps are in order', () => {
    for (const { steps } of Object.values(VERSION_DEFAULTS))
      expect(steps.every((step, at) => at === 0 || compareVersions(step[0], steps[at - 1]?.[0] ?? '') > 0)).toBe(true)
  })
})
