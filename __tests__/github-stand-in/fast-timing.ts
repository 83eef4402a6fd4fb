import type { ApiTiming } from '../../src/github/api.ts'

/** The shipped waits, a thousand times shorter. */
export const FAST_TIMING: ApiTiming = {
  requestMilliseconds: 250,
  totalMilliseconds: 20_000,
  retryBaseMilliseconds: 1,
  rateLimitSeconds: 60,
}
