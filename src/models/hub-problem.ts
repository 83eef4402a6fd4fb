import type { HubAnswer, HubOptions } from './hub-request.ts'
import type { ModelConfigResult } from './model-source.ts'

export type HubProblem = Exclude<ModelConfigResult, { readonly status: 'found' }>

export function isModelScope({ endpoint }: HubOptions): boolean {
  return URL.canParse(endpoint) && /(?:^|\.)modelscope\.(?:cn|ai)$/.test(new URL(endpoint).hostname)
}

export function hubName(options: HubOptions): string {
  return isModelScope(options) ? 'ModelScope' : 'the Hugging Face Hub'
}

/** The address has nothing: no repository, or no such file in it. */
export function isMissingFile(answer: HubAnswer): boolean {
  return answer.status === 'refused' && (answer.httpStatus === 404 || answer.code === 'EntryNotFound')
}

/** The Hub's own words for each refusal (huggingface_hub 1.33 utils/_http.py hf_raise_for_status). */
export function hubProblem(answer: HubAnswer, id: string, options: HubOptions): HubProblem {
  const hub = hubName(options) === 'ModelScope' ? 'ModelScope' : 'The Hub'
  if (answer.status !== 'refused')
    return {
      status: 'failed',
      message:
        answer.status === 'unusable' && answer.what.startsWith('is ')
          ? `What ${hub === 'ModelScope' ? hub : 'the Hub'} answered for \`${id}\` ${answer.what}.`
          : `${hub} ${answer.status === 'unusable' ? answer.what : 'answered'} for \`${id}\`.`,
    }
  const { httpStatus, code } = answer
  const given = options.token ? 'with the token given' : 'no token was given'
  if (code === 'GatedRepo') return denied(`\`${id}\` is gated: its terms must be accepted (${given}).`)
  if (code === 'DisabledRepo') return denied(`\`${id}\` has been disabled on the Hub.`)
  if (code === 'RevisionNotFound') return { status: 'unknown', message: `\`${id}\` has no such revision on the Hub.` }
  if (httpStatus === 404 || code === 'RepoNotFound' || code === 'EntryNotFound')
    return { status: 'unknown', message: `\`${id}\` is not in the catalogue and has no config.json on the Hub.` }
  if (httpStatus === 401 || httpStatus === 403)
    return denied(`\`${id}\` is gated, private or does not exist (the Hub answered ${httpStatus}; ${given}).`)
  return { status: 'failed', message: `${hub} answered ${httpStatus} for \`${id}\`.` }
}

function denied(message: string): HubProblem {
  return { status: 'denied', message }
}
