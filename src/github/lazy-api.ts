import type { ApiOptions, GitHubApi } from './api.ts'

/** The API, loaded at the first call: a run that needs none loads no HTTP client. */
export function lazyApi(options: ApiOptions): GitHubApi {
  let api: Promise<GitHubApi> | undefined
  let loaded: GitHubApi | undefined

  async function load(): Promise<GitHubApi> {
    const { octokitApi } = await import('./octokit-api.ts')
    loaded = octokitApi(options)
    return loaded
  }

  function ready(): Promise<GitHubApi> {
    api ??= load()
    return api
  }

  return options.token === ''
    ? NO_TOKEN
    : {
        call: async call => (await ready()).call(call),
        graphql: async (query, variables, schema) => (await ready()).graphql(query, variables, schema),
        requestsSent: () => loaded?.requestsSent() ?? 0,
      }
}

const REFUSED = {
  ok: false,
  failure: { kind: 'refused', status: null, message: 'the input `github-token` is empty' },
} as const

const NO_TOKEN: GitHubApi = { call: async () => REFUSED, graphql: async () => REFUSED, requestsSent: () => 0 }
