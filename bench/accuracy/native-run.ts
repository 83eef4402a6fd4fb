import { readNativeDocument } from '../../src/formats/native.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { architectureOfStage } from '../../src/models/score-head.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { Run } from '../../src/plan/run.ts'

/** A native plan whose model is a mapping, as the rows of the benches hold it. */
export interface NativePlan {
  readonly model: Readonly<Record<string, unknown>>
}

/** The plan as a run. A plan that cannot be read is an error that names `id`. */
export function nativeRun(id: string, native: NativePlan): Run {
  const run = readNativeRun(id, native)
  if (typeof run === 'string') throw new Error(`${id}: ${run}`)
  return run
}

/** The same, read by the same code as users' plans; a text says why it cannot be read. */
export function readNativeRun(id: string, native: NativePlan): Run | string {
  const [read] = readNativeDocument(parseDocument(`${id}.json`, JSON.stringify(native))).runs
  const errors = read?.findings.filter(({ severity }) => severity === 'error') ?? []
  if (read === undefined) return 'the plan was not read'
  if (errors.length > 0) return errors.map(({ message }) => message).join(' ')
  const { id: hubId } = native.model
  const name = typeof hubId === 'string' ? hubId : id
  const libraries = read.draft.libraries
  const versions = libraries !== undefined && typeof libraries !== 'function' ? libraries.value : {}
  const transformersMajor = versions['transformers']?.startsWith('4') ? 4 : 5
  const { architecture, findings } = readArchitecture(native.model, { name, transformersMajor })
  if (architecture === null) return findings.map(({ message }) => message).join(' ')
  const named = read.draft['hardware.gpu']
  const gpu = named !== undefined && typeof named !== 'function' ? findGpu(named.value) : null
  const facts = {
    checkpointDtype: architecture.checkpointDtype,
    modelType: architecture.modelType,
    isMixtureOfExperts: architecture.layers.some(({ layer }) => layer.moe !== null),
    hasVision: architecture.vision !== null,
    tiedEmbeddings: architecture.tiedEmbeddings,
    maxPositions: architecture.maxPositions,
    gpuGeneration: gpu?.generation ?? null,
    bf16Supported: gpu?.bf16Supported ?? null,
  }
  const { plan } = resolvePlan({ draft: read.draft, facts, modelName: architecture.name })
  const trained = architectureOfStage(architecture, plan)
  return { plan, architecture: trained, counts: countModel(trained, plan).counts, gpu }
}
