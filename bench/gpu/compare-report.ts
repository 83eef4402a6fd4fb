import { GIB, MIB } from '../../src/plan/units.ts'
import { markdownTable } from '../../src/report/markdown-table.ts'
import { quantile } from '../accuracy/quantile.ts'
import { comparePhases, type PhaseComparison } from './compare-phases.ts'
import type { KitRow } from './kit-row.ts'

/** Errors by phase over all rows, then every row: a wrong component stands out, not only a wrong total. */
export function compareReport(rows: readonly KitRow[]): string {
  const compared = rows.map(row => ({ row, phases: comparePhases(row) }))
  const names = [...new Set(compared.flatMap(({ phases }) => phases.map(({ phase }) => phase)))]
  const summary = names.map(name => {
    const errors = compared.flatMap(({ phases }) => phases.filter(({ phase }) => phase === name).map(errorOf))
    const absolute = errors.map(Math.abs)
    return [
      name,
      `${errors.length}`,
      percent(quantile(absolute, 0.5)),
      percent(quantile(absolute, 0.9)),
      signed(quantile(errors, 0.5)),
    ]
  })
  const detail = compared.flatMap(({ row, phases }) =>
    phases.length === 0
      ? [[row.id, 'out of memory', '', '', '']]
      : phases.map(entry => [
          row.id,
          entry.phase,
          figure(entry, entry.predicted),
          figure(entry, entry.measured),
          signed(errorOf(entry)),
        ]),
  )
  return [
    markdownTable({ columns: ['phase', '>rows', '>median', '>90th percentile', '>bias'], rows: summary }),
    markdownTable({ columns: ['row', 'phase', '>predicted', '>measured', '>error'], rows: detail }),
  ].join('\n\n')
}

/** predicted ÷ measured − 1. */
export function errorOf({ predicted, measured }: PhaseComparison): number {
  return predicted / measured - 1
}

function figure({ phase, measured }: PhaseComparison, value: number): string {
  if (phase === 'step seconds') return `${value.toPrecision(4)} s`
  return measured < GIB ? `${(value / MIB).toFixed(2)} MiB` : `${(value / GIB).toFixed(3)} GiB`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function signed(share: number): string {
  return `${share > 0 ? '+' : ''}${percent(share)}`
}
