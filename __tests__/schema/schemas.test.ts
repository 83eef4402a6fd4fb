import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { NATIVE_KEYS } from '../../src/formats/native.ts'
import { POLICY_KEYS } from '../../src/policy/policy-keys.ts'
import type { Schema } from '../../src/schema/json-schema.ts'
import { keyTable } from '../../src/schema/key-table.ts'
import { PLAN_KEY_SCHEMAS, planSchema } from '../../src/schema/plan-schema.ts'
import { policyKeyTable } from '../../src/schema/policy-page.ts'
import { policySchema } from '../../src/schema/policy-schema.ts'
import { runCommand } from '../commands/run-command.ts'

test.each(['plan', 'policy', 'report'])('schema/%s.schema.json is what the program prints', async name => {
  expect(readFileSync(`schema/${name}.schema.json`, 'utf8')).toBe((await runCommand(['schema', name])).out)
})

test('docs/policy.md and docs/plan.md have the tables of the schemas', () => {
  expect(readFileSync('docs/policy.md', 'utf8')).toContain(policyKeyTable())
  expect(readFileSync('docs/plan.md', 'utf8')).toContain(keyTable(planSchema()))
})

test('every key of the native reader is in the plan’s schema, and no other', () => {
  expect(Object.keys(PLAN_KEY_SCHEMAS).toSorted()).toEqual([...NATIVE_KEYS].toSorted())
})

const at = (schema: unknown, ...path: readonly string[]): Schema =>
  path.reduce<Schema>((inner, key) => Object(inner[key]), Object(schema))
const keysOf = (schema: Schema) => Object.keys(at(schema, 'properties'))

describe('every key of the policy reader is in its schema, and no other', () => {
  const root = at(policySchema(), 'properties')
  test.each([
    ['root', policySchema()],
    ['rule', at(root, 'configs', 'items')],
    ['hardware', at(root, 'hardware')],
    ['price', at(root, 'hardware', 'properties', 'price')],
    ['billing', at(root, 'billing')],
    ['negotiated', at(root, 'billing', 'properties', 'negotiated', 'items')],
    ['overheads', at(root, 'overheads')],
    ['calibration', at(root, 'calibration', 'items')],
    ['budget', at(root, 'budget')],
    ['limit', at(root, 'budget', 'properties', 'cost')],
    ['dataset', at(root, 'datasets', 'additionalProperties')],
  ] as const)('%s', (name, schema) => {
    expect(keysOf(schema).toSorted()).toEqual([...POLICY_KEYS[name]].toSorted())
  })
})

test('every key says what it is for', () => {
  const bare: string[] = []
  const visit = (schema: Schema, path: string): void => {
    for (const [key, child] of Object.entries(at(schema, 'properties'))) {
      const inner: Schema = Object(child)
      if (inner['description'] === undefined && inner['properties'] === undefined) bare.push(`${path}${key}`)
      visit(inner, `${path}${key}.`)
    }
  }
  visit(policySchema(), '')
  visit(planSchema(), '')
  expect(bare).toEqual([])
})
