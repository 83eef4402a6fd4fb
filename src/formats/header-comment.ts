import type { MutablePlanDraft } from '../plan/plan-draft.ts'
import type { ConfigDocument } from './config-document.ts'

/** Comments further down describe keys, not the run. */
const HEADER_CHARACTERS = 8000

/** GPUs that a launch command in a comment starts: `--nproc_per_node 4`, times `--nnodes`. */
export function launchComment({ path, text }: ConfigDocument): MutablePlanDraft {
  const header = text.slice(0, HEADER_CHARACTERS)
  const comment = /^[ \t]*#.*--nproc[_-]per[_-]node[ =]+(\d{1,4})\b/m.exec(header)
  const perNode = Number(comment?.[1] ?? 0)
  if (!comment || perNode < 1) return {}
  const nodes = Math.max(1, Number(/^[ \t]*#.*--nnodes[ =]+(\d{1,4})\b/m.exec(header)?.[1] ?? 1))
  const place = placeOf(path, text, comment.index, 'the launch command in the header comment')
  return { gpus: { value: perNode * nodes, ...place }, gpusPerNode: { value: perNode, ...place } }
}

/** `preset for 64 A100 GPUs` as torchtitan writes it; it travels with copies of the file, so the policy wins. */
export function presetComment({ path, text }: ConfigDocument): MutablePlanDraft {
  const comment = /^[ \t]*#.*\bpreset for (\d{1,6}) ([A-Za-z][\w-]{1,20}) GPUs?\b/m.exec(
    text.slice(0, HEADER_CHARACTERS),
  )
  const gpus = Number(comment?.[1] ?? 0)
  if (!comment || gpus < 1) return {}
  const place = { ...placeOf(path, text, comment.index, 'the preset in the header comment'), from: 'assumed' as const }
  return { gpus: { value: gpus, ...place }, 'hardware.gpu': { value: comment[2] ?? '', ...place } }
}

function placeOf(path: string, text: string, index: number, note: string) {
  return { from: 'file' as const, path, line: text.slice(0, index).split('\n').length, column: 1, note }
}
