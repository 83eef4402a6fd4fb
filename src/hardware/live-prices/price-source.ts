import type { PriceRow } from '../price-catalogue.ts'

export interface PriceQuestion {
  readonly provider: string
  /** null: the median over the provider's regions. */
  readonly region: string | null
}

export type LivePrices =
  | { readonly status: 'found'; readonly rows: readonly PriceRow[] }
  /** Why the embedded catalogue has to do. */
  | { readonly status: 'failed'; readonly message: string }

/** Prices of today. Never throws. */
export interface PriceSource {
  prices(question: PriceQuestion): Promise<LivePrices>
}
