import type { ConfigDocument, ConfigNode } from '../formats/config-document.ts'
import type { ReadContext } from '../formats/reader.ts'
import { argumentNamed } from './launch-arguments.ts'
import type { TrainingCommand } from './training-command.ts'

/**
 * The mapping that `--config-path` and `--config-name` of a Hydra program name, when it lies in the repository: the
 * command's assignments are laid over it. Its own `defaults:` groups are the framework's, which the reader knows.
 */
export async function hydraConfig(
  training: TrainingCommand,
  document: ConfigDocument,
  context: ReadContext,
): Promise<ConfigNode | undefined> {
  const folder = argumentNamed(training.arguments, 'config_path', 'config_dir')?.values[0]
  const name = argumentNamed(training.arguments, 'config_name')?.values[0]
  if (folder === undefined || name === undefined) return undefined
  if (folder.unresolved.length + name.unresolved.length > 0) return undefined
  const file = name.text.replace(/\.ya?ml$/, '')
  const found = await context.open(`${folder.text.replace(/\/+$/, '')}/${file}.yaml`, document)
  const root = found?.roots[0]
  return root?.kind === 'mapping' ? root : undefined
}
