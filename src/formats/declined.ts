import { finding } from '../plan/finding-texts.ts'
import { type ConfigNode, hasAnyKey } from './config-document.ts'
import type { FormatReader } from './reader.ts'

const MAXTEXT_KEYS = ['base_emb_dim', 'base_num_decoder_layers', 'per_device_batch_size', 'max_target_length'] as const
const LEVANTER_KEYS = [
  'mp',
  'train_batch_size',
  'num_train_steps',
  'per_device_parallelism',
  'model_axis_size',
] as const

/** Trainers on JAX and XLA: their memory is planned by a compiler, which Preflop does not model. */
export const DECLINED_READERS: readonly FormatReader[] = [
  declined(
    'maxtext',
    'MaxText',
    root =>
      (hasAnyKey(root, ...MAXTEXT_KEYS) && !hasAnyKey(root, 'model_name_or_path', 'output_dir')) ||
      /(^|\/)base\.yml$/.test(String(root.entries.get('base_config')?.scalar ?? '')),
  ),
  declined('levanter', 'Levanter', root => hasAnyKey(root.entries.get('trainer'), ...LEVANTER_KEYS)),
]

function declined(format: string, name: string, matches: (root: ConfigNode) => boolean): FormatReader {
  return {
    format,
    keys: [],
    recognise: ({ roots }) => roots.some(matches),
    async read({ path }) {
      const message = `${name} trains with JAX and XLA, which plans memory itself; Preflop does not estimate it.`
      return { runs: [], findings: [finding('unsupported-format', { path, line: 1, column: 1, message })] }
    },
  }
}
