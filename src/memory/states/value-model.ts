import type { MemoryItem } from '../../plan/item.ts'
import { DTYPE_BYTES, STATE_BYTES } from '../dtype-bytes.ts'
import { item, short } from '../memory-item.ts'
import { OPTIMIZER_ROWS } from './optimizer-states.ts'
import type { StateContext } from './persistent-items.ts'

/** PPO trains a value model of the policy’s size beside it: its weights, and its optimizer states unless adapters train. */
export function valueModelItems({ plan, parameters, shards }: StateContext): {
  readonly weights: MemoryItem[]
  readonly states: MemoryItem[]
} {
  if (plan.reinforcement?.valueModel !== true) return { weights: [], states: [] }
  const bytes = DTYPE_BYTES[plan.precision.weights]
  const source =
    'trained beside the policy (verl 0.8 workers/critic, torchtune recipes/ppo_full_finetune_single_device.py)'
  const weights = item('value model', (parameters.total * bytes) / shards.weights, {
    note: `${short(parameters.total)} parameters × ${bytes} B`,
    source,
  })
  const perParameter =
    OPTIMIZER_ROWS[plan.optimizer].states * STATE_BYTES[plan.precision.optimizerStates] +
    (plan.precision.masterWeights ? plan.precision.masterWeightBytes : 0)
  const states = item('states of the value model', (parameters.total * perParameter) / shards.states, {
    note: `${short(parameters.total)} trained × ${short(perParameter)} B`,
    source,
  })
  return { weights: [weights], states: plan.adapter === null ? [states] : [] }
}
