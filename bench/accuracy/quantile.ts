/** Value at `share` of the sorted list (lower neighbour for the median of even lists); NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const index = Math.max(0, Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1))
  return sorted[index] ?? Number.NaN
}
