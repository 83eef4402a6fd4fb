import type { Fragment } from './shell-word.ts'

/** Bounds what hostile doubling (`A=$A$A`) can cost. */
export class ExpansionBudget {
  #characters: number
  #commands: number

  constructor(characters = 8_000_000, commands = 20_000) {
    this.#characters = characters
    this.#commands = commands
  }

  get exhausted(): boolean {
    return this.#characters < 0 || this.#commands < 0
  }

  spend(characters: number): void {
    this.#characters -= characters
  }

  command(): void {
    this.#commands--
  }
}

export interface Variable {
  readonly elements: readonly (readonly Fragment[])[]
  readonly isArray: boolean
  /** It may have more elements than those; the first stands for each. */
  readonly isOpen?: boolean
}

/** What the script has set so far. */
export class ShellVariables {
  readonly #values = new Map<string, Variable>()
  /** Arguments of the function being read; null in the script itself, whose arguments nobody knows. */
  positional: readonly (readonly Fragment[])[] | null = null

  get(name: string): Variable | undefined {
    return this.#values.get(name)
  }

  set(name: string, variable: Variable): void {
    this.#values.set(name, variable)
  }

  unset(name: string): void {
    this.#values.delete(name)
  }
}
