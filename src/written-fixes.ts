import { applyChanges } from './advice/apply-changes.ts'
import { type EstimateOptions, estimateRun, type RunEstimate } from './estimate-run.ts'
import type { FileSource } from './files/file-source.ts'
import { overlayFileSource } from './files/overlay-file-source.ts'
import type { ConfigDocument } from './formats/config-document.ts'
import { type LibrariesOf, ReadSession } from './formats/read-session.ts'
import { FORMAT_READERS } from './formats/registry.ts'
import { requiredComponents } from './memory/required-components.ts'
import type { Finding } from './plan/finding.ts'
import type { TrainingPlan } from './plan/training-plan.ts'
import type { FixReport } from './report/report.ts'

interface WrittenFixesOptions {
  /** Smallest disruption first. */
  readonly fixes: readonly FixReport[]
  /** The file in which the changes are made. */
  readonly document: ConfigDocument
  /** The file that the run was read from; a launcher's differs from `document`. */
  readonly path: string
  readonly runName: string | null
  readonly librariesOf: LibrariesOf
  readonly files: FileSource
  readonly estimate: Omit<EstimateOptions, 'draft' | 'files'>
  readonly limitBytes: number
  /** Above it the policy warns; null: it does not. */
  readonly warnBytes: number | null
  /** Cost, hours and GPU-hours are within the policy’s limits. */
  readonly passesAmounts: (plan: TrainingPlan) => boolean
  /** What the file already said. */
  readonly known: readonly Finding[]
}

const MAX_FIXES = 4

/**
 * The fixes that hold when they are written into the file and the file is read again, with the figures of that reading:
 * a framework may not do what the plan’s change says. Those that pass with room come first.
 */
export async function writtenFixes(options: WrittenFixesOptions): Promise<readonly FixReport[]> {
  const passing: FixReport[] = []
  const tight: FixReport[] = []
  for (const fix of options.fixes) {
    if (passing.length === MAX_FIXES) break
    const text = fix.changes.length > 0 ? applyChanges(options.document, fix.changes) : null
    const again = text === null ? null : await readAgain(text, options)
    if (!again?.memory || again.memory.requiredBytes > options.limitBytes) continue
    if (!options.passesAmounts(again.resolved.plan)) continue
    const { requiredHighBytes, requiredBytes } = again.memory
    const tooTight = requiredHighBytes > options.limitBytes || requiredBytes > (options.warnBytes ?? options.limitBytes)
    const written = { ...fix, ...figuresOf(again), tooTight }
    ;(tooTight ? tight : passing).push(written)
  }
  return [...passing, ...tight].slice(0, MAX_FIXES)
}

function figuresOf({
  memory,
  time,
  cost,
}: RunEstimate): Pick<FixReport, 'memoryBytes' | 'components' | 'runSeconds' | 'cost'> {
  return {
    memoryBytes: memory?.requiredBytes ?? 0,
    components: requiredComponents(memory?.components ?? []).map(({ name, bytes }) => ({ name, bytes })),
    runSeconds: time?.runSeconds ?? null,
    cost: cost?.total ?? null,
  }
}

async function readAgain(text: string, options: WrittenFixesOptions): Promise<RunEstimate | null> {
  const files = overlayFileSource(options.files, options.document.path, text)
  const session = new ReadSession(files, FORMAT_READERS, options.librariesOf)
  const document = await session.document(options.path)
  const reader = document ? session.readerOf(document) : null
  if (!document || !reader) return null
  const { runs, findings } = (await session.read(document, reader)).result
  const run = runs.find(({ name }) => name === options.runName) ?? (runs.length === 1 ? runs[0] : undefined)
  const knownMessages = new Set(options.known.map(({ message }) => message))
  const isNewError = ({ severity, message }: Finding): boolean => severity === 'error' && !knownMessages.has(message)
  if (!run || [...findings, ...run.findings].some(isNewError)) return null
  return estimateRun({ ...options.estimate, draft: run.draft, files })
}
