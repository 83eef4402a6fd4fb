import data from '../../data/interconnect.json' with { type: 'json' }
import type { Bytes, BytesPerSecond } from '../plan/units.ts'
import { MIB } from '../plan/units.ts'
import type { Gpu } from './gpu.ts'

/** How the GPUs of one kind talk to each other; rates per GPU and direction, bus bandwidth as nccl-tests defines it. */
export interface Fabric {
  readonly id: string
  readonly allReduce: BytesPerSecond
  readonly allGather: BytesPerSecond
  /** Message at which half of the peak is reached. */
  readonly halfSpeedBytes: Bytes
  /** Network share of one GPU between domains. */
  readonly nic: BytesPerSecond
  /** GPUs in one NVLink domain where it is larger than a node; null: those of a node. */
  readonly nvlinkDomain: number | null
  readonly source: string
}

type Row = (typeof data.fabrics)[number]

const BY_GPU = new Map(data.fabrics.flatMap(row => row.gpus.map(id => [id, toFabric(row)] as const)))
const DEFAULT = data.fabrics.filter(row => row.gpus.length === 0).map(toFabric)[0]
/** Share of the network's wire rate that collectives reach. */
const NIC_SHARE = data.nicShare
const HOST_LINKS = new Map(Object.entries(data.hostLinkGBs))

export function fabricOf(gpu: Gpu): Fabric {
  const fabric = BY_GPU.get(gpu.id) ?? DEFAULT
  if (fabric === undefined) throw new Error('data/interconnect.json has no default row')
  return fabric
}

/** Bytes per second between the GPU and host memory, one direction. */
export function hostLinkBandwidth(gpu: Gpu): BytesPerSecond {
  return (HOST_LINKS.get(gpu.pcie?.split(' ')[0] ?? '4.0') ?? 25) * 1e9
}

export interface Group {
  /** Ranks that take part. */
  readonly ranks: number
  /** Distance between neighbouring ranks of the group, in GPUs. */
  readonly stride: number
  /** GPUs per domain (node or NVLink domain). */
  readonly domain: number
}

/** Domains over which a group lies. */
export function domainsOf({ ranks, stride, domain }: Group): number {
  const perDomain = Math.max(1, Math.floor(domain / stride))
  return Math.ceil(ranks / perDomain)
}

/**
 * Bus bandwidth of a group: the fabric's inside one domain; over k domains at most the network's share, which
 * hierarchical rings multiply by the members per domain (two p4de nodes: 76.8 GB/s = 0.82 of the wire).
 */
export function busBandwidth(peak: BytesPerSecond, { nic }: Fabric, group: Group): BytesPerSecond {
  const domains = domainsOf(group)
  if (domains <= 1) return peak
  return Math.min(peak, (NIC_SHARE * nic * (group.ranks - 1)) / (domains - 1))
}

/** Seconds that one ring collective takes whatever its size: a start, and a hop per neighbour inside and between domains. */
export function ringLatency(gpu: Gpu, group: Group): number {
  const domains = domainsOf(group)
  const { start, network, nvlink, pcie } = data.ringLatencyMicroseconds
  const inside = gpu.nvlinkBandwidth === null ? pcie : nvlink
  return (start + (domains - 1) * network + (group.ranks - domains) * inside) / 1e6
}

function toFabric(row: Row): Fabric {
  return {
    id: row.id,
    allReduce: row.allReduceGBs * 1e9,
    allGather: row.allGatherGBs * 1e9,
    halfSpeedBytes: row.halfSpeedMiB * MIB,
    nic: row.nicGBs * 1e9,
    nvlinkDomain: row.nvlinkDomain,
    source: row.source,
  }
}
