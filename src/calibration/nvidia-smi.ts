import { type LogReader, largest, measuredRun } from './run-log.ts'

const MIB = 2 ** 20

/**
 * `nvidia-smi --query-gpu=timestamp,index,memory.used --format=csv -l 1`: the largest memory of any GPU at any time. With
 * `nounits` the figures are MiB too (nvidia-smi --help-query-gpu).
 */
export const nvidiaSmi: LogReader = text => {
  const [head = '', ...lines] = text.split(/\r?\n/)
  const column = head.split(',').findIndex(name => /^\s*memory\.used\b/.test(name))
  if (column < 0) return null
  const used = lines
    .map(line => /^\s*(\d+)(?: MiB)?\s*$/.exec(line.split(',')[column] ?? '')?.[1])
    .filter(value => value !== undefined)
    .map(value => Number(value) * MIB)
  return measuredRun('nvidia-smi', { peak: { deviceBytes: largest(used) } })
}
