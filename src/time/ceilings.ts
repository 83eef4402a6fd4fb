import type { Gpu } from '../hardware/gpu.ts'
import type { FlopsPerSecond } from '../plan/units.ts'
import type { ComputeDtype } from '../plan/vocabulary.ts'
import type { ConstantName, Efficiency } from './efficiency.ts'

/** Largest matmul rate a program reaches, at 16 bit and at the compute precision. */
export interface Ceilings {
  readonly bits16: FlopsPerSecond
  readonly compute: FlopsPerSecond
  readonly from: string
}

/** Residuals of single GPUs, where at least ten development rows speak for them and a measured ceiling does not. */
const RESIDUALS: Readonly<Record<string, ConstantName>> = {
  a10g: 'gpu_a10g',
}

/**
 * Share of the dense datasheet peak that products reach where nothing was measured: 0.80 (measured: 0.87 A100, 0.80 H100 and
 * RTX A6000, 0.73–0.79 Blackwell); GeForce clocks above the boost that its sheets count with: 1.05 (measured 0.91–1.14);
 * 0.55 AMD (measured 0.51–0.63); 0.6 inference cards that cannot hold their clock (L4 0.59, T4 0.65).
 */
function datasheetShare(gpu: Gpu): number {
  if (gpu.vendor === 'amd') return 0.55
  if (gpu.name.startsWith('GeForce')) return 1.05
  if (gpu.tdpWatts !== null && gpu.tdpWatts <= 150 && gpu.id !== 'gb10') return 0.6
  return 0.8
}

const BITS8: ReadonlySet<ComputeDtype> = new Set<ComputeDtype>(['float8', 'mxfp8'])

export function ceilingsOf(gpu: Gpu, compute: ComputeDtype, constants: Efficiency): Ceilings {
  const residualName = RESIDUALS[gpu.id]
  const residual = residualName === undefined ? 1 : constants[residualName]
  const sheet16 = gpu.peak.bf16 ?? gpu.peak.fp16 ?? gpu.peak.fp32 ?? 1e12
  const share = datasheetShare(gpu)
  const bits16 = (gpu.matmulCeiling?.bits16 ?? sheet16 * share) * residual
  const from = gpu.matmulCeiling ? 'measured matmul ceiling' : `${share} × datasheet peak`
  if (BITS8.has(compute) && gpu.peak.fp8 !== null) {
    return { bits16, compute: bits8(gpu, bits16, sheet16, residual), from }
  }
  if (compute === 'nvfp4' && gpu.peak.fp4 !== null && gpu.peak.fp8 !== null) {
    const eight = bits8(gpu, bits16, sheet16, residual)
    const gain = gpu.peak.fp4 / gpu.peak.fp8
    const grown = gain <= 2 ? gain : 2 * (gain / 2) ** 0.7
    return { bits16, compute: 0.9 * eight * grown, from }
  }
  if (compute === 'float32') return { bits16, compute: Math.min(bits16, 0.8 * (gpu.peak.fp32 ?? sheet16)), from }
  if (compute === 'tf32') return { bits16, compute: Math.min(bits16, share * (gpu.peak.tf32 ?? sheet16 / 2)), from }
  if (compute === 'bfloat16' && !gpu.bf16Supported) {
    // emulated through float32 arithmetic
    return { bits16, compute: Math.min(bits16, 0.8 * (gpu.peak.fp32 ?? sheet16)), from }
  }
  return { bits16, compute: bits16, from }
}

function bits8(gpu: Gpu, bits16: number, sheet16: number, residual: number): number {
  if (gpu.matmulCeiling?.bits8 != null) return gpu.matmulCeiling.bits8 * residual
  return (0.93 * (gpu.peak.fp8 ?? 2 * sheet16) * bits16) / sheet16
}
