import { readFileSync } from 'node:fs'
import { readNativeDocument } from '../../src/formats/native.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { Run } from '../../src/plan/run.ts'
import { architectureOf, type Config, countsOf } from './speed-architecture.ts'

/** One measured run of bench/speed.jsonl, ready to estimate. */
export interface SpeedRow {
  readonly id: string
  readonly group: string
  readonly confidence: 'high' | 'medium' | 'low'
  readonly run: Run & { readonly gpu: NonNullable<Run['gpu']> }
  readonly stepSeconds: number | null
  readonly totalSeconds: number | null
}

interface RawRow {
  readonly id: string
  readonly group: string
  readonly confidence: SpeedRow['confidence']
  readonly plan: { readonly model: Config; readonly hardware: { readonly gpu: string } }
  readonly measured: { readonly step_seconds: number | null; readonly total_seconds: number | null }
}

/** Every row that can be read; problems go to `report`. */
export function readSpeedRows(path: string | URL, report: (message: string) => void = () => {}): readonly SpeedRow[] {
  const rows: SpeedRow[] = []
  for (const line of readFileSync(path, 'utf8').split('\n').filter(Boolean)) {
    const raw: RawRow = JSON.parse(line)
    const document = parseDocument('plan.json', JSON.stringify(raw.plan))
    const read = readNativeDocument(document).runs[0]
    const gpu = findGpu(raw.plan.hardware.gpu)
    if (read === undefined || gpu === null) {
      report(`${raw.id}: ${read === undefined ? 'the plan was not read' : 'the GPU is not known'}`)
      continue
    }
    for (const { code, severity, message } of read.findings) {
      if (severity === 'error') report(`${raw.id}: ${code}: ${message}`)
    }
    const architecture = architectureOf(raw.plan.model)
    const facts = {
      checkpointDtype: architecture.checkpointDtype,
      modelType: architecture.modelType,
      isMixtureOfExperts: architecture.layers.some(run => run.layer.moe !== null),
      hasVision: false,
      tiedEmbeddings: architecture.tiedEmbeddings,
      maxPositions: architecture.maxPositions,
      gpuGeneration: gpu.generation,
      bf16Supported: gpu.bf16Supported,
    }
    const { plan } = resolvePlan({ draft: read.draft, facts, modelName: architecture.name })
    const run = { plan, architecture, counts: countsOf(architecture, plan), gpu }
    const { step_seconds: stepSeconds, total_seconds: totalSeconds } = raw.measured
    rows.push({ id: raw.id, group: raw.group, confidence: raw.confidence, run, stepSeconds, totalSeconds })
  }
  return rows
}
