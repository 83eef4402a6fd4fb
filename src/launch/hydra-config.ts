import type { ConfigDocument, ConfigNode } from '../formats/config-document.ts'
import { withoutInterpolations } from '../formats/dotted-fields.ts'
import type { ReadContext } from '../formats/reader.ts'
import { argumentNamed } from './launch-arguments.ts'
import type { TrainingCommand } from './training-command.ts'

/**
 * The mapping that a Hydra program starts from, when it lies in the repository: the file that `--config-path` and
 * `--config-name` name, else the one that a trainer kept in the repository has of itself, whose defaults are those of its
 * version. The command's assignments are laid over it. Its own `defaults:` groups are the framework's, which the reader knows.
 */
export async function hydraConfig(
  training: TrainingCommand,
  document: ConfigDocument,
  context: ReadContext,
): Promise<ConfigNode | undefined> {
  const folder = argumentNamed(training.arguments, 'config_path', 'config_dir')?.values[0]
  const name = argumentNamed(training.arguments, 'config_name')?.values[0]
  if ([folder, name].some(word => word !== undefined && word.unresolved.length > 0)) return undefined
  const file = name?.text.replace(/\.ya?ml$/, '') ?? ownConfigName(training.program)
  if (file === undefined) return undefined
  const under = (folder?.text ?? 'config').replace(/\/+$/, '')
  const own = `${folderOfProgram(training.program)}/${under}`
  const paths = [
    ...(folder === undefined ? [] : [`${under}/${file}.yaml`]),
    // composed of all groups, where verl keeps it
    `${own}/_generated_${file}.yaml`,
    `${own}/${file}.yaml`,
  ]
  for (const path of paths) {
    const root = (await context.open(path, document))?.roots[0]
    // the reader takes interpolations out as well, but not of arguments, which note what was asked for
    if (root?.kind === 'mapping') return withoutInterpolations(root)
  }
  return undefined
}

/** `@hydra.main(config_name=…)` of verl 0.9 trainer/*.py; `main_ppo` has `ppo_trainer`, and recipes follow it. */
const OWN_CONFIGS: readonly (readonly [program: RegExp, config: string])[] = [
  [/^main_(\w+)$/, '$1_trainer'],
  [/^fsdp_sft_trainer$/, 'sft_trainer'],
  [/^sft_trainer(?:_ray)?$/, 'sft_trainer_engine'],
]

function ownConfigName(program: string): string | undefined {
  const name = program.replace(/\.py$/, '').split(/[./]/).at(-1) ?? ''
  const own = OWN_CONFIGS.find(([pattern]) => pattern.test(name))
  return own && name.replace(...own)
}

/** A module or script as a folder: `verl.trainer.main_ppo` lies in `verl/trainer`. */
function folderOfProgram(program: string): string {
  const path = program.endsWith('.py') ? program : program.replaceAll('.', '/')
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) || '.'
}
