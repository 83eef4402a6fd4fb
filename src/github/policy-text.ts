import * as z from 'zod/mini'
import { decodeText } from '../files/decode-text.ts'
import type { FileSource } from '../files/file-source.ts'
import { repositoryPath } from '../files/repository-path.ts'
import type { ApiFailure, GitHubApi } from './api.ts'
import { type RepositoryName, repositoryName } from './repository-name.ts'

/** Where policies are by default; there a missing file means the built-in policy. */
const DEFAULT_POLICY_PATH = '.github/preflop.yml'

export type PolicyPlace =
  | { readonly kind: 'here'; readonly path: string; readonly isDefault: boolean }
  | { readonly kind: 'elsewhere'; readonly repository: RepositoryName; readonly path: string; readonly ref: string }

/** `null` (the default), a path, or `owner/repo/path@ref`. null back: neither. */
export function policyPlace(input: string | null): PolicyPlace | null {
  if (input === null) return { kind: 'here', path: DEFAULT_POLICY_PATH, isDefault: true }
  const [, name = '', rest = '', ref] = /^([^/@]+\/[^/@]+)\/([^@]+)@([\w./-]{1,200})$/.exec(input) ?? []
  const repository = repositoryName(name)
  const path = repositoryPath(repository === null ? input : rest)
  if (path === null) return null
  if (repository === null || ref === undefined) return { kind: 'here', path, isDefault: path === DEFAULT_POLICY_PATH }
  return { kind: 'elsewhere', repository, path, ref }
}

export type PolicyText =
  | { readonly status: 'found'; readonly text: string }
  | { readonly status: 'missing' }
  | { readonly status: 'refused'; readonly reason: string }
  | { readonly status: 'unreadable'; readonly failure: ApiFailure }

/** The policy file beside the configs, or at a commit that is not otherwise read. */
export async function readPolicyHere(
  side: FileSource | { readonly commit: string },
  path: string,
  { api, repository }: { readonly api: GitHubApi; readonly repository: RepositoryName },
): Promise<PolicyText> {
  return 'read' in side ? side.read(path) : readPolicyElsewhere(api, { repository, path, ref: side.commit })
}

/** One file at a ref of a repository that `api`’s token may read. */
export async function readPolicyElsewhere(
  api: GitHubApi,
  { repository, path, ref }: { readonly repository: RepositoryName; readonly path: string; readonly ref: string },
): Promise<PolicyText> {
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const answer = await api.call({
    route: `GET /repos/{owner}/{repo}/contents/${encoded}`,
    parameters: { ...repository, ref },
    schema: CONTENT,
  })
  if (answer.ok) return decodeText(Buffer.from(answer.data.content, 'base64'))
  return answer.failure.kind === 'missing' ? { status: 'missing' } : { status: 'unreadable', failure: answer.failure }
}

const CONTENT = z.object({ content: z.string(), encoding: z.literal('base64') })
