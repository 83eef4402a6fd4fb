import { type Document, isMap, isSeq, parseDocument } from 'yaml'
import type { CalibrationPlan } from '../plan/training-plan.ts'

/** The rows as the policy's `calibration:` has them. */
export function calibrationRows(rows: readonly CalibrationPlan[]): readonly object[] {
  return rows.map(({ gpu, training, framework, stepFactor, low, high, runs }) => ({
    gpu,
    ...(training === null ? {} : { training }),
    ...(framework === null ? {} : { framework }),
    step_factor: stepFactor,
    low,
    high,
    runs,
  }))
}

/** The policy's text with `calibration:` set; comments and the rest stay. null: the text is no policy that can be changed. */
export function withCalibration(policyText: string, rows: readonly CalibrationPlan[]): string | null {
  const document: Document = parseDocument(policyText)
  if (document.errors.length > 0) return null
  if (document.contents === null) document.contents = document.createNode({ version: 1 })
  if (!isMap(document.contents)) return null
  document.set('calibration', document.createNode(calibrationRows(rows)))
  const list = document.get('calibration')
  // a row is read across, a column of rows down
  if (isSeq(list)) for (const item of list.items) if (isMap(item)) item.flow = true
  return document.toString({ lineWidth: 0 })
}
