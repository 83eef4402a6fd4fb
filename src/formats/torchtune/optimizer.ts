import type { Finding } from '../../plan/finding.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import { rowOf } from '../../plan/row-of.ts'
import type { Optimizer } from '../../plan/vocabulary.ts'
import type { ConfigNode } from '../config-document.ts'
import { mapped, section } from '../section.ts'
import { lastPart } from './last-part.ts'

const OPTIMIZERS: Readonly<Record<string, readonly [Optimizer, paged: boolean, eightBit: boolean]>> = {
  AdamW: ['adamw', false, false],
  Adam: ['adamw', false, false],
  PagedAdamW: ['adamw', true, false],
  PagedAdamW8bit: ['adamw', true, true],
  AdamW8bit: ['adamw', false, true],
  SGD: ['sgd', false, false],
  Lion: ['lion', false, false],
  Adafactor: ['adafactor', false, false],
}

export function readOptimizer(root: ConfigNode, findings: Finding[]): MutablePlanDraft {
  const optimizer = section(root, 'optimizer', findings)
  const component = optimizer.string('_component_')
  if (!component) return {}
  const name = lastPart(component.value)
  const [family, paged, eightBit] = rowOf(OPTIMIZERS, name) ?? ['other', false, false]
  const inBackward = section(root, '', findings).boolean('optimizer_in_bwd')
  const fused = optimizer.boolean('fused')
  const states = eightBit ? 'int8' : component.value.startsWith('bitsandbytes') ? 'float32' : 'auto'
  return {
    optimizer: { ...component, value: family },
    optimizerPaged: { ...component, value: paged },
    optimizerImplementation: inBackward?.value
      ? mapped(inBackward, () => 'in_backward' as const)
      : fused
        ? mapped(fused, on => (on ? 'fused' : 'foreach'))
        : byDefault('foreach', 'torch.optim: foreach on CUDA'),
    'precision.optimizerStates': { ...component, value: states },
  }
}
