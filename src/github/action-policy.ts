import type { FileSource } from '../files/file-source.ts'
import { parseDocument } from '../formats/parse-document.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { createPolicySet, type PolicySet } from '../policy/policy-set.ts'
import { readPolicy } from '../policy/read-policy.ts'
import type { ApiFailure, GitHubApi } from './api.ts'
import type { ActionInputs } from './inputs.ts'
import { type PolicyPlace, type PolicyText, policyPlace, readPolicyElsewhere, readPolicyHere } from './policy-text.ts'
import type { RepositoryName } from './repository-name.ts'
import type { Subject } from './subject.ts'

export type PolicyResult =
  | {
      readonly status: 'found'
      readonly policy: PolicySet
      readonly path: string
      /** The head's own policy, when the change edits the one in force. */
      readonly preview: PolicySet | null
    }
  | { readonly status: 'misuse'; readonly finding: Finding }
  | { readonly status: 'unreadable'; readonly failure: ApiFailure }

interface PolicyOptions {
  readonly inputs: ActionInputs
  readonly subject: Subject
  readonly api: GitHubApi
  readonly repository: RepositoryName
  /** An API client with the token that may read a policy elsewhere. */
  readonly policyApi: () => GitHubApi
}

/** The policy in force: of the base on a change, so that no change raises its own limit. */
export async function loadPolicy(options: PolicyOptions): Promise<PolicyResult> {
  const { inputs, subject } = options
  const place = policyPlace(inputs.policy)
  if (place === null) return misuse(inputs.policy, 'is neither a path in the repository nor `owner/repo/path@ref`')
  const file = await readPolicyText(place, options)
  if (file.status === 'unreadable') return file
  if (file.status === 'refused') return misuse(place.path, `cannot be read: ${file.reason}`)
  if (file.status === 'missing' && !(place.kind === 'here' && place.isDefault))
    return misuse(inputs.policy, 'does not exist')
  return {
    status: 'found',
    policy: policyOf(place.path, file.status === 'found' ? file.text : null, inputs),
    path: place.path,
    preview: place.kind === 'here' ? await previewOf(place.path, subject, inputs) : null,
  }
}

async function readPolicyText(place: PolicyPlace, options: PolicyOptions): Promise<PolicyText> {
  return place.kind === 'here'
    ? readPolicyHere(options.subject.policy, place.path, options)
    : readPolicyElsewhere(options.policyApi(), place)
}

async function previewOf(path: string, subject: Subject, inputs: ActionInputs): Promise<PolicySet | null> {
  const isChanged = subject.changes?.some(change => change.path === path || change.previousPath === path) === true
  if (!isChanged || subject.policy === subject.head) return null
  const text = await textOf(subject.head, path)
  return policyOf(path, text, inputs)
}

async function textOf(files: FileSource, path: string): Promise<string | null> {
  const file = await files.read(path)
  return file.status === 'found' ? file.text : null
}

function policyOf(path: string, text: string | null, inputs: ActionInputs): PolicySet {
  return createPolicySet(text === null ? null : readPolicy(parseDocument(path, text)), inputs.settings)
}

function misuse(name: string | null, problem: string): PolicyResult {
  return {
    status: 'misuse',
    finding: finding('policy-error', {
      message: `The policy \`${name ?? ''}\` ${problem}.`,
      hint: 'Correct the input `policy`, or add the file to the base branch.',
    }),
  }
}
