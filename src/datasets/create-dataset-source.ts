import { type HubAccess, hubOptions } from '../models/create-model-source.ts'
import { type DatasetSource, NO_DATASETS } from './dataset-size.ts'
import { createHubDatasets } from './hub-datasets.ts'

/** A size is a convenience: nobody waits long for it. */
const TIMEOUT_MS = 5_000

/** The Hub unless offline. */
export function createDatasetSource({ offline, ...access }: HubAccess): DatasetSource {
  return offline ? NO_DATASETS : createHubDatasets({ ...hubOptions(access), timeoutMs: TIMEOUT_MS, attempts: 1 })
}
