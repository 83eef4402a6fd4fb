import type { Bytes, BytesPerSecond, FlopsPerSecond } from '../plan/units.ts'

/** One row of data/gpus.json in the units the estimators use. */
export interface Gpu {
  readonly id: string
  readonly name: string
  readonly aliases: readonly string[]
  readonly vendor: string
  /** pascal volta turing ampere ada hopper blackwell cdna2 cdna3 cdna4 … */
  readonly generation: string
  readonly formFactor: string
  /** What a process can allocate: the total that the driver hands to torch. */
  readonly usableBytes: Bytes
  readonly nominalGb: number
  /** Dense datasheet peaks; null: not supported. */
  readonly peak: Readonly<Record<'fp32' | 'tf32' | 'fp16' | 'bf16' | 'fp8' | 'fp4' | 'int8', FlopsPerSecond | null>>
  readonly bf16Supported: boolean
  readonly memoryBandwidth: BytesPerSecond
  /** Last-level cache; absent or null: not known. */
  readonly cacheBytes?: Bytes | null
  /** Per direction; null: no NVLink. */
  readonly nvlinkBandwidth: BytesPerSecond | null
  readonly pcie: string | null
  readonly computeCapability: string | null
  readonly tdpWatts: number | null
  /** Measured largest matmul rate by bits of the operands; absent or null: not measured. */
  readonly matmulCeiling?: MatmulCeiling | null
  readonly asOf: string
  readonly source: string
}

export interface MatmulCeiling {
  readonly bits16: FlopsPerSecond
  readonly bits8: FlopsPerSecond | null
  readonly bits4: FlopsPerSecond | null
}
