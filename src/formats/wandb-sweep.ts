// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of a sweep’s command
import { type ClusterJob, jobTrains, readClusterJob } from '../launch/cluster-job.ts'
import type { Place } from '../launch/shell/shell-word.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { type ConfigNode, hasKeys } from './config-document.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { keyTable } from './section.ts'
import { type SweepParameter, sweepParameters } from './wandb-sweep/parameters.ts'

const METHODS = new Set(['grid', 'random', 'bayes', 'custom'])

/** Runs of a sweep that differ in words are estimated one by one up to this many. */
const MAX_COMBINATIONS = 8

/** Weights & Biases sweeps: the command that an agent starts, with the parameters of a run. */
export function wandbSweepReader(readers: () => readonly FormatReader[]): FormatReader {
  return {
    format: 'wandb-sweep',
    keys: keyTable('docs.wandb.ai, sweep configuration', [
      ['method, run_cap', 'how many runs the sweep has, in a finding', 'no limit'],
      [
        'program, command',
        'the training command, read like a shell script',
        '${env} ${interpreter} ${program} ${args}',
      ],
      ['parameters.*.value', 'the argument of that name', 'none'],
      ['parameters.*.values', 'of numbers the largest; of words each is a run', 'none'],
      ['parameters.*.min, parameters.*.max', 'the largest', 'none'],
      ['parameters.*.parameters', 'arguments with dotted names', 'none'],
    ]),
    recognise: document => {
      const root = document.roots.find(isSweep)
      return root !== undefined && jobTrains(document, jobOf(root, firstOfEach(parametersOf(root))))
    },
    async read(document, context) {
      const root = document.roots.find(isSweep)
      if (root === undefined) return { runs: [], findings: [] }
      const parameters = parametersOf(root)
      const combinations = combinationsOf(parameters)
      const runs: RunDraft[] = []
      for (const chosen of combinations) {
        const result = await readClusterJob(document, jobOf(root, chosen), context, readers())
        const name = combinations.length > 1 ? nameOf(chosen) : null
        runs.push(...result.runs.map(run => ({ ...run, name: name ?? run.name })))
      }
      return { runs, findings: sweepFindings(root, parameters, combinations.length) }
    },
  }
}

function isSweep(root: ConfigNode): boolean {
  const method = root.entries.get('method')?.scalar
  return hasKeys(root, 'parameters') && typeof method === 'string' && METHODS.has(method)
}

function parametersOf(root: ConfigNode): readonly SweepParameter[] {
  return sweepParameters(root.entries.get('parameters'))
}

/** A parameter and the text that a run has for it. */
interface Chosen {
  readonly parameter: SweepParameter
  readonly value: string
}

/** Numbers at their largest, words at their first. */
function firstOfEach(parameters: readonly SweepParameter[]): readonly Chosen[] {
  return parameters.map(parameter => ({ parameter, value: demanding(parameter) }))
}

/** Memory grows with every number that is worth sweeping. */
function demanding({ values, isNumeric }: SweepParameter): string {
  if (!isNumeric) return values[0] ?? ''
  return values.reduce((most, value) => (Number(value) > Number(most) ? value : most), values[0] ?? '')
}

/** Every combination of words, while they are few; else the first of each. */
function combinationsOf(parameters: readonly SweepParameter[]): readonly (readonly Chosen[])[] {
  const several = parameters.filter(isSeveralWords)
  const count = several.reduce((product, { values }) => product * values.length, 1)
  if (count > MAX_COMBINATIONS) return [firstOfEach(parameters)]
  return parameters.reduce<readonly (readonly Chosen[])[]>(
    (runs, parameter) => {
      const values = several.includes(parameter) ? parameter.values : [demanding(parameter)]
      return runs.flatMap(run => values.map(value => [...run, { parameter, value }]))
    },
    [[]],
  )
}

function isSeveralWords({ values, isNumeric }: SweepParameter): boolean {
  return !isNumeric && values.length > 1
}

function nameOf(chosen: readonly Chosen[]): string {
  return chosen
    .filter(({ parameter }) => isSeveralWords(parameter))
    .map(({ parameter, value }) => `${parameter.name}=${value}`)
    .join(', ')
}

const DEFAULT_COMMAND = ['${env}', '${interpreter}', '${program}', '${args}'] as const

type Block = Place & { readonly text: string }

/** The command that the agent starts, a word a line, each at its place in the file. */
function jobOf(root: ConfigNode, chosen: readonly Chosen[]): ClusterJob {
  const written = root.entries.get('command')
  const words: readonly { readonly text: string; readonly node: ConfigNode }[] =
    written?.kind === 'sequence'
      ? written.items.map(node => ({ text: String(node.scalar ?? ''), node }))
      : DEFAULT_COMMAND.map(text => ({ text, node: root.entries.get('program') ?? root }))
  const blocks = words.flatMap(({ text, node }) => expanded(text, node, root, chosen))
  const continued = blocks.map((block, index) => ({
    ...block,
    text: index < blocks.length - 1 ? `${block.text} \\` : block.text,
  }))
  return { draft: {}, findings: [], blocks: continued, variables: {} }
}

/** Macros of a sweep's command (docs.wandb.ai, sweep configuration: command). */
function expanded(text: string, node: ConfigNode, root: ConfigNode, chosen: readonly Chosen[]): readonly Block[] {
  const at = ({ line, column }: ConfigNode, word: string): Block => ({ text: quoted(word), line, column })
  switch (text) {
    case '${env}':
      return [at(node, 'env')]
    case '${interpreter}':
      return [at(node, 'python')]
    case '${program}':
      return [at(root.entries.get('program') ?? node, String(root.entries.get('program')?.scalar ?? ''))]
    case '${args}':
      return chosen.map(({ parameter, value }) => at(parameter.place, `--${parameter.name}=${value}`))
    case '${args_no_hyphens}':
      return chosen.map(({ parameter, value }) => at(parameter.place, `${parameter.name}=${value}`))
    case '${args_no_boolean_flags}':
      return chosen.flatMap(({ parameter, value }) => {
        if (value === 'False') return []
        return [at(parameter.place, value === 'True' ? `--${parameter.name}` : `--${parameter.name}=${value}`)]
      })
    default:
      return [at(node, text)]
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

function sweepFindings(
  root: ConfigNode,
  parameters: readonly SweepParameter[],
  combinations: number,
): readonly Finding[] {
  const at = (node: ConfigNode | undefined, message: string): Finding => {
    const { path, keyLine: line, keyColumn: column } = node ?? root
    return finding('swept-values', { path, line, column, message })
  }
  const numbers = parameters.filter(({ isNumeric, isDrawn, values }) => isNumeric && (isDrawn || values.length > 1))
  const words = parameters.filter(isSeveralWords)
  const list = (own: readonly SweepParameter[]): string =>
    own.map(({ name, text }) => `\`${name}\` (${text})`).join(', ')
  return [
    at(root.entries.get('method'), `This sweep starts ${runsOf(root, parameters)}; hours and cost are those of one.`),
    ...(numbers.length > 0
      ? [at(numbers[0]?.place, `${list(numbers)}: read with the largest of each, the most demanding.`)]
      : []),
    ...(words.length > 0 && combinations === 1
      ? [
          at(
            words[0]?.place,
            `${list(words)}: more than ${MAX_COMBINATIONS} combinations; read with the first of each.`,
          ),
        ]
      : []),
  ]
}

function runsOf(root: ConfigNode, parameters: readonly SweepParameter[]): string {
  const cap = root.entries.get('run_cap')?.scalar
  const method = String(root.entries.get('method')?.scalar)
  const all = parameters.reduce((product, { values }) => product * values.length, 1)
  if (method === 'grid' && !parameters.some(({ isDrawn }) => isDrawn)) {
    const runs = typeof cap === 'number' ? Math.min(cap, all) : all
    return `${runs} run${runs === 1 ? '' : 's'} (grid)`
  }
  if (typeof cap === 'number') return `up to ${cap} runs (${method})`
  return method === 'grid' ? 'a run for each value of its ranges (grid)' : `runs until somebody stops it (${method})`
}
