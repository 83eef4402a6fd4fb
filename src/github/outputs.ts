import { randomUUID } from 'node:crypto'
import { appendFile, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Report } from '../report/report.ts'

/** The outputs of action.yml that the report gives; empty text is unknown. */
export function reportOutputs(report: Report): Readonly<Record<string, string>> {
  const { totals } = report
  return {
    verdict: report.verdict,
    'failed-count': String(totals.failed),
    'checked-count': String(totals.checked),
    'max-memory-gib': decimal(totals.maxMemoryBytes === null ? null : totals.maxMemoryBytes / GIB, 2),
    'total-hours': decimal(totals.hours, 3),
    'total-gpu-hours': decimal(totals.gpuHours, 3),
    'total-cost': decimal(totals.cost, 2),
    'cost-delta': decimal(totals.costDelta, 2),
    currency: totals.currency ?? '',
  }
}

const GIB = 2 ** 30

function decimal(value: number | null, digits: number): string {
  return value === null || !Number.isFinite(value) ? '' : String(Number(value.toFixed(digits)))
}

/** Appends to the file of GITHUB_OUTPUT with delimiters that no value can contain. `file` empty: not on a runner. */
export async function writeOutputs(file: string, outputs: Readonly<Record<string, string>>): Promise<void> {
  if (file === '') return
  const entries = Object.entries(outputs).map(([name, value]) => {
    const delimiter = `preflop_${randomUUID()}`
    return `${name}<<${delimiter}\n${value}\n${delimiter}\n`
  })
  await appendFile(file, entries.join(''))
}

/** The JSON report in a folder of its own under the runner's temporary one. Returns its path. */
export async function writeReportFile(temporaryFolder: string, report: Report): Promise<string> {
  const folder = await mkdtemp(join(temporaryFolder === '' ? tmpdir() : temporaryFolder, 'preflop-'))
  const path = join(folder, 'report.json')
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`)
  return path
}

/** GitHub drops a step's summary above 1 MiB (actions/runner FileCommandManager.cs `AttachmentSizeLimit`). */
const SUMMARY_BYTES = 2 ** 20 - 1024

/** Appends to the file of GITHUB_STEP_SUMMARY, cut between lines at GitHub's limit. */
export async function writeSummary(file: string, markdown: string): Promise<void> {
  if (file === '') return
  const bytes = Buffer.from(markdown)
  const end = bytes.length <= SUMMARY_BYTES ? bytes.length : bytes.lastIndexOf('\n', SUMMARY_BYTES)
  await appendFile(file, `${bytes.subarray(0, Math.max(0, end)).toString()}\n`)
}
