import { DIALECT, type Schema } from './json-schema.ts'

/** JSON Schema of the report: what other programs rely on. */
export function reportSchema(): Schema {
  const nullable = (type: string): Schema => ({ type: [type, 'null'] })
  const run = {
    type: 'object',
    required: [
      'path',
      'format',
      'verdict',
      'memory',
      'time',
      'cost',
      'ruleOfThumb',
      'findings',
      'fixes',
      'alternatives',
      'assumptions',
      'base',
      'causes',
    ],
    properties: {
      path: { type: 'string' },
      format: { type: 'string' },
      name: nullable('string'),
      verdict: { enum: ['pass', 'warn', 'fail', 'unknown'] },
      plan: nullable('object'),
      memory: nullable('object'),
      time: nullable('object'),
      cost: nullable('object'),
      ruleOfThumb: nullable('object'),
      parameters: nullable('object'),
      findings: { type: 'array' },
      fixes: { type: 'array' },
      alternatives: { type: 'array' },
      assumptions: { type: 'array' },
      base: nullable('object'),
      causes: { type: 'array' },
    },
  }
  return {
    $schema: DIALECT,
    title: 'Preflop report',
    type: 'object',
    required: ['version', 'verdict', 'runs'],
    properties: {
      version: { const: 1 },
      verdict: { enum: ['pass', 'warn', 'fail', 'unknown'] },
      runs: { type: 'array', items: run },
    },
  }
}
