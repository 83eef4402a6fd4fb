import type { ConfigDocument } from '../formats/config-document.ts'
import type { FormatReader, ReadContext, RunDraft } from '../formats/reader.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { overlayDrafts, type PlanDraft } from '../plan/plan-draft.ts'
import { commandAllocator } from './allocator-settings.ts'
import { type ArgumentNode, argumentsToNode, syntheticArgument } from './argument-node.ts'
import { neoxFiles } from './gpt-neox-command.ts'
import { hydraConfig } from './hydra-config.ts'
import { argumentNamed, type LaunchArgument } from './launch-arguments.ts'
import { launchedGpus, unresolvedFinding } from './launched-gpus.ts'
import { layersOverGpus, swiftCommandReader } from './ms-swift-command.ts'
import { defaultNotes, scheduledAmong } from './scheduler-variables.ts'
import type { TrainingCommand } from './training-command.ts'

interface Launch {
  readonly training: TrainingCommand
  /** The file the command stands in. */
  readonly document: ConfigDocument
  readonly context: ReadContext
  readonly readers: readonly FormatReader[]
  /** What surrounds the command says about the GPUs; the command itself wins. */
  readonly surroundings: PlanDraft
}

/** Formats whose readers take the Accelerate file under `accelerate_config`. */
const ACCELERATED = new Set([
  'trl',
  'llama-factory',
  'axolotl',
  'alignment-handbook',
  'open-r1',
  'transformers',
  'open-instruct',
])

/**
 * The runs of one training command: of the config it names with its arguments laid over, or of its arguments alone,
 * read by the framework's own reader; the launcher decides the number of GPUs.
 */
export async function readTrainingCommand(launch: Launch): Promise<readonly RunDraft[]> {
  const { training, document, surroundings } = launch
  const gpus = launchedGpus(training, document.path, surroundings)
  const findings = [...gpus.findings, ...sweptFindings(training, document.path)]
  const runs = training.config === null ? await readArguments(launch) : await readNamedConfig(launch)
  return runs.map(run => ({
    ...run,
    draft: overlayDrafts(withScheduledGpus(run.draft, training), {
      ...gpus.draft,
      ...layersOverGpus(training, gpus.draft),
      ...commandAllocator(training.command.environment, document.path),
    }),
    findings: [...run.findings, ...findings],
  }))
}

async function readArguments(launch: Launch): Promise<readonly RunDraft[]> {
  const { training, document, context } = launch
  const node = argumentsToNode(
    document.path,
    [...training.arguments.named, ...surroundingArguments(training, training.trainer.format)],
    training.trainer.format === 'verl' ? await hydraConfig(training, document, context) : undefined,
  )
  const path = pathWithProgram(document.path, training)
  const synthetic: ConfigDocument = { ...document, path, syntax: 'yaml', roots: [node.root], findings: [] }
  const named = launch.readers.find(({ format }) => format === training.trainer.format)
  const recognised = named ?? launch.readers.find(candidate => candidate.recognise(synthetic))
  // a value that hangs on an unset variable hides a key from recognition
  const plain = argumentNamed(training.arguments, 'per_device_train_batch_size') && 'transformers'
  const fallback = launch.readers.find(({ format }) => format === plain)
  const reader =
    training.trainer.format === 'ms-swift' ? swiftCommandReader(training.program) : (recognised ?? fallback)
  if (reader === undefined) return [unread(launch, `No reader takes the arguments of ${training.program}.`)]
  const result = await reader.read(synthetic, context)
  const findings = [...result.findings, ...unresolvedFindings(node, document.path)]
  if (result.runs.length === 0) return [{ name: null, draft: {}, findings }]
  return result.runs.map(run => ({ ...run, findings: [...withoutExplained(run.findings, node), ...findings] }))
}

async function readNamedConfig(launch: Launch): Promise<readonly RunDraft[]> {
  const { training, document, context } = launch
  const { config } = training
  if (config === null) return []
  if (config.unresolved.length > 0 && training.trainer.onlyKnownConfig) return []
  if (config.unresolved.length > 0)
    return [{ name: null, draft: {}, findings: [unresolvedFinding(document.path, 'config', config)] }]
  const { scheme } = training.trainer
  const file = scheme !== undefined && config.text.startsWith(scheme) ? config.text.slice(scheme.length) : config.text
  const nested = await context.readConfig(file, document)
  if (nested === null && training.trainer.onlyKnownConfig) return []
  if (nested === null) {
    const message = `${training.program} reads ${config.text}, which is not in the repository or not a training config.`
    const place = { path: document.path, line: config.line, column: config.column }
    return [{ name: null, draft: {}, findings: [finding('missing-companion', { ...place, message })] }]
  }
  const overrides = training.arguments.named.filter(
    argument => !argument.values.includes(config) && !isLauncherOption(training, argument),
  )
  const extra = surroundingArguments(training, nested.format)
  const own = launch.readers.find(({ format }) => format === nested.format)
  const reader = nested.format === 'ms-swift' ? swiftCommandReader(training.program) : own
  const [root, ...others] = nested.document.roots
  if (reader === undefined || root === undefined) return flattened(nested.result)
  const tellsStage = ACCELERATED.has(nested.format) && STAGE_WORD.test(training.program)
  if (overrides.length + extra.length === 0 && !tellsStage && nested.format !== 'ms-swift')
    return flattened(nested.result)
  const node = argumentsToNode(document.path, [...overrides, ...extra], root)
  const path = tellsStage ? pathWithProgram(nested.document.path, training) : nested.document.path
  const result = await reader.read({ ...nested.document, path, roots: [node.root, ...others] }, context)
  const findings = unresolvedFindings(node, document.path)
  return flattened(result).map(run => ({ ...run, findings: [...run.findings, ...findings] }))
}

/** Arguments of trainers that start their own workers, on Ray or Lightning. */
const COUNT_ARGUMENT = /(?:^|[._])(?:\w*nodes|\w*gpus\w*|devices|num_processes)$/

/** The number of GPUs is assumed where an argument that counts them is only the default of what a scheduler sets. */
function withScheduledGpus(draft: PlanDraft, { arguments: { named } }: TrainingCommand): PlanDraft {
  const { gpus } = draft
  if (gpus === undefined || typeof gpus === 'function') return draft
  for (const { key, values } of named) {
    const [word] = values
    const scheduled = scheduledAmong(word?.defaulted)
    if (word === undefined || scheduled.length === 0 || !COUNT_ARGUMENT.test(key)) continue
    const { line, column } = word
    const note = defaultNotes(Number(word.text), word.defaulted).join('; ')
    return { ...draft, gpus: { ...gpus, from: 'assumed', line, column, key: scheduled.join(', '), note } }
  }
  return draft
}

const STAGE_WORD = /(?:dpo|kto|orpo|grpo|rloo|simpo|reward)/

/** Readers find the stage in the words of a path where keys do not tell it: the program's name is one of them. */
function pathWithProgram(path: string, { program }: TrainingCommand): string {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const name = program.slice(program.lastIndexOf('/') + 1)
  return `${folder}${name} ${path.slice(folder.length)}`
}

function flattened(result: Awaited<ReturnType<FormatReader['read']>>): readonly RunDraft[] {
  return result.runs.map(run => ({ ...run, findings: [...result.findings, ...run.findings] }))
}

function isLauncherOption(training: TrainingCommand, { key }: LaunchArgument): boolean {
  return training.launcher === 'tune run' && /^(?:nproc_per_node|nnodes|rdzv_\w+|master_\w+|standalone)$/.test(key)
}

/** What the command line outside the trainer's arguments tells the trainer's reader. */
function surroundingArguments(training: TrainingCommand, format: string | null): readonly LaunchArgument[] {
  const found: LaunchArgument[] = format === 'gpt-neox' ? [...neoxFiles(training)] : []
  const file = argumentNamed(training.launch, 'config_file')?.values[0]
  if (file !== undefined && training.launcher === 'accelerate launch' && (format === null || ACCELERATED.has(format)))
    found.push(syntheticArgument('accelerate_config', file))
  const engine = argumentNamed(training.launch, 'deepspeed_config_file')?.values[0]
  if (format === 'open-instruct') found.push(syntheticArgument('launcher', training.place))
  if (engine !== undefined && format === 'open-instruct') found.push(syntheticArgument('deepspeed', engine))
  return found
}

/** A key that is there but hangs on an unset variable is not missing. */
function withoutExplained(findings: readonly Finding[], node: ArgumentNode): readonly Finding[] {
  const names = new Set(node.askedUnresolved().map(({ key }) => `\`${key.slice(key.lastIndexOf('.') + 1)}\``))
  return findings.filter(({ code, message }) => code !== 'missing-key' || !names.has(message.split(' ', 1)[0] ?? ''))
}

/** Where rows lie on the machine changes nothing but their number, which is said by itself. */
const DATA_FILE = /^data\.\w*files?$/

function unresolvedFindings(node: ArgumentNode, path: string): readonly Finding[] {
  return node
    .askedUnresolved()
    .filter(({ key }) => !DATA_FILE.test(key))
    .map(({ key, variables, line, column }) => unresolvedFinding(path, key, { unresolved: variables, line, column }))
}

function sweptFindings({ command }: TrainingCommand, path: string): readonly Finding[] {
  return command.sweeps.map(({ variable, values, taken, line, column }) => {
    const message = `\`${variable}\` steps through ${values.slice(0, 8).join(', ')}; read with ${taken}.`
    return finding('swept-values', { path, line, column, message })
  })
}

function unread({ training, document }: Launch, message: string): RunDraft {
  const { line, column } = training.place
  return {
    name: null,
    draft: {},
    findings: [finding('unsupported-format', { path: document.path, line, column, message })],
  }
}
