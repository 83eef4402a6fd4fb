import data from '../../data/gpus.json' with { type: 'json' }
import { rowOf } from '../plan/row-of.ts'
import { GIB, MIB } from '../plan/units.ts'
import type { Gpu, MatmulCeiling } from './gpu.ts'
import { editDistance, nameKey } from './name-key.ts'

type Row = (typeof data.gpus)[number]

/** Every accelerator of data/gpus.json. */
export const GPUS: readonly Gpu[] = data.gpus.map(toGpu)

/** SkyPilot's bare names that mean another card than the common reading (`A100` is its 40 GB part). */
const SKYPILOT_NAMES: Readonly<Record<string, string>> = { a100: 'a100-sxm-40gb' }

let byKey: ReadonlyMap<string, Gpu> | undefined
const BY_ID = new Map(GPUS.map(gpu => [gpu.id, gpu]))

/**
 * A GPU by id, product name or alias, however it is spelled: `A100-80GB`, `4090`, `NVIDIA H100 80GB HBM3`, `rtx_a6000`.
 * `naming: 'skypilot'` reads names as SkyPilot does. null: not in the catalogue.
 */
export function findGpu(idOrAlias: string, naming: 'common' | 'skypilot' = 'common'): Gpu | null {
  const exact = naming === 'common' ? BY_ID.get(idOrAlias) : undefined
  if (exact) return exact
  const key = nameKey(idOrAlias)
  const special = naming === 'skypilot' ? rowOf(SKYPILOT_NAMES, key) : undefined
  return (special === undefined ? gpusByName().get(key) : BY_ID.get(special)) ?? null
}

/** The ids nearest to a name that was not found, best first, at most three. */
export function nearestGpus(text: string): readonly string[] {
  const key = nameKey(text)
  const scored = new Map<string, number>()
  for (const [name, gpu] of gpusByName()) {
    const distance =
      name.startsWith(key) || key.startsWith(name)
        ? 0.5
        : editDistance(key, name) / Math.max(key.length, name.length, 1)
    if (distance <= 0.5) scored.set(gpu.id, Math.min(distance, scored.get(gpu.id) ?? 1))
  }
  return [...scored]
    .sort((a, b) => a[1] - b[1])
    .slice(0, 3)
    .map(([id]) => id)
}

/** Rows whose id, name, alias, vendor or generation contains every word of the query; all rows for an empty one. */
export function searchGpus(query: string): readonly Gpu[] {
  const words = query.split(/\s+/).map(nameKey).filter(Boolean)
  return GPUS.filter(gpu => {
    const text = [gpu.id, gpu.name, gpu.vendor, gpu.generation, ...gpu.aliases].map(nameKey).join(' ')
    return words.every(word => text.includes(word))
  })
}

function gpusByName(): ReadonlyMap<string, Gpu> {
  byKey ??= indexNames(GPUS)
  return byKey
}

function indexNames(gpus: readonly Gpu[]): ReadonlyMap<string, Gpu> {
  const index = new Map<string, Gpu>()
  for (const gpu of gpus) {
    for (const name of [gpu.id, gpu.name, ...gpu.aliases]) {
      const key = nameKey(name)
      if (!index.has(key)) index.set(key, gpu)
    }
  }
  return index
}

function toGpu(row: Row): Gpu {
  const flops = (tera: number | null) => (tera === null ? null : tera * 1e12)
  return {
    id: row.id,
    name: row.name,
    aliases: row.aliases,
    vendor: row.vendor,
    generation: row.generation,
    formFactor: row.formFactor,
    usableBytes: usableBytes(row),
    nominalGb: row.memory.nominalGb,
    peak: {
      fp32: flops(row.tflops.fp32),
      tf32: flops(row.tflops.tf32),
      fp16: flops(row.tflops.fp16),
      bf16: flops(row.tflops.bf16),
      fp8: flops(row.tflops.fp8),
      fp4: flops(row.tflops.fp4),
      int8: flops(row.tflops.int8),
    },
    bf16Supported: row.bf16,
    memoryBandwidth: row.bandwidthGBs * 1e9,
    cacheBytes: row.cacheMib === null ? null : row.cacheMib * MIB,
    nvlinkBandwidth: row.nvlinkGBs === null ? null : row.nvlinkGBs * 1e9,
    pcie: row.pcie,
    computeCapability: row.computeCapability,
    tdpWatts: row.tdpWatts,
    matmulCeiling: ceiling(row),
    asOf: row.asOf,
    source: row.source,
  }
}

function ceiling({ matmulCeiling }: Row): MatmulCeiling | null {
  if (matmulCeiling === null) return null
  const flops = (tera: number | null) => (tera === null ? null : tera * 1e12)
  return {
    bits16: matmulCeiling.bits16 * 1e12,
    bits8: flops(matmulCeiling.bits8),
    bits4: flops(matmulCeiling.bits4),
  }
}

/** The rule of `usableMemory` in data/gpus.json. */
function usableBytes({ memory, vendor }: Row): number {
  if (memory.torchGib !== null) return Math.round(memory.torchGib * GIB)
  if (memory.driverMib !== null) {
    const total = memory.driverMib * MIB
    return Math.round(total - Math.max(0.35 * GIB, 0.007 * total))
  }
  // Metal recommends a working set of three quarters of unified memory.
  return Math.round(memory.nominalGb * GIB * (vendor === 'apple' ? 0.75 : 0.96))
}
