import { NATIVE_KEYS } from '../formats/native.ts'
import { POLICY_KEYS } from '../policy/policy-keys.ts'
import { type Command, EXIT, UsageError } from './command.ts'

type Schema = Readonly<Record<string, unknown>>

export const schemaCommand: Command = {
  name: 'schema',
  summary: 'JSON Schema of plan, policy or report',
  usage: 'plan|policy|report',
  options: {},
  examples: ['schema plan > plan.schema.json'],
  async run({ positionals, io }) {
    const name = positionals[0] ?? ''
    const schema = Object.hasOwn(SCHEMAS, name) ? SCHEMAS[name] : undefined
    if (!schema) throw new UsageError(`\`${name}\` has no schema; expected plan, policy or report.`)
    io.out(`${JSON.stringify(schema(), null, 2)}\n`)
    return EXIT.ok
  },
}

const SCHEMAS: Readonly<Record<string, () => Schema>> = { plan: planSchema, policy: policySchema, report: reportSchema }
const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

/** Nested objects from the native reader's own keys. */
function planSchema(): Schema {
  const nested = new Map<string, string[]>()
  for (const key of NATIVE_KEYS) {
    const [parent = key, child] = key.split('.')
    nested.set(parent, [...(nested.get(parent) ?? []), ...(child === undefined ? [] : [child])])
  }
  const properties = Object.fromEntries(
    [...nested].map(([name, children]) => [
      name,
      children.length > 0 ? { type: 'object', properties: empty(children), additionalProperties: false } : {},
    ]),
  )
  return {
    $schema: DIALECT,
    title: 'Preflop plan',
    type: 'object',
    properties: { ...properties, preflop: { const: 1 } },
    required: ['preflop', 'model'],
    additionalProperties: false,
  }
}

function empty(keys: readonly string[]): Schema {
  return Object.fromEntries(keys.map(key => [key, {}]))
}

function policySchema(): Schema {
  const limit = { type: 'object', properties: empty(POLICY_KEYS.limit), additionalProperties: false }
  const settings = {
    hardware: {
      type: 'object',
      properties: {
        ...empty(POLICY_KEYS.hardware),
        price: { type: 'object', properties: empty(POLICY_KEYS.price), additionalProperties: false },
      },
      additionalProperties: false,
    },
    currency: { type: 'string' },
    exchange_rates: { type: 'object', additionalProperties: { type: 'number' } },
    retries: { type: 'integer', minimum: 1 },
    estimator: { enum: ['detailed', 'rule-of-thumb'] },
    budget: {
      type: 'object',
      properties: Object.fromEntries(POLICY_KEYS.budget.map(key => [key, limit])),
      additionalProperties: false,
    },
    fail_on: { enum: ['new', 'any'] },
    on_unknown: { enum: ['pass', 'warn', 'fail'] },
    override_label: { type: 'string' },
    datasets: {
      type: 'object',
      additionalProperties: { type: 'object', properties: empty(POLICY_KEYS.dataset), additionalProperties: false },
    },
    models: { type: 'object', additionalProperties: { type: ['string', 'object'] } },
  }
  const rule = {
    type: 'object',
    properties: { ...settings, paths: { type: ['array', 'string'] }, ignore: { type: 'boolean' } },
    required: ['paths'],
    additionalProperties: false,
  }
  return {
    $schema: DIALECT,
    title: 'Preflop policy',
    type: 'object',
    properties: { version: { const: 1 }, ...settings, configs: { type: 'array', items: rule } },
    additionalProperties: false,
  }
}

function reportSchema(): Schema {
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
