import type { Gpu } from '../hardware/gpu.ts'

/** Share of the power limit that a GPU draws when it waits, and when its units are busy (assumption from public training logs). */
const WAITING = 0.4
const BUSY = 0.9
/** Everything in a server besides its GPUs, per GPU watt (DGX H100: 10.2 kW for 8 × 700 W). */
const SERVER = 1.6

/** Energy of a run in kWh, servers included, cooling excluded: an estimate. null: the power limit is not known. */
export function energyKwh({
  gpu,
  gpus,
  seconds,
  busyShare,
}: {
  readonly gpu: Gpu
  readonly gpus: number
  readonly seconds: number
  readonly busyShare: number
}): number | null {
  if (gpu.tdpWatts === null) return null
  const watts = gpu.tdpWatts * (WAITING + (BUSY - WAITING) * busyShare) * SERVER
  return (watts * gpus * seconds) / 3.6e6
}
