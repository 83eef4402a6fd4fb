import type { Gpu } from '../../hardware/gpu.ts'
import type { MemoryItem } from '../../plan/item.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { GIB, MIB } from '../../plan/units.ts'
import { item } from '../memory-item.ts'

/** Context and loaded kernels by GPU generation, MiB. Turing: measured on T4, CUDA 13 (140.9); Ampere: ml-engineering training/performance README @744d01e (0.47 GiB lazy). */
const CONTEXT_MIB: Readonly<Record<string, number>> = {
  volta: 1343,
  turing: 141,
  ampere: 481,
  ada: 400,
  hopper: 540,
  blackwell: 640,
}
const CONTEXT_DEFAULT_MIB = 481

/** PyTorch aten/src/ATen/cuda/CublasHandlePool.cpp: 8.125 MiB, 32 MiB on sm_90 and newer (PR 89027, PR 182669). */
const WORKSPACE_BYTES = 8_519_680
const LARGE_WORKSPACE_BYTES = 32 * MIB
const LARGE_WORKSPACE = new Set(['hopper', 'blackwell'])

/** torch.distributed and NCCL: 0.55 → 2.00 GiB after a first barrier on two GPUs (ml-engineering @744d01e) with eager kernel loading; lazy loading leaves the buffers. */
const NCCL_BYTES = 0.8 * GIB

export function workspaceItem(gpu: Gpu | null): MemoryItem {
  const bytes = gpu !== null && LARGE_WORKSPACE.has(gpu.generation) ? LARGE_WORKSPACE_BYTES : WORKSPACE_BYTES
  return item('cuBLAS workspace', bytes, {
    note: 'one handle and stream',
    source: 'PyTorch aten/src/ATen/cuda/CublasHandlePool.cpp',
  })
}

export function outsideItems(plan: TrainingPlan, gpu: Gpu | null): MemoryItem[] {
  const mib = CONTEXT_MIB[gpu?.generation ?? ''] ?? CONTEXT_DEFAULT_MIB
  const items = [
    item('CUDA context', mib * MIB, {
      note: `${gpu?.generation ?? 'unknown GPU'}: ${mib} MiB`,
      source: 'ml-engineering training/performance README @744d01e; T4 reading with CUDA 13',
    }),
  ]
  if (plan.gpus > 1) {
    items.push(
      item('NCCL', NCCL_BYTES, {
        note: `${plan.gpus} GPUs`,
        source: 'ml-engineering training/performance README @744d01e',
      }),
    )
  }
  return items
}
