import { type Files, StandInRepository } from './repository.ts'

export interface PullRequestFixture {
  readonly repository: StandInRepository
  readonly base: string
  readonly head: string
  readonly payload: object
}

interface PullRequestOptions {
  readonly base: Files
  readonly head: Files
  /** Files of the base branch now; absent: as at the merge base. */
  readonly tip?: Files
  readonly fork?: boolean
  readonly labels?: readonly string[]
  readonly action?: string
  readonly draft?: boolean
}

/** A repository with the pull request 7 from `topic` into `main`. */
export function pullRequest({
  base,
  head,
  tip,
  fork = false,
  labels = [],
  action = 'synchronize',
  draft = false,
}: PullRequestOptions): PullRequestFixture {
  const repository = new StandInRepository()
  const baseSha = repository.commit('base', base)
  const headSha = repository.commit('head', head)
  const tipSha = tip === undefined ? baseSha : repository.commit('tip', tip)
  repository.branches.set('main', tipSha)
  repository.mergeBases.set(`${tipSha}...${headSha}`, baseSha)
  repository.pullHead = headSha
  return {
    repository,
    base: baseSha,
    head: headSha,
    payload: {
      action,
      pull_request: {
        number: 7,
        draft,
        labels: labels.map(name => ({ name })),
        base: { sha: tipSha, ref: 'main', repo: { full_name: repository.fullName } },
        head: { sha: headSha, ref: 'topic', repo: { full_name: fork ? 'mallory/training' : repository.fullName } },
      },
    },
  }
}
