import { type ConfigNode, hasKeys } from '../../src/formats/config-document.ts'
import type { FormatReader } from '../../src/formats/reader.ts'
import { keyTable, orDefault, section, when } from '../../src/formats/section.ts'
import type { Finding } from '../../src/plan/finding.ts'
import { byDefault, type PlanDraft } from '../../src/plan/plan-draft.ts'

/** Where the framework's defaults are written down: repository, commit and file. */
const CONFIG = 'tinytrain @0123abc tinytrain/config.py'

/** A reader to begin with: copied to src/formats/NAME.ts, it needs its own keys, defaults and a line in registry.ts. */
export const templateReader: FormatReader = {
  format: 'tinytrain',
  keys: keyTable(CONFIG, [
    ['tiny.model', 'model', 'required'],
    ['tiny.batch', 'microBatchSize', '1'],
    ['tiny.length', 'sequenceLength', 'the model’s own'],
    ['tiny.steps', 'dataset.maxSteps', 'none'],
  ]),
  recognise: ({ roots }) => roots.some(isTinytrain),
  async read({ roots }) {
    const runs = roots.filter(isTinytrain).map(root => {
      const findings: Finding[] = []
      return { name: null, draft: readDraft(root, findings), findings }
    })
    return { runs, findings: [] }
  },
}

/** By content: another framework's file must not be taken. */
function isTinytrain(root: ConfigNode): boolean {
  return hasKeys(root, 'tiny')
}

/** Only what the file or the framework says: values that nobody states are left to the plan's own defaults. */
function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const tiny = section(root, 'tiny', findings)
  const model = tiny.string('model')
  return {
    framework: byDefault('other', 'the format'),
    stage: byDefault('sft', `${CONFIG}: fine-tunes`),
    ...(model ? { model: { ...model, value: { kind: 'hub', id: model.value, revision: null } } } : {}),
    microBatchSize: orDefault(tiny.integer('batch', { min: 1 }), 1, `${CONFIG}: 1`),
    ...when('sequenceLength', tiny.integer('length', { min: 1 })),
    ...when('dataset.maxSteps', tiny.integer('steps', { min: 1 })),
  }
}
