import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { OpenRlhfArguments } from './arguments.ts'

const CLI = 'OpenRLHF 0.11 openrlhf/cli'

/** DeepSpeed builds its fused Adam, or its own on the CPU. */
export function readOpenRlhfOptimizer(given: OpenRlhfArguments): MutablePlanDraft {
  const named = given.text('optim', 'optim') ?? byDefault('adam', `${CLI}: adam`)
  return {
    optimizer: { ...named, value: named.value === 'muon' ? 'muon' : 'adamw' },
    optimizerImplementation: byDefault(
      'fused',
      'OpenRLHF 0.11 utils/deepspeed/deepspeed_utils.py: DeepSpeed FusedAdam',
    ),
  }
}

export function readOpenRlhfSchedule(given: OpenRlhfArguments): MutablePlanDraft {
  const save = given.count('ckpt.save_steps', 'save_steps')
  const every = given.count('eval.steps', 'eval_steps')
  return {
    checkpoints: save
      ? { ...save, value: { everySteps: save.value, timesTotal: null, includesOptimizer: true } }
      : byDefault(null, `${CLI}: save_steps -1`),
    evaluation: every
      ? { ...every, value: { everySteps: every.value, timesTotal: null, microBatchSize: 1, samples: null, share: 0 } }
      : byDefault(null, `${CLI}: eval.steps -1`),
  }
}
