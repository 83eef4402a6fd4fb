import { isWordCharacter } from './pattern-characters.ts'
import type { CharacterTest } from './pattern-node.ts'

/** Steps in order; `fork` also goes on at `other`, `look` runs the steps behind it and goes on at `next`. */
export type PatternProgram = readonly (
  | { readonly kind: 'character'; readonly accepts: CharacterTest }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'fork'; readonly other: number }
  | { readonly kind: 'jump'; readonly to: number }
  | { readonly kind: 'look'; readonly behind: boolean; readonly negated: boolean; readonly next: number }
  | { readonly kind: 'end' }
)[]

type Place = 'start' | 'end' | 'word-edge' | 'inside-word'

/** Steps that all searches of one pattern may take together. */
export interface StepBudget {
  left: number
}

/**
 * True when the program reads the name (`whole`: all of it, `start`: from its start). Every pair of step and position is
 * visited once, as in RE2's BitState matcher, so that the time is bounded by their product; nested looks are bounded by
 * the budget, and false when it is spent.
 */
export function matchProgram(
  program: PatternProgram,
  name: string,
  extent: 'whole' | 'start',
  budget: StepBudget,
): boolean {
  return new ProgramMatch(program, name, budget).reaches(0, 0, extent === 'whole' ? name.length : null)
}

class ProgramMatch {
  readonly #program: PatternProgram
  readonly #name: string
  readonly #budget: StepBudget

  constructor(program: PatternProgram, name: string, budget: StepBudget) {
    this.#program = program
    this.#name = name
    this.#budget = budget
  }

  /** `end`: where the match must end; null: anywhere. */
  reaches(step: number, from: number, end: number | null): boolean {
    const width = this.#name.length + 1
    const visited = new Set<number>()
    const open: number[] = [step * width + from]
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (visited.has(state)) continue
      visited.add(state)
      this.#budget.left -= 1
      if (this.#budget.left < 0) return false
      const position = state % width
      const at = (state - position) / width
      const instruction = this.#program[at]
      if (instruction === undefined) continue
      if (instruction.kind === 'end') {
        if (end === null || position === end) return true
      } else if (instruction.kind === 'character') {
        const isRead = position < this.#name.length && instruction.accepts(this.#name.charAt(position))
        if (isRead) open.push(state + width + 1)
      } else if (instruction.kind === 'jump') open.push(instruction.to * width + position)
      else if (instruction.kind === 'fork') open.push(instruction.other * width + position, state + width)
      else if (instruction.kind === 'place') {
        if (this.#isAt(instruction.place, position)) open.push(state + width)
      } else if (this.#looks(at + 1, position, instruction.behind) !== instruction.negated)
        open.push(instruction.next * width + position)
    }
    return false
  }

  #looks(step: number, position: number, behind: boolean): boolean {
    if (!behind) return this.reaches(step, position, null)
    for (let from = position; from >= 0; from -= 1) if (this.reaches(step, from, position)) return true
    return false
  }

  #isAt(place: Place, position: number): boolean {
    if (place === 'start') return position === 0
    if (place === 'end') return position === this.#name.length
    const before = isWordCharacter(this.#name.charAt(position - 1))
    return (before !== isWordCharacter(this.#name.charAt(position))) === (place === 'word-edge')
  }
}
