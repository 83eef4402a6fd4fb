import { expect, test } from '@jest/globals'
import {
  deltaShare,
  exactMoney,
  money,
  moneyBeside,
  moneyDelta,
  signedMoney,
  statedMoney,
} from '../../src/plan/money-text.ts'

test.each([
  ['an estimate in whole units', money(164.2, 'USD'), '$164'],
  ['cents below ten', money(4.5, 'USD'), '$4.50'],
  ['a saving', money(-1234.4, 'EUR'), '−€1,234'],
  ['a currency without a symbol', money(1765.53, 'CNY'), '1,766 CNY'],
  ['no currency', money(12, null), '12'],
  ['a price', exactMoney(1.8, 'USD'), '$1.80'],
  ['a product to the cent', exactMoney(1530.66, 'EUR'), '€1,530.66'],
  ['the article’s bill', exactMoney(81.24, 'CNY'), '81.24 CNY'],
  ['a whole limit', statedMoney(250, 'USD'), '$250'],
  ['a limit below a cent', statedMoney(0.001, 'USD'), '$0.001'],
  ['a limit with cents', statedMoney(99.5, 'GBP'), '£99.50'],
  ['an estimate above its limit', moneyBeside(334.2, 250, 'USD'), '$334'],
  ['an estimate above its limit by less than is shown', moneyBeside(10.3, 10, 'USD'), '$10.30'],
  ['an estimate below its limit by less than is shown', moneyBeside(99.6, 99.7, 'CNY'), '99.60 CNY'],
  ['a growth of what is shown', moneyDelta(164.4, 151.6, 'USD'), '+$12'],
  ['a fall below ten', moneyDelta(4, 8.5, 'CNY'), '−4.50 CNY'],
  ['nothing moved', moneyDelta(164.2, 164.4, 'USD'), '0'],
  ['a share', deltaShare(164, 150), '+9 %'],
  ['a share too small to show', deltaShare(150.1, 150), ''],
  ['a share of nothing', deltaShare(150, 0), ''],
  ['an amount with its sign', signedMoney(13, 'USD'), '+$13'],
])('%s', (_, shown, expected) => {
  expect(shown).toBe(expected)
})
