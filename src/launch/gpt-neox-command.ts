import type { LaunchArgument } from './launch-arguments.ts'
import type { TrainingCommand } from './training-command.ts'

/** `deepy.py train.py -d FOLDER a.yml b`: the files as named arguments, which GPT-NeoX's reader merges. */
export function neoxFiles({ arguments: given }: TrainingCommand): readonly LaunchArgument[] {
  const flag = given.named.find(({ key }) => key === 'd' || key === 'conf_dir')
  const [folder, ...after] = flag?.values ?? []
  const files = [...given.positional.filter(({ text }) => !/\.py$/.test(text)), ...after]
  const [first] = files
  if (first === undefined) return []
  return [
    { key: 'conf_files', flag: first, values: files, style: 'flag' },
    ...(folder === undefined ? [] : [{ key: 'conf_dir', flag: folder, values: [folder], style: 'flag' as const }]),
  ]
}
