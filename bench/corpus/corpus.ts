import { diskFileSource } from '../../src/files/disk-file-source.ts'
import { isConfigPath } from '../../src/formats/parse-document.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { RunReport } from '../../src/report/report.ts'

export interface CorpusRow {
  readonly folder: string
  readonly files: number
  readonly runs: number
  readonly formats: Readonly<Record<string, number>>
  readonly withMemory: number
  readonly withRunTime: number
  readonly findings: Readonly<Record<string, number>>
  readonly unrecognised: readonly string[]
}

/** Estimates every config below a folder of real files, one file at a time, on 8 × A100 80 GB where no file says otherwise. */
export async function readFolder(root: string, folder: string): Promise<CorpusRow> {
  const files = diskFileSource(`${root}/${folder}`)
  const paths = (await files.list()).map(({ path }) => path).filter(isConfigPath)
  const policy = createPolicySet(null, { gpu: 'a100-sxm-80gb', gpus: 8 })
  const models = createModelSource({ offline: true })
  const runs: RunReport[] = []
  const unrecognised: string[] = []
  for (const path of paths) {
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
    if (report.runs.length === 0) unrecognised.push(path)
    runs.push(...report.runs)
  }
  return {
    folder,
    files: paths.length,
    runs: runs.length,
    formats: tally(runs.map(({ format }) => format)),
    withMemory: runs.filter(({ memory }) => memory !== null).length,
    withRunTime: runs.filter(({ time }) => time?.runSeconds != null).length,
    findings: tally(runs.flatMap(({ findings }) => findings.map(({ code }) => code))),
    unrecognised,
  }
}

function tally(values: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
