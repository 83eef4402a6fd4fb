import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { INPUT_LIMITS } from './input-limits.ts'

interface FilePlace {
  readonly path: string
  readonly line: number
  readonly column: number
}

/** Counts what one file is built into; once a limit is reached nothing more is admitted, and `problem` says which. */
export class NodeBudget {
  #values = 0
  #aliases = 0
  #problem: Finding | null = null

  get problem(): Finding | null {
    return this.#problem
  }

  /** One more value at this depth. */
  admits(depth: number, place: () => FilePlace): boolean {
    if (this.#problem) return false
    this.#values += 1
    if (depth > INPUT_LIMITS.depth) return this.#refuse(`values nested deeper than ${INPUT_LIMITS.depth} levels`, place)
    if (this.#values > INPUT_LIMITS.values) return this.#refuse(`more than ${INPUT_LIMITS.values} values`, place)
    return true
  }

  admitsAlias(place: () => FilePlace): boolean {
    this.#aliases += 1
    const isTooMany = this.#aliases > INPUT_LIMITS.aliasExpansions
    return isTooMany ? this.#refuse(`more than ${INPUT_LIMITS.aliasExpansions} alias expansions`, place) : true
  }

  #refuse(what: string, place: () => FilePlace): false {
    this.#problem = finding('input-limit', { ...place(), message: `The file has ${what}; expected fewer.` })
    return false
  }
}
