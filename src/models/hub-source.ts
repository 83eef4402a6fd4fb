import { isHubId, isRevision } from './hub-id.ts'
import { hubName, hubProblem, isMissingFile, isModelScope } from './hub-problem.ts'
import { type HubOptions, requestJson } from './hub-request.ts'
import type { ModelConfigResult, ModelSource } from './model-source.ts'

/**
 * Reads config.json from a Hugging Face endpoint or ModelScope; an adapter repository leads to its base model. The
 * published parameter count comes with it where the Hub has one. One answer per id and revision for the whole run.
 */
export function createHubSource(options: HubOptions): ModelSource {
  const cache = new Map<string, Promise<ModelConfigResult>>()
  return {
    config(id, revision) {
      const key = `${id}@${revision ?? ''}`
      const known = cache.get(key) ?? load(options, id, revision ?? null)
      cache.set(key, known)
      return known
    },
  }
}

async function load(options: HubOptions, id: string, revision: string | null): Promise<ModelConfigResult> {
  if (!isHubId(id) || (revision !== null && !isRevision(revision)))
    return { status: 'unknown', message: `\`${id.slice(0, 100)}\` is not a model id of the Hub.` }
  const config = await requestJson(options, fileAddress(options, { id, revision, file: 'config.json' }))
  if (config.status === 'found') return found(options, { id, revision, config: config.value, origin: hubName(options) })
  if (!isMissingFile(config)) return hubProblem(config, id, options)
  const adapter = await requestJson(options, fileAddress(options, { id, revision, file: 'adapter_config.json' }))
  const base = adapter.status === 'found' ? adapter.value['base_model_name_or_path'] : null
  if (typeof base === 'string' && base !== id && isHubId(base)) {
    const result = await requestJson(options, fileAddress(options, { id: base, revision: null, file: 'config.json' }))
    const origin = `${hubName(options)} (base of the adapter \`${id}\`)`
    if (result.status === 'found') return found(options, { id: base, revision: null, config: result.value, origin })
    return isMissingFile(result) ? hubProblem(config, id, options) : hubProblem(result, base, options)
  }
  return hubProblem(config, id, options)
}

interface FileAddress {
  readonly id: string
  readonly revision: string | null
  readonly file: string
}

/** `{endpoint}/{id}/resolve/{revision}/{file}`; ModelScope has the same below `/models` and calls its main branch master. */
function fileAddress(options: HubOptions, { id, revision, file }: FileAddress): URL {
  const [folder, main] = isModelScope(options) ? ['/models', 'master'] : ['', 'main']
  return new URL(`${root(options)}${folder}/${id}/resolve/${encodeURIComponent(revision ?? main)}/${file}`)
}

function root({ endpoint }: HubOptions): string {
  return endpoint.replace(/\/+$/, '')
}

interface FoundOptions {
  readonly id: string
  readonly revision: string | null
  readonly config: Readonly<Record<string, unknown>>
  readonly origin: string
}

async function found(options: HubOptions, { id, revision, config, origin }: FoundOptions): Promise<ModelConfigResult> {
  const parameters = isModelScope(options) ? null : await publishedParameters(options, id, revision)
  return { status: 'found', config, origin, resolvedId: id, parameters }
}

/** The API's `safetensors.total`, summed from the file headers; null: not there (a cross-check, never a reason to fail). */
async function publishedParameters(options: HubOptions, id: string, revision: string | null): Promise<number | null> {
  const path = revision === null ? id : `${id}/revision/${encodeURIComponent(revision)}`
  const url = new URL(`${root(options)}/api/models/${path}?expand[]=safetensors`)
  const answer = await requestJson({ ...options, attempts: 1 }, url)
  const block = answer.status === 'found' ? answer.value['safetensors'] : null
  const total = typeof block === 'object' && block !== null && 'total' in block ? block.total : null
  return typeof total === 'number' && Number.isSafeInteger(total) && total > 0 ? total : null
}
