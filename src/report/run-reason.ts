import type { Finding } from '../plan/finding.ts'
import { prose } from './escape-markdown.ts'
import type { RunReport } from './report.ts'

const SHORT_REASONS: ReadonlyMap<string, string> = new Map([
  ['over-memory', 'out of GPU memory'],
  ['near-memory', 'close to the memory limit'],
  ['too-close-to-call', 'too close to call'],
  ['over-cost', 'over the cost limit'],
  ['over-cost-increase', 'the cost grew beyond the limit'],
  ['over-hours', 'over the time limit'],
  ['over-gpu-hours', 'over the GPU-hours limit'],
])

/** In a few words why a run does not pass: the broken limits, else the worst finding with its line. */
export function runReason({ findings, memory, verdict }: RunReport): string {
  const refusal = findings.find(({ code: own, severity }) => own === 'will-not-start' && severity !== 'notice')
  if (refusal) return `will not start, ${placed(refusal)}`
  const judged = findings.flatMap(({ code: own }) => SHORT_REASONS.get(own) ?? [])
  if (memory && judged.length > 0 && verdict !== 'unknown') return [...new Set(judged)].join(', ')
  const problem =
    findings.find(({ severity }) => severity === 'error') ??
    findings.find(({ severity }) => severity === 'warning') ??
    findings[0]
  if (!problem) return ''
  const state = memory ? (problem.severity === 'error' ? 'estimated at the default, ' : '') : 'not estimated, '
  return `${state}${placed(problem)}`
}

function placed({ line, message }: Finding): string {
  return `${line === null ? '' : `line ${line}: `}${prose(message)}`
}

/** The memory limit is broken or near: its figure is the one to tell. */
export function isAboutMemory({ limits }: RunReport): boolean {
  return limits.some(({ kind, level }) => kind === 'memory' && level !== 'pass')
}
