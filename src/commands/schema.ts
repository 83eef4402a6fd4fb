import type { Schema } from '../schema/json-schema.ts'
import { planSchema } from '../schema/plan-schema.ts'
import { policySchema } from '../schema/policy-schema.ts'
import { reportSchema } from '../schema/report-schema.ts'
import { type Command, EXIT, UsageError } from './command.ts'

export const schemaCommand: Command = {
  name: 'schema',
  summary: 'JSON Schema of plan, policy or report',
  usage: 'plan|policy|report',
  options: {},
  examples: ['schema plan > plan.schema.json'],
  async run({ positionals, io }) {
    const [name] = positionals
    if (name === undefined) throw new UsageError('which schema? One of plan, policy, report.')
    const schema = Object.hasOwn(SCHEMAS, name) ? SCHEMAS[name] : undefined
    if (!schema) throw new UsageError(`\`${name}\` has no schema; expected plan, policy or report.`)
    io.out(`${JSON.stringify(schema(), null, 2)}\n`)
    return EXIT.ok
  },
}

const SCHEMAS: Readonly<Record<string, () => Schema>> = { plan: planSchema, policy: policySchema, report: reportSchema }
