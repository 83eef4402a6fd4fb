import { readDeepSpeed } from '../../launch/deepspeed.ts'
import type { Finding } from '../../plan/finding.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import { Fields } from '../fields.ts'
import { mapped, section, when } from '../section.ts'

const BACKEND = 'Ludwig @5d19f3e ludwig/backend'

/** `local` is one process; `ray` starts workers under DDP, FSDP or DeepSpeed (`backend.trainer.strategy`). */
export function ludwigBackend(backend: Fields, findings: Finding[]): MutablePlanDraft {
  const type = backend.string('type')
  if (type?.value !== 'ray') return { gpus: type ? mapped(type, () => 1) : byDefault(1, `${BACKEND}: local`) }
  const trainer = section(backend.node, 'trainer', findings)
  const node = trainer.raw('strategy')
  const name = String((node?.kind === 'mapping' ? node.entries.get('type')?.scalar : node?.scalar) ?? 'ddp')
  const workers = when('gpus', trainer.integer('num_workers', { min: 1 }))
  if (name === 'deepspeed' && node?.kind === 'mapping') {
    const engine = readDeepSpeed(new Fields({ node, findings, prefix: 'backend.trainer.strategy.' }))
    return { ...workers, ...engine.draft }
  }
  const data = name === 'fsdp' ? ('fsdp1' as const) : name === 'deepspeed' ? ('zero3' as const) : ('ddp' as const)
  return { ...workers, 'parallelism.data': byDefault(data, `${BACKEND}: strategy ${name}`) }
}
