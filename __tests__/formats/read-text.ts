import { parseDocument } from '../../src/formats/parse-document.ts'
import type { FormatReader, ReadContext, RunDraft } from '../../src/formats/reader.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { planRefusals } from '../../src/models/plan-refusals.ts'
import type { Finding } from '../../src/plan/finding.ts'
import { withParallelGpus } from '../../src/plan/parallel-gpus.ts'
import type { PlanKey, ResolutionFacts } from '../../src/plan/plan-draft.ts'
import type { Provenance, Sourced } from '../../src/plan/provenance.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'

interface ReadOptions {
  readonly path?: string
  readonly files?: Readonly<Record<string, string>>
  readonly libraries?: Readonly<Record<string, string>>
  readonly facts?: Partial<ResolutionFacts>
  /** Absent: the first of the registry that recognises the text. */
  readonly reader?: FormatReader
  /** What a launcher says. */
  readonly gpus?: number
}

interface ReadText {
  readonly format: string | null
  readonly plan: TrainingPlan
  readonly provenance: Readonly<Partial<Record<PlanKey, Provenance>>>
  readonly codes: readonly string[]
  readonly findings: readonly Finding[]
}

const FACTS: ResolutionFacts = {
  checkpointDtype: 'bfloat16',
  modelType: 'llama',
  isMixtureOfExperts: false,
  hasVision: false,
  tiedEmbeddings: false,
  maxPositions: 8192,
  gpuGeneration: 'ampere',
  bf16Supported: true,
  gpus: 1,
  gpusPerNode: 8,
}

/** The format that recognises a text, and its first run as a plan. */
export async function readText(text: string, options: ReadOptions = {}): Promise<ReadText> {
  const files = options.files ?? {}
  const document = parseDocument(options.path ?? 'configs/run.yaml', text)
  const context: ReadContext = {
    open: async path => (Object.hasOwn(files, path) ? parseDocument(path, files[path] ?? '') : null),
    readConfig: async () => null,
    list: async folder => Object.keys(files).filter(path => path.startsWith(`${folder}/`)),
    libraries: options.libraries ?? {},
  }
  const reader = options.reader ?? FORMAT_READERS.find(candidate => candidate.recognise(document))
  const result = await reader?.read(document, context)
  const run: RunDraft = result?.runs[0] ?? { name: null, draft: {}, findings: [] }
  const facts = { ...FACTS, ...options.facts }
  const launched = options.gpus ? { gpus: { value: options.gpus, from: 'launch' } as const } : {}
  const draft = withParallelGpus({ ...run.draft, ...launched })
  const resolved = resolvePlan({ draft, facts, modelName: modelOf(run) })
  const { plan, provenance, findings } = resolved
  const told = [...(result?.findings ?? []), ...run.findings, ...findings, ...planRefusals(resolved, null)]
  const codes = told.map(({ code }) => code)
  return { format: reader?.format ?? null, plan, provenance, codes, findings: told }
}

function modelOf(run: RunDraft): string | null {
  const model = run.draft.model
  const value: Sourced<unknown> | null = model && typeof model !== 'function' ? model : null
  return value ? JSON.stringify(value.value) : null
}
