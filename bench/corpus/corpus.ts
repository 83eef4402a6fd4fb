import { diskFileSource } from '../../src/files/disk-file-source.ts'
import { isConfigPath } from '../../src/formats/parse-document.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { RunReport } from '../../src/report/report.ts'
import { EXPECTATIONS, type Expectation } from './expectations.ts'

export interface CorpusRow {
  readonly folder: string
  readonly files: number
  /** Files that start training, by the folder's expectation. */
  readonly training: number
  /** Of them: read as their own framework. */
  readonly own: number
  readonly formats: Readonly<Record<string, number>>
  readonly runs: number
  /** Runs whose model's shape can be had without a network. */
  readonly resolvable: number
  readonly withMemory: number
  /** Of those with memory: the number of steps follows from the files. */
  readonly knownSteps: number
  readonly withTime: number
  /** Paths that went wrong, with what went wrong. */
  readonly missed: readonly string[]
  readonly mistaken: readonly string[]
  readonly crashed: readonly string[]
  readonly unexplained: readonly string[]
  readonly noMemory: readonly string[]
  readonly noTime: readonly string[]
}

/** Findings that say why nothing is estimated. */
const EXPLAINS = new Set([
  'unknown-model',
  'model-access',
  'impossible-model',
  'missing-key',
  'missing-companion',
  'unresolved-variable',
  'unsupported-format',
  'syntax-error',
  'encoding-error',
  'input-limit',
  'invalid-value',
])
/** Of them: the model is named nowhere in the files, or needs the Hub. */
const MODEL_OUT_OF_REACH = new Set([
  'unknown-model',
  'model-access',
  'missing-key',
  'missing-companion',
  'unresolved-variable',
  'unsupported-format',
])

/** Estimates every config below a folder of real files, one file at a time, on 8 × A100 80 GB where no file says otherwise. */
export async function readFolder(root: string, folder: string): Promise<CorpusRow> {
  const expectation: Expectation = EXPECTATIONS[folder] ?? { own: [folder], other: /^$/ }
  const files = diskFileSource(`${root}/${folder}`)
  const paths = (await files.list()).map(({ path }) => path).filter(isConfigPath)
  const policy = createPolicySet(null, { gpu: 'a100-sxm-80gb', gpus: 8 })
  const models = createModelSource({ offline: true })
  const runs: RunReport[] = []
  const [missed, mistaken, crashed]: [string[], string[], string[]] = [[], [], []]
  let [training, own] = [0, 0]
  for (const path of paths) {
    const found = await readOne(path).catch((error: unknown) => {
      crashed.push(`${path}: ${String(error)}`)
      return []
    })
    const starts = !expectation.other.test(path)
    const formats = found.map(({ format }) => format).filter(format => format !== 'unreadable')
    if (starts) training += 1
    const isOwn = formats.length > 0 && formats.every(format => expectation.own.includes(format))
    if (starts && isOwn) own += 1
    if (starts && formats.length === 0) missed.push(path)
    if ((!starts && formats.length > 0) || (formats.length > 0 && !isOwn))
      mistaken.push(`${path}: ${formats.join(', ')}`)
    runs.push(...found)
  }
  const codes = (run: RunReport) => run.findings.map(({ code }) => code)
  const resolvable = runs.filter(run => run.memory !== null || !codes(run).some(code => MODEL_OUT_OF_REACH.has(code)))
  const withMemory = runs.filter(({ memory }) => memory !== null)
  const knownSteps = withMemory.filter(run => stepsFollow(run))
  const noTime = knownSteps.filter(({ time }) => time?.runSeconds == null)
  const label = (run: RunReport) => `${run.path}: ${[...new Set(codes(run))].join(', ')}`
  return {
    folder,
    files: paths.length,
    training,
    own,
    formats: tally(runs.map(({ format }) => format)),
    runs: runs.length,
    resolvable: resolvable.length,
    withMemory: withMemory.length,
    knownSteps: knownSteps.length,
    withTime: knownSteps.length - noTime.length,
    missed,
    mistaken,
    crashed,
    unexplained: runs.filter(run => run.memory === null && !codes(run).some(code => EXPLAINS.has(code))).map(label),
    noMemory: resolvable.filter(({ memory }) => memory === null).map(label),
    noTime: noTime.map(label),
  }

  async function readOne(path: string): Promise<readonly RunReport[]> {
    const report = await runPipeline({
      head: files,
      base: null,
      changes: null,
      paths: [],
      named: [path],
      policy,
      policyPath: 'policy',
      models,
      advice: false,
    })
    return report.runs
  }
}

function stepsFollow({ plan }: RunReport): boolean {
  const dataset = plan?.dataset
  return dataset !== undefined && [dataset.maxSteps, dataset.tokens, dataset.samples].some(value => value !== null)
}

function tally(values: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
