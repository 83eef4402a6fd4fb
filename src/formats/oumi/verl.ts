import type { PlanDraft } from '../../plan/plan-draft.ts'
import type { ConfigDocument, ConfigNode, Scalar } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import type { ReadContext, RunDraft } from '../reader.ts'
import { verlReader } from '../verl.ts'
import { readDatasets } from './dataset.ts'

interface VerlScope {
  readonly root: ConfigNode
  readonly training: Fields
  readonly model: Fields
  readonly train: Fields
  readonly document: ConfigDocument
  readonly context: ReadContext
}

/** Oumi's keys and where they stand in verl's config (core/trainers/verl_grpo_trainer.py _create_config). */
const MOVED = [
  ['grpo', 'max_completion_length', 'data.max_response_length'],
  ['grpo', 'vllm_gpu_memory_utilization', 'actor_rollout_ref.rollout.gpu_memory_utilization'],
  ['training', 'enable_gradient_checkpointing', 'actor_rollout_ref.model.enable_gradient_checkpointing'],
  ['training', 'num_train_epochs', 'trainer.total_epochs'],
  ['training', 'save_steps', 'trainer.save_freq'],
] as const

/** A VERL_GRPO run as verl's own reader sees it: what Oumi sets, and `training.verl_config_overrides` laid over it. */
export async function readVerlRun({ root, training, model, train, document, context }: VerlScope): Promise<RunDraft> {
  const grpo = training.mapping('grpo')
  const overrides = training.raw('verl_config_overrides')
  const values = new Map<string, ConfigNode>()
  const set = (path: string, node: ConfigNode | undefined, fallback: Scalar): void => {
    values.set(path, node ?? scalarAt(root, fallback))
  }
  set('algorithm.adv_estimator', undefined, 'grpo')
  set('actor_rollout_ref.rollout.name', undefined, grpo?.boolean('use_vllm')?.value ? 'vllm' : 'hf')
  set('actor_rollout_ref.rollout.gpu_memory_utilization', undefined, 0.9)
  set('actor_rollout_ref.model.enable_gradient_checkpointing', undefined, false)
  set('trainer.total_epochs', undefined, 3)
  set('trainer.save_freq', undefined, 500)
  const path = model.raw('model_name')
  if (path !== undefined) values.set('actor_rollout_ref.model.path', path)
  for (const [section, key, target] of MOVED) {
    const own = (section === 'grpo' ? grpo : training)?.raw(key)
    if (own !== undefined) values.set(target, own)
  }
  const steps = training.integer('max_steps')
  const maximum = training.raw('max_steps')
  if (steps && steps.value > 0 && maximum) values.set('trainer.total_training_steps', maximum)
  if (training.string('eval_strategy')?.value === 'steps') set('trainer.test_freq', training.raw('eval_steps'), 500)
  let node: ConfigNode = { ...root, entries: new Map() }
  for (const [target, value] of values) node = withValue(node, target.split('.'), value)
  if (overrides?.kind === 'mapping') node = laidOver(node, overrides)
  const result = await verlReader.read({ ...document, roots: [node] }, context)
  const [run] = result.runs
  const draft: PlanDraft = { ...run?.draft, ...readDatasets(train) }
  return { name: null, draft, findings: [...result.findings, ...(run?.findings ?? [])] }
}

function withValue(node: ConfigNode, [key = '', ...rest]: readonly string[], value: ConfigNode): ConfigNode {
  const child = node.entries.get(key) ?? { ...node, entries: new Map() }
  return {
    ...node,
    entries: new Map([...node.entries, [key, rest.length === 0 ? value : withValue(child, rest, value)]]),
  }
}

/** OmegaConf.merge: mappings key by key, everything else replaced. */
function laidOver(under: ConfigNode, over: ConfigNode): ConfigNode {
  const entries = new Map(under.entries)
  for (const [key, child] of over.entries) {
    const own = entries.get(key)
    entries.set(key, own?.kind === 'mapping' && child.kind === 'mapping' ? laidOver(own, child) : child)
  }
  return { ...over, entries }
}

function scalarAt(place: ConfigNode, scalar: Scalar): ConfigNode {
  return { ...place, kind: 'scalar', scalar, items: [], entries: new Map() }
}
