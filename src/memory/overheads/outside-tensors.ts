import type { Gpu } from '../../hardware/gpu.ts'
import type { MemoryItem } from '../../plan/item.ts'
import { olderThan } from '../../plan/library-version.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { GIB, MIB } from '../../plan/units.ts'
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
/** Channels of one more communicator, measured on A100 with NVLink: 544 MiB between two ranks, 688 MiB between more (NVIDIA/nccl issue 964). */
const COMMUNICATOR_BYTES = { pair: 544 * MIB, group: 688 * MIB } as const
/** All-to-all connects every pair of ranks of a node with its own channels: 1.06 → 4.34 GB on 8 H100 (NVIDIA/nccl issue 1685). */
const ALL_TO_ALL_PEER_BYTES = (4.34e9 - 1.06e9) / 7

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
    const groups = modelParallelGroups(plan)
    const peers = Math.min(plan.parallelism.expert, plan.gpusPerNode) - 1
    const more = groups.reduce((sum, ranks) => sum + COMMUNICATOR_BYTES[ranks > 2 ? 'group' : 'pair'], 0)
    items.push(
      item('NCCL', NCCL_BYTES + more + peers * ALL_TO_ALL_PEER_BYTES, {
        note: [
          `${plan.gpus} GPUs`,
          ...(groups.length > 0 ? [`${groups.length} communicators of parallel groups`] : []),
          ...(peers > 0 ? [`all-to-all with ${peers} peers`] : []),
        ].join(', '),
        source: [
          'ml-engineering training/performance README @744d01e',
          ...(groups.length > 0 ? ['NVIDIA/nccl issue 964'] : []),
          ...(peers > 0 ? ['NVIDIA/nccl issue 1685'] : []),
        ].join('; '),
      }),
    )
  }
  return items
}

/** Sizes of the groups beside the one of all ranks: model-parallel dimensions and the data-parallel ranks they leave. */
function modelParallelGroups({ gpus, parallelism }: TrainingPlan): readonly number[] {
  const { tensor, pipeline, context, expert } = parallelism
  const model = [tensor, pipeline, context].filter(ranks => ranks > 1)
  const data = gpus / (tensor * pipeline * context)
  return model.length === 0 && expert === 1 ? [] : [...model, ...(data > 1 && data < gpus ? [data] : [])]
}

/** Lazy loading is the default from CUDA 12.2 on (CUDA programming guide, CUDA_MODULE_LOADING); torch wheels moved to CUDA 12 with 2.1. */
function loadsEagerly(plan: TrainingPlan): boolean {
  return (
    olderThan(plan.libraries, { library: 'torch', version: [2, 1] }) ||
    olderThan(plan.libraries, { library: 'transformers', version: [4, 30] })
  )
}
