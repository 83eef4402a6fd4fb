/** DESIGN §5: what one file and one run may hold. */
export const INPUT_LIMITS = {
  fileBytes: 2 ** 20,
  totalBytes: 20 * 2 ** 20,
  files: 10_000,
  depth: 64,
  aliasExpansions: 1000,
  values: 100_000,
} as const
