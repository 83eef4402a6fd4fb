import { Fields } from '../formats/fields.ts'
import { readSwiftArguments } from '../formats/ms-swift.ts'
import type { FormatReader } from '../formats/reader.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type PlanDraft } from '../plan/plan-draft.ts'
import type { TrainingCommand } from './training-command.ts'

/** Reads arguments of `swift pt`, `megatron rlhf` …: the program decides what no argument says. */
export function swiftCommandReader(program: string): Pick<FormatReader, 'read'> {
  const command = /\b(sft|pt|rlhf)\b/.exec(program.replaceAll('_', ' '))?.[1]
  return {
    async read(document, context) {
      const node = document.roots[0]
      if (node === undefined) return { runs: [], findings: [] }
      const findings: Finding[] = []
      const draft = await readSwiftArguments(
        new Fields({ node, findings }),
        { document, context, findings },
        {
          megatron: /megatron/.test(program),
          ...(command === 'sft' || command === 'pt' || command === 'rlhf' ? { command } : {}),
        },
      )
      return { runs: [{ name: null, draft, findings }], findings: [] }
    },
  }
}

/** Without NPROC_PER_NODE, `swift` is one process that spreads the layers over the GPUs it sees (`device_map` auto). */
export function layersOverGpus({ trainer, program }: TrainingCommand, launched: PlanDraft): PlanDraft {
  const { gpus } = launched
  if (trainer.format !== 'ms-swift' || /megatron/.test(program)) return {}
  if (gpus === undefined || typeof gpus === 'function' || gpus.key !== 'CUDA_VISIBLE_DEVICES' || gpus.value < 2)
    return {}
  const note = 'ms-swift 4.6 without NPROC_PER_NODE: one process, layers spread over the visible GPUs'
  return { 'parallelism.pipeline': { ...gpus, note }, 'parallelism.data': byDefault('none', note) }
}
