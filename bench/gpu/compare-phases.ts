import { estimateMemory } from '../../src/memory/estimate-memory.ts'
import type { MemoryEstimate, MomentName } from '../../src/memory/memory-estimate.ts'
import { GIB } from '../../src/plan/units.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import { nativeRun } from '../accuracy/native-run.ts'
import type { KitRow } from './kit-row.ts'

/** One figure of a row: bytes, or seconds for the step. */
export interface PhaseComparison {
  readonly phase: string
  readonly predicted: number
  readonly measured: number
}

/** A reference's logits come and go within the forward pass: its peak is the moment that the model knows. */
const FORWARD_PEAKS = new Set(['dpo', 'kto'])

/** Which moments of the model a measured phase covers: the largest of them counts. */
const PHASE_MOMENTS: Readonly<Record<string, readonly MomentName[]>> = {
  between_steps: ['after load'],
  end_of_forward: ['end of forward'],
  forward_peak: ['end of forward'],
  backward_peak: ['loss', 'backward', 'gradients complete'],
  optimizer_peak: ['optimizer step'],
}

/** Not an operator's result: only the CUDA allocator sees it. */
const CUDA_ONLY = new Set(['cuBLAS workspace'])

/** Prediction beside measurement, phase by phase, then the totals that the device reports. Empty: it ran out of memory. */
export function comparePhases(row: KitRow): readonly PhaseComparison[] {
  const { phases_bytes: phases, reserved_gib: reserved, device_gib: device, step_seconds: seconds } = row.measured
  if (phases === undefined) return []
  const run = nativeRun(row.id, row.plan)
  const estimate = estimateMemory(run)
  const onDevice = row.environment.gpu !== null
  const compared = Object.entries(PHASE_MOMENTS).flatMap(([phase, moments]) => {
    const measured = phases[phase]
    const skipped = phase === (FORWARD_PEAKS.has(run.plan.stage) ? 'end_of_forward' : 'forward_peak')
    return measured === undefined || skipped
      ? []
      : [{ phase, predicted: momentBytes(estimate, moments, { onDevice }), measured }]
  })
  const time = seconds === undefined ? null : estimateTime(run)
  return [
    ...compared,
    ...(reserved === undefined
      ? []
      : [{ phase: 'reserved', predicted: estimate.reservedBytes, measured: reserved * GIB }]),
    ...(device === undefined ? [] : [{ phase: 'device', predicted: estimate.deviceBytes, measured: device * GIB }]),
    ...(seconds === undefined || time === null
      ? []
      : [{ phase: 'step seconds', predicted: time.stepSeconds, measured: seconds }]),
  ]
}

function momentBytes(
  estimate: MemoryEstimate,
  names: readonly MomentName[],
  { onDevice }: { readonly onDevice: boolean },
): number {
  const sums = estimate.moments
    .filter(({ name }) => names.includes(name))
    .map(({ items }) => items.reduce((sum, { name, bytes }) => sum + (onDevice || !CUDA_ONLY.has(name) ? bytes : 0), 0))
  return Math.max(0, ...sums)
}
