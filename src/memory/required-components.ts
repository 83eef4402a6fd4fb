import { RECLAIMABLE } from './overheads/reserved.ts'

/** The components that must fit: they sum to `requiredBytes`. */
export function requiredComponents<Component extends { readonly name: string }>(
  components: readonly Component[],
): readonly Component[] {
  return components.filter(({ name }) => name !== RECLAIMABLE)
}
