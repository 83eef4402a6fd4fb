import { readNativeDocument } from '../../src/formats/native.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { Run } from '../../src/plan/run.ts'

export type Metric = 'allocated' | 'reserved' | 'device' | 'unspecified'

export interface Reading {
  readonly metric: Metric
  /** GiB (2^30 bytes) per GPU. */
  readonly gib: number
}

export interface MemoryRow {
  readonly id: string
  readonly group: string
  readonly confidence: 'high' | 'medium' | 'low'
  readonly run: Run
  readonly readings: readonly Reading[]
  /** Did it run on its GPU; null: not known. */
  readonly fits: boolean | null
  /** The figure belongs to the last pipeline rank. */
  readonly lastRank: boolean
}

interface RawRow {
  readonly id: string
  readonly group: string
  readonly confidence: MemoryRow['confidence']
  readonly plan: { readonly model: Readonly<Record<string, unknown>> }
  readonly measured: {
    readonly metric: Metric
    readonly gib: number | null
    readonly fits: boolean | null
    readonly ranks: string | null
    readonly allocated_gib?: number
    readonly reserved_gib?: number
    readonly device_gib?: number
  }
}

/** Rows of bench/memory.jsonl as runs, read by the same code as users' plans. A row that cannot be read is an error. */
export function readMemoryRows(text: string): MemoryRow[] {
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => toRow(JSON.parse(line)))
}

function toRow(raw: RawRow): MemoryRow {
  const { measured } = raw
  const readings: Reading[] = []
  const add = (metric: Metric, gib: number | null | undefined) => {
    if (typeof gib === 'number') readings.push({ metric, gib })
  }
  add(measured.metric, measured.gib)
  add('allocated', measured.allocated_gib)
  add('reserved', measured.reserved_gib)
  add('device', measured.device_gib)
  return {
    id: raw.id,
    group: raw.group,
    confidence: raw.confidence,
    run: runOf(raw),
    readings,
    fits: measured.fits,
    lastRank: measured.ranks === 'last',
  }
}

function runOf(raw: RawRow): Run {
  const [read] = readNativeDocument(parseDocument(`${raw.id}.json`, JSON.stringify(raw.plan))).runs
  const errors = read?.findings.filter(entry => entry.severity === 'error') ?? []
  if (read === undefined || errors.length > 0)
    throw new Error(`${raw.id}: ${errors.map(entry => entry.message).join(' ')}`)
  const { architecture } = readArchitecture(raw.plan.model, { name: raw.id, transformersMajor: 5 })
  if (architecture === null) throw new Error(`${raw.id}: the model's fields cannot be read`)
  const gpuName = read.draft['hardware.gpu']
  const gpu = gpuName !== undefined && typeof gpuName !== 'function' ? findGpu(gpuName.value) : null
  const { plan } = resolvePlan({
    draft: read.draft,
    facts: {
      checkpointDtype: architecture.checkpointDtype,
      modelType: architecture.modelType,
      isMixtureOfExperts: architecture.layers.some(({ layer }) => layer.moe !== null),
      hasVision: architecture.vision !== null,
      tiedEmbeddings: architecture.tiedEmbeddings,
      maxPositions: architecture.maxPositions,
      gpuGeneration: gpu?.generation ?? null,
      bf16Supported: gpu?.bf16Supported ?? null,
    },
    modelName: architecture.name,
  })
  return { plan, architecture, counts: countModel(architecture, plan).counts, gpu }
}
