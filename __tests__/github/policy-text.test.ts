import { expect, test } from '@jest/globals'
import { policyPlace } from '../../src/github/policy-text.ts'

test.each([
  [null, { kind: 'here', path: '.github/preflop.yml', isDefault: true }],
  ['policies/llm.yml', { kind: 'here', path: 'policies/llm.yml', isDefault: false }],
  [
    'acme/policies/llm/preflop.yml@v2',
    { kind: 'elsewhere', repository: { owner: 'acme', repo: 'policies' }, path: 'llm/preflop.yml', ref: 'v2' },
  ],
  ['../outside.yml', null],
  ['/etc/passwd', null],
  ['acme/policies/../../x.yml@v2', null],
])('%s', (input, place) => {
  expect(policyPlace(input)).toEqual(place)
})
