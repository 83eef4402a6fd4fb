import { isAccelerateConfig, readAccelerate } from '../../launch/accelerate.ts'
import type { Engine } from '../../launch/engine.ts'
import { fsdpWords, LOADS_ON_EVERY_RANK, readFsdp } from '../../launch/fsdp.ts'
import type { PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { BufferPlan } from '../../plan/training-plan.ts'
import type { Offload } from '../../plan/vocabulary.ts'
import { Fields } from '../fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf, openCompanion } from '../hugging-face/companions.ts'

const OWN_SIZES: BufferPlan = {
  reduceBucketElements: null,
  allgatherBucketElements: null,
  prefetchBucketElements: null,
  persistenceThresholdElements: null,
  maxLiveParameters: null,
  subGroupElements: null,
  overlapComm: false,
  ddpBucketBytes: null,
  gradientAsBucketView: false,
}
const STAGE_1_2_BUFFERS: BufferPlan = { ...OWN_SIZES, reduceBucketElements: 2e8, allgatherBucketElements: 2e8 }
const STAGE_3_BUFFERS: BufferPlan = {
  ...OWN_SIZES,
  reduceBucketElements: 'auto',
  prefetchBucketElements: 'auto',
  persistenceThresholdElements: 'auto',
  maxLiveParameters: 1e9,
  subGroupElements: 1e9,
}

/** swift/config/*.json: zero0 … zero3, zero2_offload, zero3_offload. */
function packagedDeepSpeed(name: Sourced<string>): Engine | null {
  const match = /^zero([0-3])(_offload)?$/.exec(name.value)
  if (!match) return null
  const data = { '0': 'ddp', '1': 'zero1', '2': 'zero2', '3': 'zero3' } as const
  const stage = match[1] === '0' || match[1] === '1' || match[1] === '2' ? match[1] : '3'
  const offload: Offload = match[2] ? (stage === '3' ? 'parameters_and_optimizer' : 'optimizer') : 'none'
  const note = `ms-swift 4.6 swift/config/${name.value}.json`
  const draft: PlanDraft = {
    'parallelism.data': { ...name, value: data[stage], note },
    'parallelism.offload': { ...name, value: offload, note },
    buffers: { ...name, value: stage === '3' ? STAGE_3_BUFFERS : STAGE_1_2_BUFFERS, note },
  }
  return { kind: 'deepspeed', draft, mixedPrecision: null, masterWeights: true }
}

/** DeepSpeed, FSDP or Accelerate by packaged name, path or mapping. */
export async function engineOf(fields: Fields, scope: CompanionScope): Promise<Engine | null> {
  const deepspeed = await deepSpeedOf(fields, scope, packagedDeepSpeed)
  if (deepspeed) return deepspeed
  const name = fields.isSet('fsdp') && fields.raw('fsdp')?.kind === 'scalar' ? fields.string('fsdp') : undefined
  if (!name) return accelerateOf(fields, scope, ['accelerate_config', 'config_file'])
  const version = { ...name, value: 2, note: 'ms-swift 4.6 swift/config/fsdp2.json' }
  const wrap = {
    ...name,
    value: 'layers' as const,
    note: 'ms-swift 4.6 swift/config/fsdp2.json: TRANSFORMER_BASED_WRAP',
  }
  const defaults = { version, wrap }
  if (!/\.json$/.test(name.value)) {
    const efficientLoading = { ...name, value: true, note: 'swift/config/fsdp2.json: cpu_ram_efficient_loading' }
    const preset = readFsdp({ config: undefined, words: null, defaults: { ...defaults, efficientLoading } })
    const checkpointing = { ...name, value: 'full' as const, note: 'swift/config/fsdp2.json: activation_checkpointing' }
    const checkpointingReentrant = { ...name, value: false, note: 'FSDP wrapper: non-re-entrant' }
    return { ...preset, draft: { ...preset.draft, gradientCheckpointing: checkpointing, checkpointingReentrant } }
  }
  const root = await openCompanion(scope, name)
  if (root === null) return null
  if (isAccelerateConfig(root)) return readAccelerate(root, scope.findings, async () => null)
  const block = new Fields({ node: root, findings: scope.findings, from: 'launch' })
  const config = block.raw('fsdp_config')?.kind === 'mapping' ? block.mapping('fsdp_config') : block
  const withLoading = { ...defaults, efficientLoading: LOADS_ON_EVERY_RANK }
  return readFsdp({ config, words: fsdpWords(block, 'fsdp'), defaults: withLoading })
}
