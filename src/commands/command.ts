/** One subcommand of the CLI. Machine output goes to `out`; everything else to `err`. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly usage: string
  readonly options: Readonly<Record<string, CommandOption>>
  readonly examples: readonly string[]
  run(input: CommandInput): Promise<number>
}

export interface CommandOption {
  readonly type: 'string' | 'boolean'
  readonly multiple?: boolean
  readonly value?: string
  readonly help: string
}

export interface CommandInput {
  readonly positionals: readonly string[]
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
  readonly io: CommandIo
}

/** The process as commands see it, so that tests can stand in. */
export interface CommandIo {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly columns: number
  readonly isTerminal: boolean
  readonly folder: string
  /** ISO date. */
  readonly today: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readStandardInput(): Promise<string>
}

/** What the user did wrong on the command line: exit code 2. */
export class UsageError extends Error {}

export const EXIT = { ok: 0, failed: 1, usage: 2, internal: 3 } as const

export function textOption(input: CommandInput, name: string): string | undefined {
  const value = input.values[name]
  return typeof value === 'string' ? value : undefined
}

export function textOptions(input: CommandInput, name: string): readonly string[] {
  const value = input.values[name]
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}

export function numberOption(input: CommandInput, name: string): number | undefined {
  const text = textOption(input, name)
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isFinite(number) || number < 0 || text.trim() === '')
    throw new UsageError(`--${name} is \`${text}\`; expected a number.`)
  return number
}
