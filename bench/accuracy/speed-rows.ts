import { readNativeDocument } from '../../src/formats/native.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { Run } from '../../src/plan/run.ts'

/** One measured run of bench/speed.jsonl, ready to estimate. */
export interface SpeedRow {
  readonly id: string
  readonly group: string
  readonly confidence: 'high' | 'medium' | 'low'
  readonly run: Run & { readonly gpu: NonNullable<Run['gpu']> }
  readonly stepSeconds: number | null
  readonly totalSeconds: number | null
  /** What the total covers, and remarks of the row. */
  readonly includes: string
  readonly notes: string
}

interface RawRow {
  readonly id: string
  readonly group: string
  readonly confidence: SpeedRow['confidence']
  readonly plan: { readonly model: { readonly id: string }; readonly hardware: { readonly gpu: string } }
  readonly measured: {
    readonly step_seconds: number | null
    readonly total_seconds: number | null
    readonly includes?: string
  }
  readonly notes?: string
}

export interface SpeedRows {
  readonly rows: readonly SpeedRow[]
  /** What could not be read, and why. */
  readonly unread: readonly string[]
}

/** Rows of bench/speed.jsonl as runs, read by the same code as users' plans; low-confidence rows are left out. */
export function readSpeedRows(text: string): SpeedRows {
  const rows: SpeedRow[] = []
  const unread: string[] = []
  for (const line of text.split('\n').filter(Boolean)) {
    const raw: RawRow = JSON.parse(line)
    if (raw.confidence === 'low') continue
    const run = readRun(raw)
    if (typeof run === 'string') unread.push(`${raw.id}: ${run}`)
    else {
      const { step_seconds: stepSeconds, total_seconds: totalSeconds, includes = '' } = raw.measured
      const { id, group, confidence, notes = '' } = raw
      rows.push({ id, group, confidence, run, stepSeconds, totalSeconds, includes, notes })
    }
  }
  return { rows, unread }
}

function readRun({ plan: native }: RawRow): SpeedRow['run'] | string {
  const read = readNativeDocument(parseDocument('plan.json', JSON.stringify(native))).runs[0]
  const gpu = findGpu(native.hardware.gpu)
  if (read === undefined) return 'the plan was not read'
  if (gpu === null) return 'the GPU is not known'
  const errors = read.findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) return errors.map(({ message }) => message).join(' ')
  const { architecture, findings } = readArchitecture(native.model, { name: native.model.id, transformersMajor: 5 })
  if (architecture === null) return findings.map(({ message }) => message).join(' ')
  const facts = {
    checkpointDtype: architecture.checkpointDtype,
    modelType: architecture.modelType,
    isMixtureOfExperts: architecture.layers.some(({ layer }) => layer.moe !== null),
    hasVision: architecture.vision !== null,
    tiedEmbeddings: architecture.tiedEmbeddings,
    maxPositions: architecture.maxPositions,
    gpuGeneration: gpu.generation,
    bf16Supported: gpu.bf16Supported,
  }
  const { plan } = resolvePlan({ draft: read.draft, facts, modelName: architecture.name })
  return { plan, architecture, counts: countModel(architecture, plan).counts, gpu }
}
