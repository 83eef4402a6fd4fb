import type { CommandIo } from '../../src/commands/command.ts'
import { runCli } from '../../src/commands/run-cli.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The CLI in this process, offline, in `folder`. */
export async function runCommand(args: readonly string[], folder = process.cwd(), input = ''): Promise<Ran> {
  let out = ''
  let err = ''
  const io: CommandIo = {
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
    columns: 120,
    isTerminal: false,
    folder,
    today: '2026-11-25',
    environment: { HF_HUB_OFFLINE: '1' },
    readStandardInput: async () => input,
  }
  return { code: await runCli(args, io), out, err }
}
