import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { diskFileSource } from '../files/disk-file-source.ts'
import { runPipeline } from '../pipeline.ts'
import { createPolicySet } from '../policy/policy-set.ts'
import { VERSION } from '../version.ts'
import { type Command, EXIT } from './command.ts'
import { modelSource } from './estimate-files.ts'
import { policyDraft } from './policy-draft.ts'

export const initCommand: Command = {
  name: 'init',
  summary: 'write .github/workflows/preflop.yml and .github/preflop.yml for this repository',
  usage: '',
  options: { offline: { type: 'boolean', help: 'never ask the Hugging Face Hub' } },
  examples: ['init'],
  async run(input) {
    const { io } = input
    const report = await runPipeline({
      head: diskFileSource(io.folder),
      base: null,
      changes: null,
      paths: [],
      policy: createPolicySet(null),
      policyPath: '.github/preflop.yml',
      models: modelSource(input),
      advice: false,
    })
    const formats = [...new Set(report.runs.map(({ format }) => format))]
    io.out(
      `${report.runs.length} training run${report.runs.length === 1 ? '' : 's'} found${formats.length > 0 ? ` (${formats.join(', ')})` : ''}.\n`,
    )
    if (formats.length === 0)
      io.out(
        'No YAML, JSON or TOML file or shell script here is of a trainer that is known (docs/formats.md). A run that only code describes can be written as a plan: `preflop schema plan`, examples/article-7b.yml.\n',
      )
    let isWritten = false
    for (const [path, text] of [
      ['.github/workflows/preflop.yml', workflowText()],
      ['.github/preflop.yml', policyDraft(report)],
    ] as const) {
      const full = join(io.folder, path)
      if (existsSync(full)) {
        io.out(`${path} is there already; it was left alone.\n`)
        continue
      }
      await mkdir(dirname(full), { recursive: true })
      await writeFile(full, text, { flag: 'wx' })
      io.out(`${path} written.\n`)
      isWritten = true
    }
    if (isWritten)
      io.out('Read both and commit them: the next pull request that changes a training config gets the comment.\n')
    return EXIT.ok
  },
}

function workflowText(): string {
  return `# Estimates the training configs that a pull request changes: memory, time and cost.
name: Preflop
on: pull_request
permissions:
  contents: read
  pull-requests: write
jobs:
  preflop:
    runs-on: ubuntu-latest
    steps:
      - uses: preflop/preflop@v${VERSION.split('.')[0] ?? '0'}
`
}
