import type { ShellCommand, ShellWord } from './shell/shell-word.ts'

/**
 * The command that a wrapper starts: `oumi distributed torchrun …` names all GPUs of its nodes itself (Oumi @d8ed077
 * src/oumi/cli/distributed_run.py); see {@link insideMason} for the other.
 */
export function unwrapped(command: ShellCommand): ShellCommand {
  const [program, wrapper, launcher, ...rest] = command.words
  if (program?.text !== 'oumi' || wrapper?.text !== 'distributed' || launcher === undefined) return insideMason(command)
  const everyGpu = [
    { ...launcher, text: '--nproc_per_node' },
    { ...launcher, text: 'gpu' },
  ]
  return { ...command, words: [launcher, ...(launcher.text === 'torchrun' ? everyGpu : []), ...rest] }
}

/**
 * The command inside a wrapper that is not a launcher: `mason.py … -- COMMAND` of open-instruct, which starts the
 * command on each of its nodes and multiplies `--num_processes` itself (open-instruct @e6c3044 mason.py). The command
 * itself when there is no such wrapper.
 */
function insideMason(command: ShellCommand): ShellCommand {
  const { words } = command
  const wrapper = words.findIndex(({ text }) => /(?:^|\/)mason\.py$/.test(text))
  const separator = words.findIndex(({ text }, index) => index > wrapper && text === '--')
  if (wrapper < 0 || separator < 0) return command
  const nodes = optionValue(words.slice(wrapper, separator), '--num_nodes')
  const inner = lastCommand(words.slice(separator + 1))
  const count = Number(nodes?.text ?? 1)
  const isSpread = nodes !== undefined && Number.isInteger(count) && count > 1
  return { ...command, words: isSpread ? overNodes(inner, nodes, count) : inner }
}

/** `-- source setup.sh \\&\\& python train.py`: set-up first, the training last. */
function lastCommand(words: readonly ShellWord[]): readonly ShellWord[] {
  const joint = words.findLastIndex(({ text }) => text.startsWith('&&'))
  const [first, ...rest] = words.slice(Math.max(0, joint))
  if (joint < 0 || first === undefined) return words
  return first.text === '&&' ? rest : [{ ...first, text: first.text.slice(2) }, ...rest]
}

function overNodes(words: readonly ShellWord[], nodes: ShellWord, count: number): readonly ShellWord[] {
  const flag = words.findIndex(({ text }) => text === '--num_processes')
  const processes = words[flag + 1]
  if (flag < 0 || processes === undefined || !/^\d{1,6}$/.test(processes.text)) return words
  const total = { ...processes, text: String(Number(processes.text) * count) }
  return [...words.slice(0, flag + 1), total, { ...nodes, text: '--num_machines' }, nodes, ...words.slice(flag + 2)]
}

function optionValue(words: readonly ShellWord[], flag: string): ShellWord | undefined {
  const index = words.findIndex(({ text }) => text === flag)
  return index < 0 ? undefined : words[index + 1]
}
