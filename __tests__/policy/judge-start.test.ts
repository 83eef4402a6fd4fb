import { expect, test } from '@jest/globals'
import { finding } from '../../src/plan/finding-texts.ts'
import { judgeStart } from '../../src/policy/judge-start.ts'

const refusal = (message: string) => finding('will-not-start', { message })
const notice = finding('no-price', { message: 'none' })
const [A, B] = [refusal('a'), refusal('b')]

test.each([
  ['nothing is refused', [notice], null, {}, 'pass', false, ['notice']],
  ['a refusal comes first and fails', [notice, A], null, {}, 'fail', false, ['error', 'notice']],
  ['the policy warns', [A], null, { onRefusal: 'warn' }, 'warn', false, ['warning']],
  ['the policy lets it', [A], null, { onRefusal: 'pass' }, 'pass', false, ['notice']],
  ['the base was refused alike', [A], [A, notice], {}, 'warn', true, ['warning']],
  ['one more than at the base', [A, B], [A], {}, 'fail', false, ['error', 'error']],
  ['the base started', [A], [notice], {}, 'fail', false, ['error']],
  ['the policy fails on any', [A], [A], { failOn: 'any' }, 'fail', false, ['error']],
] as const)('%s', (_, head, base, policy, verdict, preExisting, severities) => {
  const judged = judgeStart(head, base, { onRefusal: 'fail', failOn: 'new', ...policy })
  expect(judged).toMatchObject({ verdict, preExisting })
  expect(judged.findings.map(({ severity }) => severity)).toEqual(severities)
})
