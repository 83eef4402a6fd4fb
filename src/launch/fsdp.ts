import type { Fields } from '../formats/fields.ts'
import { byDefault, type MutablePlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { rowOf } from '../plan/row-of.ts'
import type { Engine } from './engine.ts'

interface FsdpDefaults {
  /** Version without `fsdp_version`: Axolotl and `accelerate launch` 1, transformers 5 its own. */
  readonly version: Sourced<number>
  /** Wrapping without an auto-wrap policy. */
  readonly wrap: Sourced<'layers' | 'root'>
  /** `cpu_ram_efficient_loading`: rank 0 alone reads the checkpoint, into host memory. Absent: the trainer has no such switch. */
  readonly efficientLoading?: Sourced<boolean>
}

/** Trainers that hand their own block to transformers. */
export const LOADS_ON_EVERY_RANK: Sourced<boolean> = byDefault(
  false,
  'transformers 5.18 training_args.py: cpu_ram_efficient_loading false',
)

interface FsdpBlock {
  /** `fsdp_config`, with or without `fsdp_` before its keys. */
  readonly config: Fields | undefined
  /** `fsdp: full_shard auto_wrap …` as words; empty when it is only a block. */
  readonly words: Sourced<readonly string[]> | null
  readonly defaults: FsdpDefaults
}

/** Sharding strategies by name and by torch's number (accelerate 1.15 utils/constants.py FSDP_SHARDING_STRATEGY). */
const STRATEGIES: Readonly<Record<string, { shards: boolean; reshards: boolean; hybrid: boolean }>> = {
  full_shard: { shards: true, reshards: true, hybrid: false },
  '1': { shards: true, reshards: true, hybrid: false },
  shard_grad_op: { shards: true, reshards: false, hybrid: false },
  '2': { shards: true, reshards: false, hybrid: false },
  no_shard: { shards: false, reshards: false, hybrid: false },
  '3': { shards: false, reshards: false, hybrid: false },
  hybrid_shard: { shards: true, reshards: true, hybrid: true },
  '4': { shards: true, reshards: true, hybrid: true },
  hybrid_shard_zero2: { shards: true, reshards: false, hybrid: true },
  '5': { shards: true, reshards: false, hybrid: true },
}

/** Reads FSDP settings of any spelling (transformers 5.18 _process_fsdp_args, accelerate 1.15 FullyShardedDataParallelPlugin). */
export function readFsdp({ config, words, defaults }: FsdpBlock): Engine {
  const key = (name: string): string | undefined =>
    config && [`fsdp_${name}`, name].find(spelling => config.isSet(spelling))
  const text = (name: string): Sourced<string> | undefined => {
    const spelling = key(name)
    if (spelling === undefined) return undefined
    const scalar = config?.raw(spelling)?.scalar
    return typeof scalar === 'boolean' ? config?.sourced(spelling, String(scalar)) : config?.string(spelling)
  }
  const bool = (name: string): Sourced<boolean> | undefined => {
    const spelling = key(name)
    return spelling === undefined ? undefined : config?.boolean(spelling)
  }
  const versionKey = key('version')
  const version = (versionKey && config?.integer(versionKey, { min: 1, max: 2 })) || defaults.version
  const strategy = readStrategy(text, words)
  const kind = version.value === 2 ? 'fsdp2' : 'fsdp1'
  const draft: MutablePlanDraft = {
    'parallelism.data': { ...version, value: strategy.value.shards ? kind : 'ddp' },
    'parallelism.reshardAfterForward': { ...strategy, value: strategy.value.reshards },
  }
  if (strategy.value.hybrid)
    draft['parallelism.shardSize'] = facts => ({
      ...strategy,
      value: facts.gpusPerNode,
      note: 'hybrid sharding: one copy per node',
    })
  const offload = bool('offload_params') ?? bool('cpu_offload') ?? wordOf(words, 'offload')
  draft['parallelism.offload'] = offload
    ? { ...offload, value: offload.value ? 'parameters_and_optimizer' : 'none' }
    : { value: 'none', from: 'default', note: 'FSDP: cpu_offload is off' }
  draft['parallelism.wrap'] = readWrap(text('auto_wrap_policy'), words, defaults.wrap)
  const efficient = bool('cpu_ram_efficient_loading') ?? defaults.efficientLoading
  if (efficient) draft['parallelism.loadsWhole'] = { ...efficient, value: !efficient.value }
  const checkpointing = bool('activation_checkpointing')
  if (checkpointing?.value) {
    draft.gradientCheckpointing = { ...checkpointing, value: 'full' }
    draft.checkpointingReentrant = { ...checkpointing, value: false, note: 'FSDP wrapper: non-re-entrant' }
  }
  return { kind: 'fsdp', draft, mixedPrecision: null, masterWeights: false }
}

interface Strategy {
  readonly shards: boolean
  readonly reshards: boolean
  readonly hybrid: boolean
}

function readStrategy(
  text: (name: string) => Sourced<string> | undefined,
  words: Sourced<readonly string[]> | null,
): Sourced<Strategy> {
  const named = text('sharding_strategy') ?? strategyWord(words)
  const row = named && rowOf(STRATEGIES, named.value.toLowerCase())
  const base: Strategy = row || { shards: true, reshards: true, hybrid: false }
  const reshard = text('reshard_after_forward')
  if (reshard) {
    const strategy = rowOf(STRATEGIES, reshard.value.toLowerCase())
    return strategy
      ? { ...reshard, value: strategy }
      : { ...reshard, value: { ...base, reshards: /^(true|yes|on|1)$/i.test(reshard.value) } }
  }
  return named
    ? { ...named, value: base }
    : { value: base, from: 'default', note: 'FSDP: FULL_SHARD (accelerate 1.15 utils/dataclasses.py)' }
}

function strategyWord(words: Sourced<readonly string[]> | null): Sourced<string> | undefined {
  const word = words?.value.find(candidate => Object.hasOwn(STRATEGIES, candidate.toLowerCase()))
  return words && word ? { ...words, value: word } : undefined
}

function wordOf(words: Sourced<readonly string[]> | null, word: string): Sourced<boolean> | undefined {
  return words?.value.includes(word) ? { ...words, value: true } : undefined
}

function readWrap(
  policy: Sourced<string> | undefined,
  words: Sourced<readonly string[]> | null,
  fallback: Sourced<'layers' | 'root'>,
): Sourced<'layers' | 'root'> {
  if (policy) return { ...policy, value: /^(no_wrap|none)$/i.test(policy.value) ? 'root' : 'layers' }
  return words?.value.includes('auto_wrap') ? { ...words, value: 'layers' } : fallback
}

/** `fsdp: full_shard auto_wrap`, a list of the words, or a bare true. null: FSDP is off. */
export function fsdpWords(fields: Fields, key: string): Sourced<readonly string[]> | null {
  const node = fields.raw(key)
  if (node === undefined || node.scalar === false || node.scalar === '') return null
  if (node.kind === 'scalar') {
    if (node.scalar === null) return null
    const words =
      node.scalar === true
        ? []
        : String(node.scalar)
            .split(/[\s,]+/)
            .filter(Boolean)
    return fields.sourced(key, words)
  }
  const words = fields.strings(key)
  return words && words.value.length > 0 ? words : null
}
