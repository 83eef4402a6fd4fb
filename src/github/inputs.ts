import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { PolicySettings } from '../policy/read-policy.ts'
import {
  BOOLEAN,
  COMMENT_KEY,
  CURRENCY,
  ENDPOINT,
  GLOBS,
  type InputKind,
  oneOf,
  PERCENTAGE,
  POSITIVE_INTEGER,
  POSITIVE_NUMBER,
  TEXT,
} from './input-values.ts'

/** The inputs of action.yml, validated; the defaults of DESIGN §5 are applied here and nowhere else. */
export interface ActionInputs {
  readonly githubToken: string
  readonly paths: readonly string[]
  /** null: the default file, which may be missing. */
  readonly policy: string | null
  readonly policyToken: string
  /** What overrides the policy file. */
  readonly settings: PolicySettings
  readonly comment: 'always' | 'on-change' | 'on-failure' | 'never'
  readonly commentKey: string
  readonly suggest: boolean
  readonly huggingFaceToken: string
  readonly huggingFaceEndpoint: string | null
  readonly offline: boolean
  /** YAML text of a native plan. */
  readonly plan: string | null
}

export interface InputsReading {
  readonly inputs: ActionInputs
  /** Any finding is misuse. */
  readonly findings: readonly Finding[]
}

/** Reads `INPUT_*` as the runner sets them. An empty input is an absent one. */
export function readInputs(env: Readonly<Record<string, string | undefined>>): InputsReading {
  const findings: Finding[] = []

  function read<T>(name: string, kind: InputKind<T>): T | undefined {
    const text = (env[inputVariable(name)] ?? '').trim()
    if (text === '') return undefined
    const value = kind.parse(text)
    if (value === undefined)
      findings.push(
        finding('invalid-value', {
          message: `The input \`${name}\` is “${shown(text)}”; expected ${kind.expected}.`,
          hint: `Correct \`${name}\` under \`with:\` in the workflow.`,
        }),
      )
    return value
  }

  const perGpuHour = read('price-per-gpu-hour', POSITIVE_NUMBER)
  const currency = read('currency', CURRENCY)
  const limits = {
    cost: read('max-cost', POSITIVE_NUMBER),
    hours: read('max-hours', POSITIVE_NUMBER),
    memory: read('max-memory', PERCENTAGE),
  }
  const settings: PolicySettings = present({
    gpu: read('gpu', TEXT),
    gpus: read('gpus', POSITIVE_INTEGER),
    currency,
    price:
      perGpuHour === undefined
        ? undefined
        : { perGpuHour, currency: currency ?? null, provider: null, region: null, spot: null },
    retries: read('retries', POSITIVE_INTEGER),
    estimator: read('estimator', oneOf('detailed', 'rule-of-thumb')),
    failOn: read('fail-on', oneOf('new', 'any')),
    onUnknown: read('on-unknown', oneOf('pass', 'warn', 'fail')),
    budget: present({ cost: failLimit(limits.cost), hours: failLimit(limits.hours), memory: failLimit(limits.memory) }),
  })
  const githubToken = read('github-token', TEXT) ?? ''
  const inputs: ActionInputs = {
    githubToken,
    paths: read('paths', GLOBS) ?? [],
    policy: read('policy', TEXT) ?? null,
    policyToken: read('policy-token', TEXT) ?? githubToken,
    settings,
    comment: read('comment', oneOf('always', 'on-change', 'on-failure', 'never')) ?? 'on-change',
    commentKey: read('comment-key', COMMENT_KEY) ?? 'default',
    suggest: read('suggest', BOOLEAN) ?? true,
    huggingFaceToken: read('hf-token', TEXT) ?? '',
    huggingFaceEndpoint: read('hf-endpoint', ENDPOINT) ?? null,
    offline: read('offline', BOOLEAN) ?? false,
    plan: read('plan', TEXT) ?? null,
  }
  return { inputs, findings }
}

/** actions/toolkit packages/core/src/core.ts `getInput`. */
export function inputVariable(name: string): string {
  return `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`
}

function failLimit(fail: number | undefined): { readonly warn: null; readonly fail: number } | undefined {
  return fail === undefined ? undefined : { warn: null, fail }
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The object without its undefined fields: an absent input falls through to the policy. */
function present<T extends object>(fields: T): Present<T> {
  const kept: Present<T> = {}
  for (const key of keysOf(fields)) {
    const value = fields[key]
    if (isPresent(value)) kept[key] = value
  }
  return kept
}

function isPresent<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined
}

function keysOf<T extends object>(fields: T): readonly (keyof T)[] {
  return Object.keys(fields).filter((key): key is keyof T & string => key in fields)
}
