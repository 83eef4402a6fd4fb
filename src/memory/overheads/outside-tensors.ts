import type { Gpu } from '../../hardware/gpu.ts'
import type { MemoryItem } from '../../plan/item.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { GIB, MIB } from '../../plan/units.ts'
import { olderThan } from '../library-version.ts'
import { item } from '../memory-item.ts'

/**
 * CUDA context and kernels, MiB, by GPU generation and by how kernels are loaded. Eager: V100 1343 (transformers performance page),
 * A100 942 (ml-engineering training/performance README @744d01e); lazy: A100 481 (the same), T4 141 (CUDA 13). Others lie between, by the size of their kernels.
 */
const CONTEXT_MIB: Readonly<Record<string, { readonly eager: number; readonly lazy: number }>> = {
  volta: { eager: 1343, lazy: 300 },
  turing: { eager: 800, lazy: 141 },
  ampere: { eager: 942, lazy: 481 },
  ada: { eager: 800, lazy: 400 },
  hopper: { eager: 1100, lazy: 540 },
  blackwell: { eager: 1200, lazy: 640 },
}
const CONTEXT_DEFAULT = { eager: 942, lazy: 481 } as const

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
  const context = CONTEXT_MIB[gpu?.generation ?? ''] ?? CONTEXT_DEFAULT
  const mib = loadsEagerly(plan) ? context.eager : context.lazy
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

/** Lazy loading is the default from CUDA 12.2 on (CUDA programming guide, CUDA_MODULE_LOADING); torch wheels moved to CUDA 12 with 2.1. */
function loadsEagerly(plan: TrainingPlan): boolean {
  return (
    olderThan(plan.libraries, { library: 'torch', version: [2, 1] }) ||
    olderThan(plan.libraries, { library: 'transformers', version: [4, 30] })
  )
}
