import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { compilePattern } from '../../../src/models/pattern/compile-pattern.ts'

function matches(pattern: string, name: string): boolean | string {
  const compiled = compilePattern(pattern)
  return compiled.status === 'ready' ? compiled.matches(name) : compiled.reason
}

const Q = 'model.layers.7.self_attn.q_proj'

describe('compilePattern', () => {
  test.each([
    ['.*q_proj', Q, true],
    ['q_proj', Q, false],
    [String.raw`.*\.layers\.(3|7|11)\.self_attn\.(q|k|v|o)_proj`, Q, true],
    [String.raw`.*\.layers\.(3|11)\.self_attn\.(q|k|v|o)_proj`, Q, false],
    [String.raw`model.layers.[\d]+.(_checkpoint_wrapped_module.)?(mlp|self_attn).(up|down|gate|q|k|v|o)_proj`, Q, true],
    ['^(?!.*(?:visual|merger)).*(?:q_proj|k_proj)$', Q, true],
    ['^(?!.*(?:visual|merger)).*(?:q_proj|k_proj)$', 'model.visual.blocks.0.attn.q_proj', false],
    ['^(model\\.language_model(?=\\.).*\\.(q_proj|v_proj))$', 'model.language_model.layers.0.self_attn.v_proj', true],
    ['(?i).*Q_PROJ', Q, true],
    ['(?P<layer>model\\.layers\\.\\d{1,2})\\.(?:\\w+\\.)*[^kv]_proj', Q, true],
    ['.*(?<!self_attn)\\.q_proj', Q, false],
    ['.*(?<=self_attn)\\.q_proj', Q, true],
    ['.*\\bq_proj\\Z', Q, true],
    ['(.+)+q_proj', Q, true],
    ['', '', true],
    ['a{,2}', 'aa', true],
    ['a{x}', 'a{x}', true],
    ['[]a]', ']', true],
    ['[a-]', '-', true],
    ['[^\\w.]', '_', false],
  ])('%s over %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected)
  })

  test.each([
    ['(', 'not closed'],
    [')', 'unmatched'],
    ['[a', 'not closed'],
    ['*a', 'nothing to repeat'],
    ['a**', 'quantifier on a quantifier'],
    ['a*+', 'possessive'],
    ['(?>a)', 'not read'],
    ['(?P=name)', 'not read'],
    ['(?(1)a|b)', 'not read'],
    ['(a)\\1', 'reference'],
    ['\\q', 'not read'],
    ['a\\', 'backslash'],
    ['a{3,2}', 'below its minimum'],
    ['[z-a]', 'range'],
    ['(((a{99}){99}){99}){99}', 'repetitions'],
    [`${'('.repeat(50)}a${')'.repeat(50)}`, 'nested deeper'],
    ['a'.repeat(5000), 'at most'],
  ])('%s is refused for its %s', (pattern, reason) => {
    expect(matches(pattern, 'a')).toEqual(expect.stringContaining(reason))
  })

  test.each(['(a+)+$', '(a|a)*$', '(a*)*b', '(.*)*(.*)*(.*)*x', '(?=(?=(?=(a*)*)*)*)*x', '(?<=(?<=(a*)*)*)*x'])(
    '%s answers in bounded time',
    pattern => {
      const started = performance.now()
      const compiled = compilePattern(pattern)
      if (compiled.status === 'ready') for (let time = 0; time < 100; time += 1) compiled.matches('a'.repeat(200))
      expect(performance.now() - started).toBeLessThan(10_000)
    },
  )

  test('agrees with the built-in engine where both read a pattern', () => {
    const atom = fc.constantFrom('a', 'b', '_', '\\.', '.', '[ab]', '[^a]', '\\d', '\\w', '(?:a|b_)', '(ab?)', '$', '^')
    const term = fc
      .tuple(atom, fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,2}'))
      .map(([node, times]) => (node === '$' || node === '^' ? node : node + times))
    const pattern = fc.array(term, { minLength: 1, maxLength: 6 }).map(terms => terms.join(''))
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '_', '.', '1'), maxLength: 8 })
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 3 }), name, (options, text) => {
        const source = options.join('|')
        expect(matches(source, text)).toBe(new RegExp(`^(?:${source})$`).test(text))
      }),
      { numRuns: 2000 },
    )
  })
})
