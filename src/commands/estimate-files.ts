import { existsSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { ReportDetail } from '../build-report.ts'
import { createDatasetSource } from '../datasets/create-dataset-source.ts'
import type { DatasetSource } from '../datasets/dataset-size.ts'
import { diskFileSource } from '../files/disk-file-source.ts'
import type { FileSource } from '../files/file-source.ts'
import { memoryFileSource } from '../files/memory-file-source.ts'
import { readNativeDocument } from '../formats/native.ts'
import { isConfigPath, parseDocument } from '../formats/parse-document.ts'
import { findGpu, nearestGpus } from '../hardware/gpu-catalogue.ts'
import { createPriceSource } from '../hardware/live-prices/create-price-source.ts'
import { createModelSource, type HubAccess } from '../models/create-model-source.ts'
import type { ModelSource } from '../models/model-source.ts'
import { type PipelineOptions, runPipeline } from '../pipeline.ts'
import type { MutablePlanDraft, PlanDraft } from '../plan/plan-draft.ts'
import { createPolicySet, globMatcher, type PolicySet } from '../policy/policy-set.ts'
import { type PolicySettings, readPolicy } from '../policy/read-policy.ts'
import type { Report } from '../report/report.ts'
import { type CommandInput, type CommandOption, numberOption, textOption, textOptions, UsageError } from './command.ts'

export const ESTIMATE_OPTIONS = {
  gpu: { type: 'string', value: 'ID', help: 'estimate for this GPU, whatever the files say (see `preflop gpus`)' },
  gpus: { type: 'string', value: 'N', help: 'number of GPUs, whatever the files say' },
  price: { type: 'string', value: 'N', help: 'price per GPU-hour' },
  currency: { type: 'string', value: 'CODE', help: 'currency of --price (default USD)' },
  policy: { type: 'string', value: 'FILE', help: 'policy file (default .github/preflop.yml when it exists)' },
  set: {
    type: 'string',
    multiple: true,
    value: 'KEY=VALUE',
    help: 'set a plan key, e.g. --set precision.weights=float32; may be repeated',
  },
  format: { type: 'string', value: 'table|json|markdown', help: 'output (default table)' },
  offline: { type: 'boolean', help: 'never ask the Hugging Face Hub' },
  ascii: { type: 'boolean', help: 'plain characters in the table' },
} as const satisfies Readonly<Record<string, CommandOption>>

const DEFAULT_POLICY = '.github/preflop.yml'
/** More files are a sweep: figures in a list, without advice. */
const MOST_WHOLE = 50

interface EstimateFilesOptions {
  /** Above the flags. */
  readonly overrides?: PlanDraft
  readonly advice?: boolean
  /** Above the policy file. */
  readonly policy?: PolicySettings
  readonly hardware?: boolean
  /** What the report of a sweep holds of each run; absent: all of it. */
  readonly sweepDetail?: ReportDetail
}

/** The files, policy and flags of a command line, estimated. */
export async function estimateFiles(input: CommandInput, options: EstimateFilesOptions = {}): Promise<Report> {
  if (input.positionals.length === 0) throw new UsageError(`no file given. Example: preflop estimate configs/sft.yml`)
  const located = await locateFiles(input)
  const { policy, policyPath } = await loadPolicy(input, { over: options.policy })
  const isSweep = located.paths.length > MOST_WHOLE
  return runPipeline({
    head: located.files,
    base: null,
    changes: null,
    paths: [],
    named: located.paths,
    policy,
    policyPath,
    overrides: { ...readOverrides(input), ...options.overrides },
    models: modelSource(input),
    datasets: datasetSource(input),
    ...todaysPrices(input),
    advice: options.advice ?? !isSweep,
    detail: isSweep ? (options.sweepDetail ?? 'items') : 'items',
    hardware: options.hardware ?? false,
  })
}

export function modelSource(input: CommandInput): ModelSource {
  return createModelSource(hubAccess(input))
}

export function datasetSource(input: CommandInput): DatasetSource {
  return createDatasetSource(hubAccess(input))
}

/** The day, and its prices where the policy asks for them. */
export function todaysPrices(input: CommandInput): Pick<PipelineOptions, 'today' | 'prices'> {
  const { environment, today } = input.io
  const home = environment['XDG_CACHE_HOME'] || (environment['HOME'] ? join(environment['HOME'], '.cache') : null)
  const cacheFolder = home === null ? null : join(home, 'preflop', 'prices')
  const prices = createPriceSource({ offline: hubAccess(input).offline, today, cacheFolder })
  return { today, ...(prices ? { prices } : {}) }
}

function hubAccess({ values, io: { environment } }: CommandInput): HubAccess {
  return {
    offline: values['offline'] === true || environment['HF_HUB_OFFLINE'] === '1',
    endpoint: environment['HF_ENDPOINT'],
    token: environment['HF_TOKEN'],
  }
}

interface LocatedFiles {
  readonly files: FileSource
  readonly paths: readonly string[]
}

async function locateFiles(input: CommandInput): Promise<LocatedFiles> {
  if (input.positionals.length === 1 && input.positionals[0] === '-') {
    const files = memoryFileSource(new Map([['-', await input.io.readStandardInput()]]))
    return { files, paths: ['-'] }
  }
  const found: string[] = []
  for (const argument of input.positionals) {
    const full = resolve(input.io.folder, argument)
    if (existsSync(full)) found.push(...(statSync(full).isDirectory() ? await filesUnder(full) : [full]))
    else if (/[*?[{]/.test(argument)) found.push(...(await matchingFiles(input.io.folder, argument)))
    else throw new UsageError(`\`${argument}\` does not exist.`)
  }
  if (found.length === 0)
    throw new UsageError(`no file matches ${input.positionals.map(text => `\`${text}\``).join(', ')}.`)
  const root = commonRoot(found, input.io.folder)
  return {
    files: diskFileSource(root),
    paths: [...new Set(found.map(full => relative(root, full).split(sep).join('/')))],
  }
}

async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await diskFileSource(folder).list()
  return entries
    .filter(({ path, kind }) => kind === 'file' && isConfigPath(path))
    .map(({ path }) => join(folder, path))
    .toSorted()
}

async function matchingFiles(folder: string, glob: string): Promise<readonly string[]> {
  const matches = globMatcher([glob.replace(/^\.\//, '')])
  const entries = await diskFileSource(folder).list()
  return entries
    .filter(({ path, kind }) => kind === 'file' && matches(path))
    .map(({ path }) => join(folder, path))
    .toSorted()
}

/** The repository that holds the files, else the current folder, else the folder they share. */
function commonRoot(files: readonly string[], current: string): string {
  let shared = dirname(files[0] ?? current)
  for (const file of files) while (!isInside(shared, file)) shared = dirname(shared)
  for (let folder = shared; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return folder
    if (dirname(folder) === folder) break
  }
  return isInside(current, shared) ? current : shared
}

function isInside(folder: string, path: string): boolean {
  const inside = relative(folder, path)
  return !inside.startsWith('..') && !isAbsolute(inside)
}

interface PolicyOptions {
  /** Above the policy file. */
  readonly over?: PolicySettings | undefined
  /** Where the default policy lies; absent: the current folder. */
  readonly files?: FileSource
}

export async function loadPolicy(
  input: CommandInput,
  { over = {}, files }: PolicyOptions = {},
): Promise<{ readonly policy: PolicySet; readonly policyPath: string }> {
  const named = textOption(input, 'policy')
  const policyPath = named ?? DEFAULT_POLICY
  const content =
    files && named === undefined
      ? await files.read(DEFAULT_POLICY)
      : await diskFileSource(dirname(resolve(input.io.folder, policyPath))).read(
          policyPath.split('/').at(-1) ?? policyPath,
        )
  if (content.status !== 'found' && named !== undefined) throw new UsageError(`the policy \`${named}\` cannot be read.`)
  if (content.status === 'refused')
    throw new UsageError(`the policy \`${policyPath}\` cannot be read: ${content.reason}.`)
  const file = content.status === 'found' ? readPolicy(parseDocument(policyPath, content.text)) : null
  const problems = file?.findings.filter(({ severity }) => severity === 'error') ?? []
  if (problems.length > 0)
    throw new UsageError(
      problems.map(({ line, message, hint }) => `${policyPath}:${line ?? 1}: ${message} ${hint}`).join('\n'),
    )
  return { policy: createPolicySet(file, over), policyPath }
}

/** Flags win over the files. */
export function readOverrides(input: CommandInput): PlanDraft {
  const draft: MutablePlanDraft = {}
  const note = 'command line'
  const gpu = textOption(input, 'gpu')
  if (gpu !== undefined) {
    const found = findGpu(gpu)
    const near = nearestGpus(gpu)
    if (!found)
      throw new UsageError(
        `\`${gpu}\` is not a GPU of the catalogue.${near.length > 0 ? ` Did you mean ${near.join(', ')}?` : ''}`,
      )
    draft['hardware.gpu'] = { value: found.id, from: 'launch', note }
  }
  const gpus = numberOption(input, 'gpus')
  if (gpus !== undefined) {
    if (!Number.isInteger(gpus) || gpus < 1)
      throw new UsageError(`--gpus is ${gpus}; expected a whole number of at least 1.`)
    draft.gpus = { value: gpus, from: 'launch', note }
  }
  const price = numberOption(input, 'price')
  if (price !== undefined) {
    const currency = (textOption(input, 'currency') ?? 'USD').toUpperCase()
    draft['hardware.price'] = {
      value: { perGpuHour: price, currency, provider: null, region: null, spot: null },
      from: 'launch',
      note,
    }
  }
  return { ...draft, ...readSettings(textOptions(input, 'set')) }
}

/** `--set a.b=value` in the words of the native format. */
function readSettings(settings: readonly string[]): PlanDraft {
  if (settings.length === 0) return {}
  const lines = settings.map(setting => {
    const split = setting.indexOf('=')
    if (split < 1) throw new UsageError(`--set ${setting}: expected KEY=VALUE.`)
    const path = setting.slice(0, split).split('.')
    return path.reduceRight((value, key) => `{${JSON.stringify(key)}: ${value}}`, setting.slice(split + 1) || '""')
  })
  const drafts = lines.map((line, index) => {
    const document = parseDocument('plan', `{"preflop": 1, "model": "unset", ${line.slice(1)}`)
    const result = readNativeDocument(document)
    const problem = document.findings[0] ?? result.runs[0]?.findings[0]
    if (problem) throw new UsageError(`--set ${settings[index]}: ${problem.message} ${problem.hint}`)
    const { model, ...draft } = result.runs[0]?.draft ?? {}
    return settings[index]?.startsWith('model=') && model ? { ...draft, model } : draft
  })
  return Object.assign({}, ...drafts)
}
