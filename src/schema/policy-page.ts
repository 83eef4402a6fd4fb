import type { Schema } from './json-schema.ts'
import { policySchema } from './policy-schema.ts'

/** The table of every policy key, from the schema that editors use. */
export function policyKeyTable(): string {
  return ['| key | value | |', '| --- | ----- | --- |', ...rows(policySchema(), '')].join('\n')
}

function rows(schema: Schema, prefix: string): readonly string[] {
  return Object.entries(childrenOf(schema)).flatMap(([key, child]) => {
    const path = prefix + key
    // a rule's settings are those of the file
    const inner = path === 'configs[].' || prefix === 'configs[].' ? [] : innerRows(child, path)
    if (prefix === 'configs[].' && key !== 'paths' && key !== 'ignore') return []
    return [`| \`${path}\` | ${accepted(child)} | ${String(child['description'] ?? '')} |`, ...inner]
  })
}

function innerRows(schema: Schema, path: string): readonly string[] {
  const items = asSchema(schema['items'])
  const values = asSchema(schema['additionalProperties'])
  if (items?.['properties']) return rows(items, `${path}[].`)
  if (values?.['properties']) return rows(values, `${path}.NAME.`)
  return rows(schema, `${path}.`)
}

function childrenOf(schema: Schema): Readonly<Record<string, Schema>> {
  const properties = asSchema(schema['properties']) ?? {}
  return Object.fromEntries(
    Object.entries(properties).flatMap(([key, value]) => {
      const child = asSchema(value)
      return child ? [[key, child] as const] : []
    }),
  )
}

function accepted(schema: Schema): string {
  const { enum: values, const: only, type } = schema
  if (Array.isArray(values))
    return values.length > 8 ? 'one of the frameworks' : values.map(value => `\`${value}\``).join(', ')
  if (only !== undefined) return `\`${only}\``
  const isShare = schema['pattern'] !== undefined
  return isShare ? 'amount or percentage' : [type].flat().join(' or ')
}

function asSchema(value: unknown): Schema | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
}
