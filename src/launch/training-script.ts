import type { ConfigDocument } from '../formats/config-document.ts'
import type { ReadContext } from '../formats/reader.ts'
import { readSchedulerDirectives, type SchedulerRequest } from './scheduler-directives.ts'
import { readShellCommands, type ShellReading } from './shell/shell-commands.ts'
import type { ShellSource } from './shell/shell-source.ts'
import { LAUNCH_VARIABLES, type TrainingCommand, trainingCommand } from './training-command.ts'

/** The training that a piece of shell text starts. */
export interface TrainingScript {
  readonly commands: readonly TrainingCommand[]
  readonly scheduler: SchedulerRequest
}

export interface ShellText {
  readonly path: string
  readonly text: string
  /** Places of the text, where it is not a file of its own. */
  readonly source?: ShellSource
  readonly variables?: Readonly<Record<string, string>>
}

const MAX_SOURCED = 8

/** Cheap: false for most scripts without reading them. */
export function mayTrain(text: string): boolean {
  return /train|finetune|fine_tune|sft|dpo|grpo|rlhf|kto|orpo|swift|megatron|llamafactory|axolotl|litgpt|tune run|torchrun|deepspeed|accelerate/.test(
    text,
  )
}

/** Reads the text alone. */
export function trainingScript(shell: ShellText, sources: Readonly<Record<string, string>> = {}): TrainingScript {
  const scheduler = readSchedulerDirectives(shell.path, shell.text)
  return { commands: commandsOf(reading(shell, scheduler, sources)), scheduler }
}

/** Reads the text with the files of the repository that it sources. */
export async function trainingScriptWithSources(
  shell: ShellText,
  document: ConfigDocument,
  context: ReadContext,
): Promise<TrainingScript> {
  const scheduler = readSchedulerDirectives(shell.path, shell.text)
  const sources: Record<string, string> = {}
  for (let opened = 0; opened <= MAX_SOURCED; opened++) {
    const read = reading(shell, scheduler, sources)
    const missing = read.sourced.find(path => !Object.hasOwn(sources, path))
    if (missing === undefined || opened === MAX_SOURCED) return { commands: commandsOf(read), scheduler }
    const file = /\.(?:sh|bash|env)$/.test(missing) ? await context.open(missing, document) : null
    sources[missing] = file?.text ?? ''
  }
  return { commands: [], scheduler }
}

function reading(
  shell: ShellText,
  scheduler: SchedulerRequest,
  sources: Readonly<Record<string, string>>,
): ShellReading {
  const variables = { ...scheduler.variables, ...shell.variables }
  return readShellCommands(shell.source ?? shell.text, { environment: LAUNCH_VARIABLES, variables, sources })
}

/** Commands that differ only in their launcher, such as the two branches of a debug switch, count once. */
function commandsOf(read: ShellReading): readonly TrainingCommand[] {
  const seen = new Set<string>()
  return read.commands.flatMap(command => {
    const training = trainingCommand(command)
    if (training === null) return []
    const words = training.arguments.named.map(
      ({ key, values }) => `${key}=${values.map(({ text }) => text).join(' ')}`,
    )
    const identity = [
      training.program.replace(/^\.\//, ''),
      ...words,
      ...training.arguments.positional.map(({ text }) => text),
    ].join('\n')
    if (seen.has(identity)) return []
    seen.add(identity)
    return [training]
  })
}
