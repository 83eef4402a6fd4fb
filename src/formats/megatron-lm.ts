import { blockAllocator } from '../launch/allocator-settings.ts'
import type { Finding } from '../plan/finding.ts'
import type { ConfigNode } from './config-document.ts'
import { MEGATRON_KEYS, megatronFields, normaliseArguments, readMegatronArguments } from './megatron-arguments.ts'
import type { FormatReader, RunDraft } from './reader.ts'

const SHAPE = ['tensor_model_parallel_size', 'num_layers', 'micro_batch_size']
const SIZE = ['hidden_size', 'global_batch_size', 'train_iters', 'train_samples']

/** Megatron-LM arguments: a `MODEL_ARGS:` mapping, or the arguments of a command as one mapping. */
export const megatronLmReader: FormatReader = {
  format: 'megatron-lm',
  keys: MEGATRON_KEYS,
  recognise: ({ roots }) => roots.some(root => argumentsOf(root) !== undefined),
  async read(document) {
    const runs: RunDraft[] = []
    for (const root of document.roots) {
      const node = argumentsOf(root) ?? (document.roots.length === 1 ? root : undefined)
      if (node === undefined) continue
      const findings: Finding[] = []
      const read = readMegatronArguments(megatronFields(node, findings), findings)
      const draft = { ...read, ...blockAllocator(root.entries.get('ENV_VARS')) }
      runs.push({ name: null, draft, findings })
    }
    return { runs, findings: [] }
  },
}

function argumentsOf(root: ConfigNode): ConfigNode | undefined {
  const wrapped = root.entries.get('MODEL_ARGS')
  const node = wrapped?.kind === 'mapping' ? wrapped : root
  const dashed = [...node.entries.keys()].some(key => key.startsWith('--'))
  if (!dashed) return undefined
  const names = normaliseArguments(node).entries
  return SHAPE.some(key => names.has(key)) && SIZE.some(key => names.has(key)) ? node : undefined
}
