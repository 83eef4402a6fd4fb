import * as z from 'zod/mini'
import type { ApiCall, ApiResult, GitHubApi } from './api.ts'

/** GitHub's largest page. */
const PAGE_SIZE = 100

/** Enough for 3,000 comments; the budget of requests ends it earlier when other calls were many. */
const MAX_PAGES = 30

/** Every item of a list that GitHub gives page by page. */
export async function listPages<T>(api: GitHubApi, call: ApiCall<T>): Promise<ApiResult<readonly T[]>> {
  const items: T[] = []
  for (let page = 1; page <= MAX_PAGES; page++) {
    const answer = await api.call({
      route: call.route,
      parameters: { ...call.parameters, per_page: PAGE_SIZE, page },
      schema: z.array(call.schema),
    })
    if (!answer.ok) return answer
    items.push(...answer.data)
    if (answer.data.length < PAGE_SIZE) break
  }
  return { ok: true, data: items }
}
