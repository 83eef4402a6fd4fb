import type { ConfigFields } from './config-fields.ts'

/** A boolean of a family row: stated, or named by the config key that decides it. `no_bias: true` is how MPT and Megatron turn biases off. */
export function configFlag(fields: ConfigFields, rule: boolean | string | undefined): boolean {
  if (typeof rule === 'string') return fields.boolean(rule)
  return (rule ?? false) && !fields.boolean('no_bias')
}
