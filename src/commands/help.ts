import { VERSION } from '../version.ts'
import type { Command } from './command.ts'

export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    `preflop ${VERSION}: know the bill before the first floating-point operation.`,
    '',
    'Usage: preflop COMMAND [ARGUMENTS] [OPTIONS]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Example: preflop estimate configs/sft.yml --gpu a100-80gb',
    'Help on one command: preflop COMMAND --help; the version: preflop --version',
    'Exit codes: 0 pass or warn, 1 a gate failed, 2 usage or configuration error, 3 internal error.',
    '',
  ].join('\n')
}

export function commandHelp({ name, summary, usage, options, examples }: Command): string {
  const rows = Object.entries(options).map(
    ([option, { value, help }]) => [`--${option}${value ? ` ${value}` : ''}`, help] as const,
  )
  const width = Math.max(0, ...rows.map(([flag]) => flag.length))
  return [
    `preflop ${name}: ${summary}`,
    '',
    `Usage: preflop ${name} ${usage}`.trimEnd(),
    ...(rows.length > 0 ? ['', 'Options:', ...rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`)] : []),
    '',
    'Examples:',
    ...examples.map(example => `  preflop ${example}`),
    '',
  ].join('\n')
}
