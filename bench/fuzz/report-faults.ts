import type { Report } from '../../src/report/report.ts'

/** Differences and what a config says, which may be below zero. */
const SIGNED = new Set(['causes', 'costDelta', 'from'])

/** What cannot be true of any report. Empty: nothing. */
export function reportFaults(report: Report): readonly string[] {
  const runs = report.runs.map(({ plan: _plan, ...run }) => run)
  const figures = [...numbersOf(runs, 'runs'), ...numbersOf(report.totals, 'totals')]
  const wrong = figures.filter(([, value]) => !Number.isFinite(value) || value < 0)
  return [...wrong.map(([path, value]) => `${path} is ${value}`), ...report.runs.flatMap(memoryFaults)]
}

type Figure = readonly [path: string, value: number]

function numbersOf(value: unknown, path: string): readonly Figure[] {
  if (typeof value === 'number') return [[path, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => (SIGNED.has(key) ? [] : numbersOf(item, `${path}.${key}`)))
}

function memoryFaults({ memory, path }: Report['runs'][number]): readonly string[] {
  if (!memory) return []
  const sum = memory.components.reduce((total, { bytes }) => total + bytes, 0)
  const isSum = Math.abs(sum - memory.deviceBytes) <= 1e-6 * memory.deviceBytes + 1
  const isInside = memory.lowBytes <= memory.deviceBytes && memory.deviceBytes <= memory.highBytes
  return [
    ...(isSum ? [] : [`${path}: parts sum to ${sum}, not ${memory.deviceBytes}`]),
    ...(isInside ? [] : [`${path}: the interval does not hold the estimate`]),
  ]
}
