import type { Schema } from './json-schema.ts'

/** Rows of keys that a page leaves out, by the dotted path of the key. */
type Skips = (path: string) => boolean

/** Every key of a schema with what it accepts and what it is for, as a Markdown table. */
export function keyTable(schema: Schema, skips: Skips = () => false): string {
  return ['| key | value | |', '| --- | ----- | --- |', ...rows(schema, '', skips)].join('\n')
}

function rows(schema: Schema, prefix: string, skips: Skips): readonly string[] {
  return Object.entries(childrenOf(schema)).flatMap(([key, child]) => {
    const path = prefix + key
    if (skips(path)) return []
    const description = String(child['description'] ?? '')
    const own = description === '' ? [] : [`| \`${path}\` | ${accepted(child)} | ${description} |`]
    return [...own, ...innerRows(child, path, skips)]
  })
}

function innerRows(schema: Schema, path: string, skips: Skips): readonly string[] {
  const items = asSchema(schema['items'])
  const values = asSchema(schema['additionalProperties'])
  if (items?.['properties']) return rows(items, `${path}[].`, skips)
  if (values?.['properties']) return rows(values, `${path}.NAME.`, skips)
  return [schema, ...alternatives(schema)].flatMap(own => rows(own, `${path}.`, skips))
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

function alternatives(schema: Schema): readonly Schema[] {
  const { anyOf } = schema
  return Array.isArray(anyOf) ? anyOf.map(asSchema).filter(own => own !== null) : []
}

function accepted(schema: Schema): string {
  const { enum: values, const: only, type } = schema
  const several = alternatives(schema)
  if (several.length > 0) return [...new Set(several.map(accepted))].join(', ')
  if (Array.isArray(values)) return values.map(value => `\`${value}\``).join(', ')
  if (only !== undefined) return `\`${only}\``
  const isShare = schema['pattern'] !== undefined
  return isShare ? 'amount or percentage' : [type].flat().join(' or ')
}

function asSchema(value: unknown): Schema | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
}
