import { findGpu } from '../gpu-catalogue.ts'

/** One instance type of a cloud with its prices by region. */
export interface SkyOffer {
  readonly instanceType: string
  /** Id in data/gpus.json. */
  readonly gpu: string
  readonly gpus: number
  readonly memoryGib: number | null
  readonly onDemand: ReadonlyMap<string, number>
  readonly spot: ReadonlyMap<string, number>
}

type Row = ReadonlyMap<string, string>

/**
 * GCP lists GPUs and the machines that carry them as separate rows, to be added (sky/catalog/gcp_catalog.py
 * `_ACC_INSTANCE_TYPE_DICTS`); GPUs that can be attached to any machine are left out: the machine is the user's choice.
 */
const GCP_MACHINES: ReadonlyMap<string, string> = new Map([
  ...[1, 2, 4, 8].map(count => [`A100 ${count}`, `a2-highgpu-${count}g`] as const),
  ['A100 16', 'a2-megagpu-16g'],
  ...[1, 2, 4, 8].map(count => [`A100-80GB ${count}`, `a2-ultragpu-${count}g`] as const),
  ...[1, 2, 4, 8].map(count => [`H100 ${count}`, `a3-highgpu-${count}g`] as const),
  ['H100-MEGA 8', 'a3-megagpu-8g'],
  ['H200 8', 'a3-ultragpu-8g'],
  ['B200 8', 'a4-highgpu-8g'],
  ['L4 1', 'g2-standard-4'],
  ['L4 2', 'g2-standard-24'],
  ['L4 4', 'g2-standard-48'],
  ['L4 8', 'g2-standard-96'],
])

/** Cheapest zone of a region in each of the two ways to pay. */
class Prices {
  readonly onDemand = new Map<string, number>()
  readonly spot = new Map<string, number>()

  add(region: string, onDemand: number | null, spot: number | null): void {
    // a spot price above the on-demand one: a cheaper kind of contract leaked into the on-demand column
    const isLeaked = onDemand !== null && spot !== null && spot > onDemand
    // AWS fills new regions with a tenth of the on-demand price
    const isPlaceholder = onDemand !== null && spot !== null && Math.abs(spot / onDemand - 0.1) < 1e-6
    if (onDemand !== null && !isLeaked) keepLowest(this.onDemand, region, onDemand)
    if (spot !== null && !isPlaceholder) keepLowest(this.spot, region, spot)
  }
}

interface Draft {
  readonly gpuName: string
  readonly gpus: number
  readonly memoryGib: number | null
  readonly prices: Prices
}

/** Offers from the rows of a `vms.csv` of skypilot-org/skypilot-catalog, its known defects taken out. */
export class SkyOffers {
  readonly #drafts = new Map<string, Draft>()
  readonly #machines = new Map<
    string,
    { readonly onDemand: number; readonly spot: number | null; readonly memoryGib: number | null }
  >()
  readonly #accelerators: Row[] = []

  add(row: Row): void {
    const type = row.get('instancetype') ?? ''
    const gpuName = row.get('acceleratorname') ?? ''
    if (gpuName !== '' && type === '') this.#accelerators.push(row)
    else if (gpuName !== '') this.#offer(type, row, { onDemand: price(row, 'price'), spot: price(row, 'spotprice') })
    else if (/^(a2|a3|a4|g2)-/.test(type)) this.#addMachine(type, row)
  }

  offers(): readonly SkyOffer[] {
    for (const row of this.#accelerators) this.#addAccelerator(row)
    this.#accelerators.length = 0
    return [...this.#drafts].flatMap(([instanceType, { gpuName, gpus, memoryGib, prices }]) => {
      const gpu = findGpu(gpuName, 'skypilot')?.id
      const { onDemand, spot } = prices
      return gpu === undefined || onDemand.size + spot.size === 0
        ? []
        : [{ instanceType, gpu, gpus, memoryGib, onDemand, spot }]
    })
  }

  #addMachine(type: string, row: Row): void {
    const onDemand = price(row, 'price')
    if (onDemand === null) return
    this.#machines.set(`${type} ${zoneOf(row)}`, {
      onDemand,
      spot: price(row, 'spotprice'),
      memoryGib: price(row, 'memorygib'),
    })
  }

  #addAccelerator(row: Row): void {
    const type = GCP_MACHINES.get(`${row.get('acceleratorname')} ${Number(row.get('acceleratorcount'))}`)
    const machine = type === undefined ? undefined : this.#machines.get(`${type} ${zoneOf(row)}`)
    if (type === undefined || machine === undefined) return
    const [onDemand, spot] = [price(row, 'price'), price(row, 'spotprice')]
    this.#offer(
      type,
      row,
      {
        onDemand: onDemand === null || (spot !== null && spot > onDemand) ? null : onDemand + machine.onDemand,
        spot: spot === null || machine.spot === null ? null : spot + machine.spot,
      },
      machine.memoryGib,
    )
  }

  #offer(
    type: string,
    row: Row,
    { onDemand, spot }: { readonly onDemand: number | null; readonly spot: number | null },
    memoryGib: number | null = price(row, 'memorygib'),
  ): void {
    const gpus = Number(row.get('acceleratorcount'))
    const region = row.get('region') ?? ''
    // parts of a GPU are no GPU to train on
    if (!Number.isInteger(gpus) || gpus < 1 || region === '') return
    const gpuName = row.get('acceleratorname') ?? ''
    const draft = this.#drafts.get(type) ?? { gpuName, gpus, memoryGib, prices: new Prices() }
    this.#drafts.set(type, draft)
    draft.prices.add(region, onDemand, spot)
  }
}

function zoneOf(row: Row): string {
  return row.get('availabilityzone') || row.get('region') || ''
}

function price(row: Row, column: string): number | null {
  const value = Number(row.get(column) || Number.NaN)
  return value > 0 && Number.isFinite(value) ? value : null
}

function keepLowest(prices: Map<string, number>, region: string, value: number): void {
  prices.set(region, Math.min(value, prices.get(region) ?? value))
}
