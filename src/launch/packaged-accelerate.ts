import { byDefault, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { DataParallelism } from '../plan/vocabulary.ts'
import type { Engine } from './engine.ts'

/** The names that `trl … --accelerate_config NAME` knows (trl accelerate_configs/*.yaml 1.10: 8 processes, bf16). */
const PACKAGED: Readonly<Record<string, { kind: Engine['kind']; data: DataParallelism; gpus: number }>> = {
  single_gpu: { kind: 'plain', data: 'none', gpus: 1 },
  multi_gpu: { kind: 'plain', data: 'ddp', gpus: 8 },
  zero1: { kind: 'deepspeed', data: 'zero1', gpus: 8 },
  zero2: { kind: 'deepspeed', data: 'zero2', gpus: 8 },
  zero3: { kind: 'deepspeed', data: 'zero3', gpus: 8 },
  fsdp1: { kind: 'fsdp', data: 'fsdp1', gpus: 8 },
  fsdp2: { kind: 'fsdp', data: 'fsdp2', gpus: 8 },
}

/** The engine of a packaged name; null when the name is not one of them. */
export function packagedAccelerate(name: Sourced<string>): Engine | null {
  const row = Object.hasOwn(PACKAGED, name.value) ? PACKAGED[name.value] : undefined
  if (row === undefined) return null
  const note = `trl accelerate_configs/${name.value}.yaml 1.10`
  const source = { ...name, from: 'launch', note } as const
  const draft: PlanDraft = {
    'parallelism.data': { ...source, value: row.data },
    'parallelism.offload': byDefault('none', note),
    'parallelism.wrap': byDefault('layers', note),
    gpus: { ...source, value: row.gpus },
    gpusPerNode: { ...source, value: row.gpus },
  }
  return {
    kind: row.kind,
    draft,
    mixedPrecision: { ...source, value: 'bfloat16' },
    masterWeights: row.kind === 'deepspeed',
  }
}
