import { parseArgs } from 'node:util'
import { nearestKey } from '../plan/nearest-key.ts'
import { VERSION } from '../version.ts'
import { calibrateCommand } from './calibrate.ts'
import { gpusCommand, modelsCommand, pricesCommand } from './catalogues.ts'
import { type Command, type CommandIo, EXIT, UsageError } from './command.ts'
import { diffCommand } from './diff.ts'
import { checkCommand, estimateCommand } from './estimate.ts'
import { explainCommand } from './explain.ts'
import { fitCommand } from './fit.ts'
import { commandHelp, generalHelp } from './help.ts'
import { initCommand } from './init.ts'
import { schemaCommand } from './schema.ts'

const COMMANDS: readonly Command[] = [
  estimateCommand,
  checkCommand,
  diffCommand,
  explainCommand,
  fitCommand,
  gpusCommand,
  pricesCommand,
  modelsCommand,
  calibrateCommand,
  initCommand,
  schemaCommand,
]

/** Runs the CLI; the exit code of DESIGN §6. */
export async function runCli(args: readonly string[], io: CommandIo = processIo()): Promise<number> {
  const [name, ...rest] = args
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      io.out(generalHelp(COMMANDS))
      return name === undefined ? EXIT.usage : EXIT.ok
    }
    const command = COMMANDS.find(candidate => candidate.name === name)
    if (!command) {
      const names = COMMANDS.map(candidate => candidate.name)
      const near = nearestKey(name, names)
      throw new UsageError(
        `\`${name}\` is not a command.${near ? ` Did you mean \`${near}\`?` : ''} \`preflop --help\` lists them.`,
      )
    }
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
    const [problem] = (error instanceof Error ? error.message : String(error)).split(/\.(?: |$)/)
    throw new UsageError(`${problem}. \`preflop ${command.name} --help\` shows the options.`)
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
