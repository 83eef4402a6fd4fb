import { ALLOCATOR_VARIABLES } from './allocator-settings.ts'
import { argumentNamed, type LaunchArguments, splitArguments } from './launch-arguments.ts'
import { LAUNCHERS, type Launcher, type LauncherName, MODULE_FLAGS } from './launchers.ts'
import type { ShellCommand, ShellWord } from './shell/shell-word.ts'
import { NOT_TRAINING, TRAINER_PROGRAMS, type TrainerProgram } from './trainer-programs.ts'
import { unwrapped } from './wrapped-command.ts'

/** Variables that say how many processes run, which GPUs they see, how large images are, or how torch allocates. */
export const LAUNCH_VARIABLES = [
  'CUDA_VISIBLE_DEVICES',
  'NPROC_PER_NODE',
  'NNODES',
  'GPUS_PER_NODE',
  'NUM_GPUS',
  'WORLD_SIZE',
  'FORCE_TORCHRUN',
  'CONFIG_FILE',
  'NGPU',
  'MAX_PIXELS',
  'VIDEO_MAX_PIXELS',
  'FPS_MAX_FRAMES',
  'IMAGE_MAX_TOKEN_NUM',
  'MAX_NUM',
  ...ALLOCATOR_VARIABLES,
] as const

/** A command that trains. */
export interface TrainingCommand {
  readonly command: ShellCommand
  readonly launcher: LauncherName
  /** The word that names the launcher or program. */
  readonly place: ShellWord
  /** Options of the launcher itself. */
  readonly launch: LaunchArguments
  readonly program: string
  readonly trainer: TrainerProgram
  readonly arguments: LaunchArguments
  /** The config file named, if any. */
  readonly config: ShellWord | null
}

const CONSOLE_SCRIPTS = new Set([
  ...['swift', 'megatron', 'trl', 'llamafactory-cli', 'lmf', 'axolotl', 'litgpt', 'automodel', 'ludwig', 'autotrain'],
  'oumi',
])

/** Words that start another command given after them. */
const PREFIXES = new Set([
  ...[
    'srun',
    'sbatch',
    'nohup',
    'time',
    'exec',
    'env',
    'sudo',
    'numactl',
    'nsys',
    'ncu',
    'uv',
    'poetry',
    'conda',
    'pdm',
  ],
  ...[
    'pixi',
    'ray',
    'singularity',
    'apptainer',
    'enroot',
    'docker',
    'mpirun',
    'mpiexec',
    'timeout',
    'stdbuf',
    'xvfb-run',
  ],
  ...[
    'coverage',
    'python-m',
    'command',
    'setsid',
    'ssh',
    'pdsh',
    'sky',
    'colossalai',
    'rlaunch',
    'nice',
    'taskset',
    'then',
  ],
])

/** The training that a command starts; null for every other command. */
export function trainingCommand(written: ShellCommand): TrainingCommand | null {
  const command = unwrapped(written)
  const words = command.words.slice(0, 4096)
  const script = scriptOfUv(words)
  if (script > 0) return scriptCommand(command, words, script)
  const start = startOf(words)
  if (start < 0) {
    const program = programOfScript(words)
    return program < 0 ? null : scriptCommand(command, words, program)
  }
  const launcher = LAUNCHERS.find(({ words: names }) => endOfNames(words, start, names) !== null)
  const after = launcher && endOfNames(words, start, launcher.words)
  if (launcher === undefined || after == null)
    return consoleCommand({ command, words, start, launcher: 'command', launch: NO_ARGUMENTS })
  const place = words[start]
  const options = launcherOptions(words, after, launcher)
  const launch = splitArguments(options.launch)
  const target = words[options.next]
  if (place === undefined) return null
  if (launcher.name === 'tune run') {
    const rest = words.slice(after)
    return known({ command, launcher: launcher.name, place, launch, program: 'tune run', words: rest })
  }
  if (options.module !== null) {
    return known({
      command,
      launcher: launcher.name,
      place,
      launch,
      program: options.module.text,
      words: words.slice(options.next),
    })
  }
  if (target === undefined) return null
  if (CONSOLE_SCRIPTS.has(baseName(target)))
    return consoleCommand({ command, words, start: options.next, launcher: launcher.name, launch })
  return known({
    command,
    launcher: launcher.name,
    place,
    launch,
    program: target.text,
    words: words.slice(options.next + 1),
  })
}

/** `uv run script.py`: uv starts the interpreter. */
function scriptOfUv(words: readonly ShellWord[]): number {
  if (words[0]?.text !== 'uv' || words[1]?.text !== 'run') return -1
  const first = words.findIndex(({ text }, index) => index > 1 && !text.startsWith('-'))
  return /\.py$/.test(words[first]?.text ?? '') ? first : -1
}

/** `srun ./launch.sh pretrain_gpt.py …`: a script for each task that hands its words to the interpreter. */
function programOfScript(words: readonly ShellWord[]): number {
  const script = words.findIndex(({ text }) => /\.sh$/.test(text))
  return script >= 0 && /\.py$/.test(words[script + 1]?.text ?? '') ? script + 1 : -1
}

function scriptCommand(command: ShellCommand, words: readonly ShellWord[], at: number): TrainingCommand | null {
  const place = words[at]
  if (place === undefined) return null
  const rest = words.slice(at + 1)
  return known({ command, launcher: 'python', place, launch: NO_ARGUMENTS, program: place.text, words: rest })
}

const NO_ARGUMENTS: LaunchArguments = { named: [], positional: [] }

function startOf(words: readonly ShellWord[]): number {
  const first = baseName(words[0])
  if (isStart(first)) return 0
  if (!PREFIXES.has(first)) return -1
  return words.findIndex(word => isStart(baseName(word)))
}

function isStart(name: string): boolean {
  return (
    CONSOLE_SCRIPTS.has(name) ||
    LAUNCHERS.some(({ words }) => words[0] === name) ||
    /^run_(?:llama_)?train\.sh$/.test(name)
  )
}

/** Options of the interpreter that may stand before its `-m`: `python -u -m torch.distributed.run`. */
const INTERPRETER_OPTION = /^-[uOBIsES]+$/

/** Index after a launcher's names; null: the words at `start` are not them. */
function endOfNames(words: readonly ShellWord[], start: number, names: readonly string[]): number | null {
  let at = start
  for (const name of names) {
    while (name === '-m' && INTERPRETER_OPTION.test(words[at]?.text ?? '')) at++
    const word = words[at++]
    if ((name === names[0] ? baseName(word) : word?.text) !== name) return null
  }
  return at
}

/** The program's own name, behind a folder or an unset variable that holds one (`${CONDA_BIN}python`). */
function baseName(word: ShellWord | undefined): string {
  if (word === undefined) return ''
  const unset = word.unresolved.find(name => word.text.startsWith(`$${name}`))
  const text = unset === undefined ? word.text : word.text.slice(unset.length + 1)
  const name = text.split('/').at(-1) ?? text
  return /^python(?:3(?:\.\d+)?)?$/.test(name) ? 'python' : name
}

interface LauncherOptions {
  readonly launch: readonly ShellWord[]
  readonly module: ShellWord | null
  /** Index of the program, or of the first word after the module. */
  readonly next: number
}

function launcherOptions(words: readonly ShellWord[], from: number, { bare }: Launcher): LauncherOptions {
  let at = from
  for (; at < words.length; at++) {
    const word = words[at]
    if (word === undefined || !/^-/.test(word.text)) break
    const name = word.text.replace(/^--?/, '').replaceAll('-', '_')
    if (name === '') continue
    if (MODULE_FLAGS.includes(name))
      return { launch: words.slice(from, at), module: words[at + 1] ?? null, next: at + 2 }
    if (!name.includes('=') && !bare.has(name)) at++
  }
  return { launch: words.slice(from, at), module: null, next: at }
}

interface ConsoleCommand {
  readonly command: ShellCommand
  readonly words: readonly ShellWord[]
  readonly start: number
  readonly launcher: LauncherName
  readonly launch: LaunchArguments
}

function consoleCommand({ command, words, start, launcher, launch }: ConsoleCommand): TrainingCommand | null {
  const place = words[start]
  if (place === undefined) return null
  const name = baseName(place)
  const next = words[start + 1]?.text ?? ''
  const hasSubcommand = /^[a-z]\w*$/.test(next) && name !== 'autotrain'
  const program = hasSubcommand ? `${name} ${next}` : name
  return known({ command, launcher, place, launch, program, words: words.slice(start + (hasSubcommand ? 2 : 1)) })
}

interface Candidate extends Omit<TrainingCommand, 'trainer' | 'arguments' | 'config'> {
  readonly words: readonly ShellWord[]
}

function known({ words, ...candidate }: Candidate): TrainingCommand | null {
  const given = splitArguments(words)
  for (const trainer of TRAINER_PROGRAMS) {
    if (!trainer.program.test(candidate.program)) continue
    const config = configOf(trainer, candidate, given)
    if (trainer.requires !== undefined && NOT_TRAINING.test(candidate.program)) continue
    if (!requirementsMet(trainer, given, config)) continue
    const { starts } = trainer
    if (starts !== undefined && !given.positional.some(({ text }) => starts.test(text))) return null
    return { ...candidate, trainer, arguments: given, config }
  }
  return null
}

function requirementsMet({ requires = [] }: TrainerProgram, given: LaunchArguments, config: ShellWord | null): boolean {
  return requires.every(group =>
    group[0] === '<config file>' ? config !== null : argumentNamed(given, ...group) !== undefined,
  )
}

function configOf(
  trainer: TrainerProgram,
  candidate: Pick<Candidate, 'command'>,
  given: LaunchArguments,
): ShellWord | null {
  const flags = trainer.configFlags.map(flag => flag.replaceAll('-', '_'))
  const named = argumentNamed(given, ...flags)?.values[0]
  if (named !== undefined) return named
  const positional = trainer.positionalConfig
    ? given.positional.find(({ text }) => /\.(?:ya?ml|jsonc?|toml)$/i.test(text))
    : undefined
  if (positional !== undefined) return positional
  return trainer.format === 'torchtitan' ? (candidate.command.environment.get('CONFIG_FILE') ?? null) : null
}
