const MOST_SAMPLES = 512

/**
 * Every n-th record of a stream of unknown length, n doubling so that never more than 512 are kept: a file sorted by length
 * is sampled from end to end.
 */
export class RecordSampler {
  #every = 1
  #seen = 0
  #tokens: number[] = []

  /** Whether the next record is looked at. */
  get wantsNext(): boolean {
    return this.#seen % this.#every === 0
  }

  /** Counts a record; its tokens only where it was wanted. */
  add(tokens: number | null): void {
    if (tokens !== null && this.wantsNext) this.#tokens.push(tokens)
    this.#seen += 1
    if (this.#tokens.length < MOST_SAMPLES) return
    this.#tokens = this.#tokens.filter((_, index) => index % 2 === 0)
    this.#every *= 2
  }

  get seen(): number {
    return this.#seen
  }

  get sampled(): number {
    return this.#tokens.length
  }

  /** null: nothing was sampled. */
  get meanTokens(): number | null {
    if (this.#tokens.length === 0) return null
    return this.#tokens.reduce((sum, tokens) => sum + tokens, 0) / this.#tokens.length
  }
}
