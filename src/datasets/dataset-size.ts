/** How much a data set holds, and how that is known. */
export interface DatasetSize {
  readonly samples: number
  /** Tokens of a sample on average, by {@link ./text-tokens}'s rule; null: not looked at. */
  readonly meanTokens: number | null
  /** Where the number comes from, for people. */
  readonly note: string
}

export type DatasetSizeResult =
  | { readonly status: 'found'; readonly size: DatasetSize }
  /** No such data set here; another source may have it. */
  | { readonly status: 'missing' }
  /** It is there and cannot be counted; `message` says why. */
  | { readonly status: 'unknown'; readonly message: string }

/** Where the sizes of published data sets come from. Never throws. */
export interface DatasetSource {
  size(id: string): Promise<DatasetSizeResult>
}

export const NO_DATASETS: DatasetSource = { size: async () => ({ status: 'missing' }) }
