import type { Architecture } from './architecture.ts'
import type { CountedTensor } from './model-counts.ts'
import { moduleNames } from './module-names.ts'
import { compilePattern } from './pattern/compile-pattern.ts'

/** A user's regular expression over the names of one architecture. A layer is null outside the layers. */
export interface ArchitecturePattern {
  /** The whole module name matches (PEFT `target_modules`). */
  holdsModule(counted: CountedTensor, layer: number | null): boolean
  /** The parameter's name begins with a match (Axolotl `unfrozen_parameters`). */
  beginsParameter(counted: CountedTensor, layer: number | null): boolean
  /** Why the pattern cannot be followed; null: it can. */
  problem(): string | null
}

/** Patterns are asked again for every variant of a plan; an architecture remembers its answers. */
const remembered = new WeakMap<Architecture, Map<string, ArchitecturePattern>>()

export function modulePattern(architecture: Architecture, source: string): ArchitecturePattern {
  const patterns = remembered.get(architecture) ?? new Map<string, ArchitecturePattern>()
  remembered.set(architecture, patterns)
  const pattern = patterns.get(source) ?? createPattern(architecture, source)
  patterns.set(source, pattern)
  return pattern
}

/** In how many of its layers the tensor is wanted. */
export function layersWhere({ layers, places }: CountedTensor, isWanted: (layer: number | null) => boolean): number {
  return places === undefined ? (isWanted(null) ? layers : 0) : places.filter(isWanted).length
}

function createPattern(architecture: Architecture, source: string): ArchitecturePattern {
  const pattern = compilePattern(source)
  if (pattern.status === 'unreadable')
    return { holdsModule: () => false, beginsParameter: () => false, problem: () => pattern.reason }
  const remember = (test: (name: string) => boolean): ((name: string) => boolean) => {
    const answers = new Map<string, boolean>()
    return name => {
      const answer = answers.get(name) ?? test(name)
      answers.set(name, answer)
      return answer
    }
  }
  const whole = remember(pattern.matches)
  const start = remember(name => pattern.matchesStart(`${name}.weight`))
  return {
    holdsModule: (counted, layer) => moduleNames(architecture, counted, layer).some(whole),
    beginsParameter: (counted, layer) => moduleNames(architecture, counted, layer).some(start),
    problem: () => (pattern.isSpent() ? 'too many repetitions within repetitions' : null),
  }
}
