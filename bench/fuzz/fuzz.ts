import fc from 'fast-check'
import type { FileSource } from '../../src/files/file-source.ts'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { jobLog } from '../../src/github/workflow-commands.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet, type PolicySet } from '../../src/policy/policy-set.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'
import { renderAnnotations } from '../../src/report/annotations.ts'
import { renderComment } from '../../src/report/render-comment.ts'
import { renderSummary } from '../../src/report/render-summary.ts'
import { renderTerminal } from '../../src/report/render-terminal.ts'
import type { Report } from '../../src/report/report.ts'
import { INJECTIONS } from './hostile-values.ts'
import { type Mutation, mutateText, mutations } from './mutate-text.ts'
import { controlLeaks, logLeaks, markdownLeaks, secretLeaks } from './rendered-leaks.ts'
import { reportFaults } from './report-faults.ts'
import { POLICY_SEED, SEEDS } from './seeds.ts'

/** One input: a config of the seeds with changes, under its own or a hostile path, with a policy changed or not. */
export interface FuzzCase {
  readonly path: string
  readonly named: string
  readonly changes: readonly Mutation[]
  readonly policyChanges: readonly Mutation[] | null
}

const PATHS = Object.keys(SEEDS).filter(
  path => !path.includes('/') && path !== 'ds_z3.json' && path !== 'accelerate.yaml',
)
const TEXTS = Object.values(SEEDS)

export const fuzzCases: fc.Arbitrary<FuzzCase> = fc
  .tuple(
    fc.constantFrom(...PATHS),
    mutations,
    fc.option(mutations, { freq: 3 }),
    fc.option(fc.constantFrom(...INJECTIONS), { freq: 6 }),
  )
  .map(([path, changes, policyChanges, folder]) => ({
    path,
    named: folder === null || folder.length > 200 ? path : `configs/${folder}/${path}`,
    changes,
    policyChanges,
  }))

const MODELS = createModelSource({ offline: true })
const OWN_URL = 'https://github.com/acme/training/'
const SLOW_MILLISECONDS = 20_000

/** Runs an input through everything that reads and writes. Empty: nothing is wrong. Throws where the program does. */
export async function fuzzFaults(input: FuzzCase): Promise<readonly string[]> {
  const started = performance.now()
  const text = mutateText(SEEDS[input.path] ?? '', input.changes, TEXTS)
  const files = memoryFileSource(new Map([...Object.entries(SEEDS), [input.named, text]]))
  const report = await estimate(files, [input.named, 'native.yml'], policyOf(input))
  const faults = [...reportFaults(report), ...outputLeaks(report)]
  const bystander = report.runs.find(({ path }) => path === 'native.yml')
  // A script that starts the other file is one run with it.
  const isBystander = input.policyChanges === null && input.path !== 'native.yml' && !text.includes('native.yml')
  if (isBystander && bystander?.memory == null) faults.push('the other file is not estimated')
  const milliseconds = performance.now() - started
  if (milliseconds > SLOW_MILLISECONDS) faults.push(`took ${milliseconds.toFixed(0)} ms`)
  return faults
}

function policyOf({ policyChanges }: FuzzCase): PolicySet {
  if (policyChanges === null) return createPolicySet(null, { gpu: 'a100-sxm-80gb', gpus: 8 })
  return createPolicySet(
    readPolicy(parseDocument('.github/preflop.yml', mutateText(POLICY_SEED, policyChanges, TEXTS))),
  )
}

export function estimate(
  files: FileSource,
  named: readonly string[],
  policy: PolicySet,
  advice = true,
): Promise<Report> {
  return runPipeline({
    head: files,
    base: files,
    changes: named.map(path => ({ path, previousPath: null, status: 'modified' })),
    paths: [],
    named,
    policy,
    policyPath: '.github/preflop.yml',
    models: MODELS,
    today: '2026-11-25',
    advice,
  })
}

/** What any text made of the report would do beyond showing itself. */
export function outputLeaks(report: Report): readonly string[] {
  const options = {
    version: '0.0.0',
    repositoryUrl: OWN_URL.slice(0, -1),
    reportUrl: `${OWN_URL}actions/runs/1`,
    headSha: 'a'.repeat(40),
    baseSha: 'b'.repeat(40),
    marker: '<!-- preflop -->',
  }
  let log = ''
  const write = jobLog(chunk => {
    log += chunk
  })
  for (const annotation of renderAnnotations(report)) write.annotate(annotation)
  for (const { path, findings } of report.runs) write.line(`${path} ${findings[0]?.message ?? ''}`)
  const terminal = renderTerminal(report, { columns: 100, ascii: false })
  return [
    ...markdownLeaks(renderComment(report, options), OWN_URL).map(leak => `comment: ${leak}`),
    ...markdownLeaks(renderSummary(report, options), OWN_URL).map(leak => `summary: ${leak}`),
    ...logLeaks(log).map(leak => `log: ${leak}`),
    ...controlLeaks(terminal).map(leak => `terminal: ${leak}`),
    ...secretLeaks(terminal + JSON.stringify(report)).map(leak => `report: ${leak}`),
  ]
}
