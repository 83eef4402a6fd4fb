import type { Sourced } from '../../plan/provenance.ts'
import type { Fields } from '../fields.ts'

/** A `store_true` argument that is given; undefined: absent, or false in a mapping. */
export function switchedOn(fields: Fields, key: string): Sourced<boolean> | undefined {
  const read = fields.isSet(key) ? fields.boolean(key) : undefined
  return read?.value ? read : undefined
}
