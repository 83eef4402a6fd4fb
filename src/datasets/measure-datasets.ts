import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { DraftValue, MutablePlanDraft, PlanDraft, PlanKey } from '../plan/plan-draft.ts'
import { sequenceTokensOf } from '../plan/record-length.ts'
import { isCountable } from './count-records.ts'
import type { DatasetSize } from './dataset-size.ts'
import { type DatasetPlace, datasetPaths, findDatasetSize } from './find-dataset-size.ts'

export interface MeasuredDatasets {
  readonly draft: PlanDraft
  readonly findings: readonly Finding[]
}

/** Keys that say how long a run is without the size of its data. */
const LENGTHS = ['dataset.samples', 'dataset.maxSteps', 'dataset.tokens'] as const satisfies readonly PlanKey[]
const MOST_DATASETS = 50

/**
 * Fills samples and mean tokens of a draft whose data sets are named and nowhere sized. All of them are found, or none
 * counts; a run that takes a part of a data set is left as it is.
 */
export async function measureDatasets(draft: PlanDraft, place: DatasetPlace): Promise<MeasuredDatasets> {
  const unchanged = { draft, findings: [] }
  const named = draft['dataset.names']
  const whole = draft['dataset.whole']
  if (!named || typeof named === 'function' || named.value.length === 0) return unchanged
  const most = upperBound(draft)
  const isSized = LENGTHS.some(key => isKnown(draft, key) && (key !== 'dataset.samples' || most === null))
  if (named.value.length > MOST_DATASETS || isSized) return unchanged
  if (whole && typeof whole !== 'function' && !whole.value) return unchanged
  const sizes: DatasetSize[] = []
  for (const name of named.value) {
    const result = await findDatasetSize(name, place)
    if (result.status === 'missing') return unchanged
    if (result.status === 'unknown' && most !== null) return unchanged
    if (result.status === 'unknown') {
      const { path = null, line = null, column = null } = named
      const message = `The size of \`${name.slice(0, 100)}\` is not known: ${result.message}.`
      return { ...unchanged, findings: [finding('unknown-dataset-size', { path, line, column, message })] }
    }
    sizes.push(result.size)
  }
  const share = most === null ? Number.POSITIVE_INFINITY : most / sizes.length
  const samples = sizes.reduce((sum, size) => sum + Math.min(size.samples, share), 0)
  const note = sizes.map((size, index) => `${named.value[index]}: ${size.note}`).join('; ')
  const { value: _names, key: _key, ...origin } = named
  const measured: MutablePlanDraft = { ...draft, 'dataset.samples': { ...origin, value: samples, note } }
  const recordTokens = meanOf(sizes)
  const meanTokens = recordTokens === null ? null : sequenceTokensOf(draft, recordTokens)
  if (meanTokens !== null && !isKnown(draft, 'meanSequenceLength'))
    measured.meanSequenceLength = {
      value: meanTokens,
      from: 'assumed',
      note: `${note}; set \`mean_tokens\` to be sure`,
    }
  return { draft: measured, findings: [] }
}

/** Samples that a key only caps (`max_samples`), over all data sets; null: none does. */
function upperBound(draft: PlanDraft): number | null {
  const samples = draft['dataset.samples']
  return samples && typeof samples !== 'function' && samples.from === 'assumed' ? samples.value : null
}

/** Files of the repository that a run's data sets may be. */
export function namedDataPaths(draft: PlanDraft, configPath: string): readonly string[] {
  const named = draft['dataset.names']
  const names = named && typeof named !== 'function' ? named.value : []
  return names.filter(isCountable).flatMap(name => datasetPaths(name, configPath))
}

function meanOf(sizes: readonly DatasetSize[]): number | null {
  let samples = 0
  let tokens = 0
  for (const size of sizes) {
    if (size.meanTokens === null) return null
    samples += size.samples
    tokens += size.meanTokens * size.samples
  }
  return samples === 0 ? null : Math.round(tokens / samples)
}

function isKnown(draft: PlanDraft, key: PlanKey): boolean {
  const value: DraftValue<unknown> | undefined = draft[key]
  return value !== undefined && (typeof value === 'function' || value.value !== null)
}
