import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { diskFileSource } from '../files/disk-file-source.ts'
import type { FileSource } from '../files/file-source.ts'
import { gitFileSource } from '../files/git-file-source.ts'
import { withRenames } from '../files/renames.ts'
import { isConfigPath } from '../formats/parse-document.ts'
import { type PathChange, runPipeline } from '../pipeline.ts'
import { type Command, type CommandInput, EXIT, UsageError } from './command.ts'
import { printReport } from './estimate.ts'
import {
  datasetSource,
  ESTIMATE_OPTIONS,
  loadPolicy,
  modelSource,
  readOverrides,
  todaysPrices,
} from './estimate-files.ts'

export const diffCommand: Command = {
  name: 'diff',
  summary: 'what a change does to memory, time and cost: two git refs or two folders',
  usage: 'BASE HEAD [FILE|GLOB…] [OPTIONS]',
  options: ESTIMATE_OPTIONS,
  examples: ['diff main HEAD', 'diff main HEAD "configs/**" --format markdown', 'diff old-folder new-folder'],
  async run(input) {
    const [baseName, headName, ...paths] = input.positionals
    if (baseName === undefined || headName === undefined)
      throw new UsageError('two git refs or two folders are needed. Example: preflop diff main HEAD')
    const [base, head] = await Promise.all([openTree(input, baseName), openTree(input, headName)])
    const { policy, policyPath } = await loadPolicy(input, { files: base })
    const report = await runPipeline({
      head,
      base,
      changes: await changesBetween(base, head),
      paths,
      policy,
      policyPath,
      overrides: readOverrides(input),
      models: modelSource(input),
      datasets: datasetSource(input),
      ...todaysPrices(input),
    })
    printReport(report, input)
    return report.verdict === 'fail' ? EXIT.failed : EXIT.ok
  },
}

async function openTree({ io }: CommandInput, name: string): Promise<FileSource> {
  const folder = resolve(io.folder, name)
  if (existsSync(folder) && statSync(folder).isDirectory()) return diskFileSource(folder)
  const source = await gitFileSource(io.folder, name)
  if (!source) throw new UsageError(`\`${name}\` is neither a folder nor a commit of this repository.`)
  return source
}

/** Paths whose content differs; a file that is gone and one that is new are the same where most of their lines are. */
async function changesBetween(base: FileSource, head: FileSource): Promise<readonly PathChange[]> {
  const before = new Map((await base.list()).filter(({ path }) => isRelevant(path)).map(entry => [entry.path, entry]))
  const after = new Map((await head.list()).filter(({ path }) => isRelevant(path)).map(entry => [entry.path, entry]))
  const changes: PathChange[] = []
  for (const [path, entry] of after) {
    const old = before.get(path)
    if (!old) changes.push({ path, previousPath: null, status: 'added' })
    else if (entry.sha !== undefined && old.sha !== undefined ? entry.sha !== old.sha : await differs(base, head, path))
      changes.push({ path, previousPath: null, status: 'modified' })
  }
  for (const path of before.keys()) if (!after.has(path)) changes.push({ path, previousPath: null, status: 'removed' })
  return withRenames(changes, { base, head })
}

function isRelevant(path: string): boolean {
  return isConfigPath(path) || /(^|\/)(requirements[\w.-]*\.txt|[\w.-]+\.lock|Dockerfile)$/.test(path)
}

async function differs(base: FileSource, head: FileSource, path: string): Promise<boolean> {
  const [a, b] = await Promise.all([base.read(path), head.read(path)])
  return a.status !== 'found' || b.status !== 'found' || a.text !== b.text
}
