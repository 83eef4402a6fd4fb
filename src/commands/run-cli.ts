import { parseArgs } from 'node:util'
import { nearestKey } from '../plan/nearest-key.ts'
import { VERSION } from '../version.ts'
import { type Command, type CommandIo, EXIT, UsageError } from './command.ts'
import { commandHelp, generalHelp } from './help.ts'

/** Subcommands load only when they run. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  estimate: async () => (await import('./estimate.ts')).estimateCommand,
  check: async () => (await import('./estimate.ts')).checkCommand,
  diff: async () => (await import('./diff.ts')).diffCommand,
  explain: async () => (await import('./explain.ts')).explainCommand,
  fit: async () => (await import('./fit.ts')).fitCommand,
  gpus: async () => (await import('./catalogues.ts')).gpusCommand,
  prices: async () => (await import('./catalogues.ts')).pricesCommand,
  models: async () => (await import('./catalogues.ts')).modelsCommand,
  calibrate: async () => (await import('./calibrate.ts')).calibrateCommand,
  init: async () => (await import('./init.ts')).initCommand,
  schema: async () => (await import('./schema.ts')).schemaCommand,
}

/** Runs the CLI; the exit code of DESIGN §6. */
export async function runCli(args: readonly string[], io: CommandIo = processIo()): Promise<number> {
  const [name, ...rest] = args
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      io.out(generalHelp(await Promise.all(Object.values(COMMANDS).map(load => load()))))
      return name === undefined ? EXIT.usage : EXIT.ok
    }
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!load) {
      const near = nearestKey(name, Object.keys(COMMANDS))
      throw new UsageError(
        `\`${name}\` is not a command.${near ? ` Did you mean \`${near}\`?` : ''} \`preflop --help\` lists them.`,
      )
    }
    const command = await load()
    if (rest.includes('--help') || rest.includes('-h')) {
      io.out(commandHelp(command))
      return EXIT.ok
    }
    const { values, positionals } = parse(command, rest)
    return await command.run({ values, positionals, io })
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`preflop: ${error.message}\n`)
      return EXIT.usage
    }
    io.err(
      `preflop ${VERSION}: internal error, please report it with the input that caused it.\n${error instanceof Error ? error.stack : String(error)}\n`,
    )
    return EXIT.internal
  }
}

function parse(command: Command, args: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(command.options).map(
      ([name, { type, multiple }]) => [name, { type, multiple: multiple ?? false }] as const,
    ),
  )
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(
      `${error instanceof Error ? error.message : String(error)} \`preflop ${command.name} --help\` shows the options.`,
    )
  }
}

function processIo(): CommandIo {
  // a reader such as `head` may close the pipe early
  process.stdout.on('error', error => {
    if ('code' in error && error.code === 'EPIPE') process.exit(EXIT.ok)
    throw error
  })
  return {
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
    columns: process.stdout.columns ?? 100,
    isTerminal: process.stdout.isTTY ?? false,
    folder: process.cwd(),
    today: new Date().toISOString().slice(0, 10),
    environment: process.env,
    async readStandardInput() {
      const chunks: Buffer[] = []
      for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk))
      return Buffer.concat(chunks).toString('utf8')
    },
  }
}
