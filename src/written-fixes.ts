import { applyChanges } from './advice/apply-changes.ts'
import type { LineRange } from './advice/shell-flags.ts'
import { remainingLimits, type Standing } from './advice/standing.ts'
import { type EstimateOptions, estimateRun, type RunEstimate } from './estimate-run.ts'
import type { FileSource } from './files/file-source.ts'
import { overlayFileSource } from './files/overlay-file-source.ts'
import type { ConfigDocument } from './formats/config-document.ts'
import { type LibrariesOf, ReadSession } from './formats/read-session.ts'
import { FORMAT_READERS } from './formats/registry.ts'
import { requiredComponents } from './memory/required-components.ts'
import type { Finding } from './plan/finding.ts'
import { samplesPerStep } from './plan/samples-per-step.ts'
import type { TrainingPlan } from './plan/training-plan.ts'
import type { FixReport } from './report/report.ts'

interface WrittenFixesOptions {
  /** Best first. */
  readonly fixes: readonly FixReport[]
  /** The file in which the changes are made. */
  readonly document: ConfigDocument
  readonly command: LineRange | null
  /** The file that the run was read from; a launcher's differs from `document`. */
  readonly path: string
  readonly runName: string | null
  /** The run as it is. */
  readonly plan: TrainingPlan
  readonly librariesOf: LibrariesOf
  readonly files: FileSource
  readonly estimate: Omit<EstimateOptions, 'draft' | 'files'>
  readonly standing: (estimate: RunEstimate) => Standing
  readonly before: Standing
  /** What the file already said. */
  readonly known: readonly Finding[]
}

const MAX_FIXES = 4
/** Fixes that are too tight are shown up to this many, passing ones included. */
const ENOUGH = 2
/** Share of the usable memory: an estimate at the limit itself is no offer. */
const TIGHTEST = 0.99

/**
 * The fixes that hold when they are written into the file and the file is read again, with the figures of that reading:
 * a framework may not do what the plan’s change says. Those that pass with room come first.
 */
export async function writtenFixes(options: WrittenFixesOptions): Promise<readonly FixReport[]> {
  const { before } = options
  const passing: FixReport[] = []
  const others: FixReport[] = []
  const seen = new Set<string>()
  for (const fix of options.fixes) {
    if (passing.length === MAX_FIXES) break
    const text = fix.changes.length > 0 ? applyChanges(options.document, fix.changes, options.command) : null
    if (text === null || seen.has(text)) continue
    seen.add(text)
    const again = await readAgain(text, options)
    if (!again?.memory || !keepsBatch(options.plan, again.resolved.plan)) continue
    const after = options.standing(again)
    const remaining = remainingLimits(before, after)
    if (remaining === null || (remaining.length > 0 && remaining.length >= before.broken.length)) continue
    const { remaining: _, ...shown } = fix
    const written: FixReport = {
      ...shown,
      ...figuresOf(again),
      tooTight: after.isTight,
      ...(remaining.length > 0 ? { remaining } : {}),
    }
    if (!after.isTight && remaining.length === 0) passing.push(written)
    else if (isBelow(again, TIGHTEST) || !after.isTight) others.push(written)
  }
  // half a way out is worth a line only where there is no whole one
  const offered = passing.length > 0 ? others.filter(({ remaining }) => remaining === undefined) : others
  return [...passing, ...offered.slice(0, Math.max(0, ENOUGH - passing.length))]
}

/** A global batch that ranks and micro-batches do not divide is rounded by the readers. */
const ROUNDING = 0.1

/** No fix changes what is learned from a step without saying so. */
function keepsBatch(before: TrainingPlan, after: TrainingPlan): boolean {
  return Math.abs(learnedPerStep(after) / learnedPerStep(before) - 1) <= ROUNDING
}

/** Samples, or the tokens of rows that generated samples fill. */
function learnedPerStep(plan: TrainingPlan): number {
  const isRow = plan.packing && plan.reinforcement !== null
  return samplesPerStep(plan) * (isRow ? plan.sequenceLength : 1)
}

function isBelow({ memory }: RunEstimate, share: number): boolean {
  return memory !== null && memory.usableBytes !== null && memory.requiredBytes <= memory.usableBytes * share
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
