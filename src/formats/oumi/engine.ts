import { readDeepSpeed } from '../../launch/deepspeed.ts'
import type { Engine } from '../../launch/engine.ts'
import { readFsdp } from '../../launch/fsdp.ts'
import { byDefault } from '../../plan/plan-draft.ts'
import type { ConfigNode, Scalar } from '../config-document.ts'
import { Fields } from '../fields.ts'
import { type CompanionScope, openCompanion } from '../hugging-face/companions.ts'
import type { Loop } from './trainers.ts'

const FSDP = 'Oumi @d8ed077 src/oumi/core/configs/params/fsdp_params.py'
const DISTRIBUTED = 'Oumi @d8ed077 src/oumi/core/distributed.py'

/** `fsdp` of a run, handed to Accelerate through its variables, or to torch by Oumi's own loop. null: off. */
export function fsdpOf(fsdp: Fields, training: Fields, loop: Loop): Engine | null {
  if (fsdp.boolean('enable_fsdp')?.value !== true) return null
  const engine = readFsdp({
    config: fsdp,
    words: null,
    defaults: {
      version: byDefault(1, `${DISTRIBUTED} get_accelerate_env_vars: FSDP1`),
      wrap: byDefault('root', `${FSDP}: auto_wrap_policy NO_WRAP`),
    },
  })
  const mixed = fsdp.string('mixed_precision')
  const dtype = mixed && (mixed.value === 'fp16' ? 'float16' : 'bfloat16')
  if (loop === 'oumi')
    return {
      ...engine,
      kind: 'plain',
      draft: {
        ...engine.draft,
        ...(mixed && dtype
          ? {
              'precision.compute': { ...mixed, value: dtype },
              'precision.autocast': { ...mixed, value: false, note: 'FSDP gathers parameters in 16 bit' },
            }
          : {}),
        'parallelism.noSync': byDefault(false, 'Oumi @d8ed077 core/trainers/oumi_trainer.py: FSDP reduces every step'),
      },
    }
  const recomputes = training.boolean('enable_gradient_checkpointing')
  return {
    ...engine,
    draft: {
      ...engine.draft,
      ...(recomputes?.value
        ? {
            checkpointingReentrant: byDefault(
              false,
              `${DISTRIBUTED} prepare_accelerate_fsdp_run: Accelerate’s wrapper`,
            ),
          }
        : {}),
    },
    mixedPrecision: mixed && dtype ? { ...mixed, value: dtype } : null,
  }
}

/** Keys of `deepspeed` that stand in `zero_optimization` under the same name (deepspeed_params.py to_deepspeed). */
const ZERO_KEYS = [
  'allgather_bucket_size',
  'reduce_bucket_size',
  'stage3_prefetch_bucket_size',
  'stage3_param_persistence_threshold',
  'stage3_max_live_parameters',
  'sub_group_size',
  'overlap_comm',
  'offload_optimizer',
  'offload_param',
] as const

/** `deepspeed` as the file or the settings it stands for; 16 bit follows the run's own mixed precision. null: off. */
export async function deepSpeedEngine(deepspeed: Fields, scope: CompanionScope): Promise<Engine | null> {
  if (deepspeed.boolean('enable_deepspeed')?.value !== true) return null
  const file = deepspeed.string('deepspeed_config_path')
  if (file) {
    const root = await openCompanion(scope, file)
    return root ? readDeepSpeed(new Fields({ node: root, findings: scope.findings, from: 'launch' })) : null
  }
  const { node } = deepspeed
  const stage = /[0-3]$/.exec(deepspeed.string('zero_stage')?.value ?? '0')?.[0]
  const zero = new Map<string, ConfigNode>([
    ['overlap_comm', scalarAt(node, false)],
    ['stage', scalarAt(node.entries.get('zero_stage') ?? node, Number(stage ?? 0))],
  ])
  for (const key of ZERO_KEYS) {
    const own = deepspeed.raw(key)
    if (own !== undefined) zero.set(key, key.startsWith('offload_') ? withDevice(own) : own)
  }
  const settings = { ...node, entries: new Map([['zero_optimization', { ...node, entries: zero }]]) }
  return readDeepSpeed(new Fields({ node: settings, findings: scope.findings }))
}

/** `OffloadConfig.device` is the CPU when absent. */
function withDevice(node: ConfigNode): ConfigNode {
  if (node.kind !== 'mapping') return node
  return { ...node, entries: new Map([['device', scalarAt(node, 'cpu')], ...node.entries]) }
}

function scalarAt(place: ConfigNode, scalar: Scalar): ConfigNode {
  return { ...place, kind: 'scalar', scalar, items: [], entries: new Map() }
}
