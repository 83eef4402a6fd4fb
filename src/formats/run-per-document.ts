import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { PlanDraft } from '../plan/plan-draft.ts'
import type { ConfigDocument, ConfigNode } from './config-document.ts'
import type { Fields } from './fields.ts'
import { resolveInterpolations } from './omega-conf.ts'
import type { ReadResult, RunDraft } from './reader.ts'

/** One run for each YAML document that matches, its `${…}` filled in. */
export async function runPerDocument(
  document: ConfigDocument,
  matches: (root: ConfigNode) => boolean,
  readDraft: (root: ConfigNode, findings: Finding[]) => PlanDraft | Promise<PlanDraft>,
): Promise<ReadResult> {
  const runs: RunDraft[] = []
  for (const root of document.roots.filter(matches)) {
    const findings: Finding[] = []
    const draft = await readDraft(resolveInterpolations(root, findings), findings)
    runs.push({ name: null, draft, findings })
  }
  return { runs, findings: [] }
}

/** Options that matter for memory and are not in the plan: one `unsupported-option` for each that is switched on. */
export function reportUnmodelled(fields: Fields, options: Readonly<Record<string, string>>, findings: Finding[]): void {
  findings.push(...leftOut(fields, options))
}

/** The same of what may need more than all that is counted: no run passes without it. */
export function reportUncounted(fields: Fields, options: Readonly<Record<string, string>>, findings: Finding[]): void {
  findings.push(...leftOut(fields, options).map(found => ({ ...found, severity: 'error' as const })))
}

function leftOut(fields: Fields, options: Readonly<Record<string, string>>): readonly Finding[] {
  return Object.entries(options).flatMap(([key, effect]) => {
    const node = fields.isSet(key) ? fields.raw(key) : undefined
    if (node === undefined || node.scalar === false || node.scalar === 0) return []
    const message = `\`${key}\`: ${effect}, which the estimate leaves out.`
    return [finding('unsupported-option', { path: node.path, line: node.keyLine, column: node.keyColumn, message })]
  })
}
