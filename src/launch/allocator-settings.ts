import type { ConfigNode } from '../formats/config-document.ts'
import type { PlanDraft } from '../plan/plan-draft.ts'
import type { ShellWord } from './shell/shell-word.ts'

/** Variables with the settings of torch's caching allocator, the one that wins first (torch 2.13 c10/core/AllocatorConfig.h). */
export const ALLOCATOR_VARIABLES = ['PYTORCH_ALLOC_CONF', 'PYTORCH_CUDA_ALLOC_CONF', 'PYTORCH_HIP_ALLOC_CONF'] as const

/** What a command's environment says of the allocator; empty: nothing, or a variable that nobody sets. */
export function commandAllocator(environment: ReadonlyMap<string, ShellWord>, path: string): PlanDraft {
  for (const key of ALLOCATOR_VARIABLES) {
    const word = environment.get(key)
    const value = word && word.unresolved.length === 0 ? growingSegments(word.text) : undefined
    if (word && value !== undefined)
      return { expandableSegments: { value, from: 'launch', path, ...placeOf(word), key } }
  }
  return {}
}

/** What the job gives its commands stands before the first word of them. */
function placeOf({ line, column }: ShellWord): { readonly line?: number; readonly column?: number } {
  return line === 1 && column === 1 ? {} : { line, column }
}

/** The same of a block of a config that holds variables: `ENV:`, `env_vars:`. */
export function blockAllocator(block: ConfigNode | undefined): PlanDraft {
  for (const key of ALLOCATOR_VARIABLES) {
    const node = block?.entries.get(key)
    const value = typeof node?.scalar === 'string' ? growingSegments(node.scalar) : undefined
    if (node && value !== undefined) {
      const { path, keyLine: line, keyColumn: column } = node
      return { expandableSegments: { value, from: 'file', path, line, column, key } }
    }
  }
  return {}
}

/** `expandable_segments:True` among settings with commas; undefined: not set. */
function growingSegments(text: string): boolean | undefined {
  const word = /(?:^|,)\s*expandable_segments\s*:\s*(true|false)\s*(?:,|$)/i.exec(text)?.[1]
  return word === undefined ? undefined : word.toLowerCase() === 'true'
}
