export type Schema = Readonly<Record<string, unknown>>

export const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

/** Where the committed schemas are read by editors. */
export const SCHEMA_URL = 'https://raw.githubusercontent.com/preflop/preflop/v0/schema'

export const text = (description: string): Schema => ({ type: 'string', description })
export const flag = (description: string): Schema => ({ type: 'boolean', description })
export const count = (description: string, minimum = 1): Schema => ({ type: 'integer', minimum, description })
export const amount = (description: string): Schema => ({ type: 'number', minimum: 0, description })
export const names = (description: string): Schema => ({
  type: ['array', 'string'],
  items: { type: 'string' },
  description,
})
export const oneOf = (values: readonly (string | number)[], description: string): Schema => ({
  enum: [...values],
  description,
})

/** A mapping with these keys and no others. */
export function mapping(properties: Readonly<Record<string, Schema>>, description: string): Schema {
  return { type: 'object', properties, additionalProperties: false, description }
}

/** A mapping whose keys are names of the user. */
export function table(values: Schema, description: string): Schema {
  return { type: 'object', additionalProperties: values, description }
}

export function list(items: Schema, description: string): Schema {
  return { type: 'array', items, description }
}
