import { type HubAccess, hubOptions } from '../models/create-model-source.ts'
import { type DatasetSource, NO_DATASETS } from './dataset-size.ts'

/** A size is a convenience: nobody waits long for it. */
const TIMEOUT_MS = 5_000

/** The Hub unless offline; loaded at the first question. */
export function createDatasetSource({ offline, ...access }: HubAccess): DatasetSource {
  if (offline) return NO_DATASETS
  let hub: Promise<DatasetSource> | undefined
  const load = async (): Promise<DatasetSource> => {
    const { createHubDatasets } = await import('./hub-datasets.ts')
    return createHubDatasets({ ...hubOptions(access), timeoutMs: TIMEOUT_MS, attempts: 1 })
  }
  return {
    async size(id) {
      hub ??= load()
      return (await hub).size(id)
    },
  }
}
