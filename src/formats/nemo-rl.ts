import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { type ConfigNode, hasAnyKey, hasKeys, nodeAt } from './config-document.ts'
import { DottedFields } from './dotted-fields.ts'
import { Fields } from './fields.ts'
import { hubModel, namesIn } from './hugging-face/references.ts'
import { readNemoRlEngine } from './nemo-rl/engines.ts'
import { inherited } from './nemo-rl/inherited.ts'
import { nemoRlReinforcement } from './nemo-rl/reinforcement.ts'
import { baseOfSection, SHIPPED_SOURCE, type ShippedBase, shippedBase } from './nemo-rl/shipped-bases.ts'
import { resolveInterpolations } from './omega-conf.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { reportUnmodelled } from './run-per-document.ts'
import { keyTable, mapped } from './section.ts'

const SECTIONS = ['grpo', 'sft', 'dpo', 'rm', 'ppo', 'distillation'] as const
const READ = [...SECTIONS, 'policy', 'cluster', 'checkpointing', 'loss_fn', 'env']

/** NeMo RL configs: supervised fine-tuning, DPO, reward models, GRPO, PPO, distillation, with what they inherit. */
export const nemoRlReader: FormatReader = {
  format: 'nemo-rl',
  keys: keyTable(SHIPPED_SOURCE, [
    ['defaults', 'the configs inherited from, followed through the repository', 'none'],
    ['policy.model_name', 'model', 'Llama-3.2-1B (sft), -Instruct (dpo, rm), Qwen2.5-1.5B (grpo, ppo)'],
    [
      'policy.train_global_batch_size',
      'globalBatchSize; pairs in dpo and rm',
      '32 sft, 128 dpo and rm, 512 grpo and ppo',
    ],
    ['policy.train_micro_batch_size', 'microBatchSize', '1 sft and rm, 2 dpo, 4 grpo and ppo'],
    ['policy.max_total_sequence_length', 'sequenceLength', '1024 sft and dpo, 8192 rm, 512 grpo, 16384 ppo'],
    ['policy.precision', 'precision.compute', 'bfloat16 over float32 weights'],
    ['policy.dtensor_cfg', 'parallelism (FSDP2), adapter, gradientCheckpointing', 'enabled'],
    ['policy.megatron_cfg', 'parallelism, precision, adapter, gradientCheckpointing', 'enabled: false'],
    ['policy.dtensor_cfg.env_vars, policy.megatron_cfg.env_vars', 'expandableSegments', 'none'],
    ['policy.sequence_packing, policy.dynamic_batching', 'dataset.padding none', 'packing in grpo and ppo'],
    ['policy.optimizer', 'optimizer', 'torch.optim.AdamW; not fused in sft, dpo, rm'],
    ['policy.generation', 'reinforcement', 'vllm, colocated at 0.6 of the memory'],
    ['grpo.num_prompts_per_step, grpo.num_generations_per_prompt', 'reinforcement', '32, 16'],
    ['*.max_num_steps, *.max_num_epochs', 'dataset', '60 sft, 150 dpo, none'],
    ['loss_fn.reference_policy_kl_penalty', 'reinforcement.referenceModel', '0.01 grpo, 0 ppo'],
    ['cluster.gpus_per_node, cluster.num_nodes', 'gpus', '1, 1'],
    ['checkpointing.save_period', 'checkpoints', '10'],
  ]),
  recognise: ({ roots }) => roots.some(isNemoRl),
  async read(document, context) {
    const runs: RunDraft[] = []
    for (const root of document.roots.filter(isNemoRl)) {
      const findings: Finding[] = []
      const whole = await inherited(document, root, { context, findings, open: [document.path] })
      const unresolved: Finding[] = []
      const resolved = resolveInterpolations(whole.root, unresolved, READ)
      if (whole.missing.length === 0) findings.push(...unresolved)
      const draft = readDraft(new Fields({ node: resolved, findings }), whole.missing, findings)
      runs.push({ name: null, draft, findings })
    }
    return { runs, findings: [] }
  },
}

function isNemoRl(root: ConfigNode): boolean {
  const policy = root.entries.get('policy')
  const section = SECTIONS.some(key => root.entries.get(key)?.kind === 'mapping')
  if (hasKeys(policy, 'model_name')) return section || hasKeys(root, 'cluster') || inherits(root)
  return inherits(root) && (section || hasAnyKey(root, 'policy', 'cluster', 'checkpointing', 'loss_fn', 'data_plane'))
}

/** Hydra's `defaults:` are groups and names; NeMo RL's are YAML files. */
function inherits(root: ConfigNode): boolean {
  const named = root.entries.get('defaults')
  const items = named?.kind === 'sequence' ? named.items : named ? [named] : []
  return items.length > 0 && items.every(({ scalar }) => typeof scalar === 'string' && /\.ya?ml$/.test(scalar))
}

function readDraft(top: Fields, missing: readonly string[], findings: Finding[]): PlanDraft {
  const fields = new DottedFields(top)
  const section = SECTIONS.find(key => fields.scope(key) !== undefined)
  const base =
    missing.map(shippedBase).find(candidate => candidate !== undefined) ??
    baseOfSection(section ?? (fields.scope('policy.generation') === undefined ? 'sft' : 'grpo'))
  const source = `${SHIPPED_SOURCE}/${base.file}`
  const kind = section ?? (base.stage === 'reward' ? 'rm' : base.stage)
  const policy = fields.scope('policy')
  const isTaught = kind === 'distillation' || base.file.startsWith('distillation')
  if (isTaught || fields.scope('teacher')) {
    const node = top.node.entries.get('teacher') ?? top.node
    const message = 'The teacher’s weights and forward passes are not part of the estimate.'
    findings.push(finding('unsupported-option', { path: node.path, line: node.line, message }))
  }
  if (policy) reportUnmodelled(policy, UNMODELLED, findings)
  const stage = section === undefined ? base.stage : baseOfSection(section).stage
  return {
    framework: byDefault('nemo-rl', 'the format'),
    stage: byDefault(stage, `the \`${kind}\` section`),
    ...readModel(fields, missing, base, findings),
    ...readNemoRlEngine(fields, base, findings),
    microBatchSize: fields.positive('policy.train_micro_batch_size') ?? byDefault(base.microBatchSize, source),
    globalBatchSize: fields.positive('policy.train_global_batch_size') ?? byDefault(base.globalBatchSize, source),
    gradientAccumulationSteps: byDefault('auto', 'NeMo RL: global ÷ micro-batch ÷ data-parallel ranks'),
    ...readLength(fields, base, stage === 'sft' ? 'longest' : 'fixed'),
    ...readSchedule(fields, kind, base),
    ...readCluster(fields, base, findings),
    reinforcement: nemoRlReinforcement(fields, stage, base),
    evaluation: byDefault(null, 'validation runs without gradients at the training micro-batch'),
    checkpoints: readCheckpoints(fields, base, updatesPerStep(fields, kind, base)),
  }
}

const UNMODELLED = {
  draft: 'a draft model trained beside the policy',
} as const

function readModel(
  fields: DottedFields,
  missing: readonly string[],
  base: ShippedBase,
  findings: Finding[],
): MutablePlanDraft {
  const policy = fields.scope('policy')
  if (policy?.isSet('model_name')) return hubModel(policy, ['model_name'], [], findings)
  const isShipped = missing.some(path => shippedBase(path) !== undefined)
  if (isShipped)
    return {
      model: byDefault(
        { kind: 'hub', id: base.modelName, revision: null } as const,
        `${SHIPPED_SOURCE}/${base.file}: model_name`,
      ),
    }
  return missing.length === 0 && policy
    ? hubModel(policy, ['model_name'], [], findings)
    : missingModel(fields, findings)
}

function missingModel(fields: DottedFields, findings: Finding[]): MutablePlanDraft {
  const node = fields.scope('')?.node
  const message = '`policy.model_name` is set by a config that is not in the repository.'
  findings.push(finding('missing-key', { path: node?.path ?? null, line: node?.line ?? null, message }))
  return {}
}

/**
 * A packed or dynamic micro-batch holds at most as many tokens as the padded one (train_mb_tokens); the global batch counts samples all the
 * same, so that rows are joined and not filled up.
 */
function readLength(fields: DottedFields, base: ShippedBase, padding: 'longest' | 'fixed'): MutablePlanDraft {
  const source = `${SHIPPED_SOURCE}/${base.file}`
  const packing =
    fields.boolean('policy.sequence_packing.enabled') ?? byDefault(base.sequencePacking, `${source}: sequence_packing`)
  const dynamic =
    fields.boolean('policy.dynamic_batching.enabled') ?? byDefault(base.dynamicBatching, `${source}: dynamic_batching`)
  const isDense = packing.value || dynamic.value
  return {
    sequenceLength: fields.positive('policy.max_total_sequence_length') ?? byDefault(base.sequenceLength, source),
    packing: mapped(packing, () => false),
    variableLength: byDefault(true, 'NeMo RL: batches are cut to their longest sample'),
    'dataset.padding': byDefault(isDense ? 'none' : padding, 'NeMo RL: padded to the longest of the batch'),
  }
}

/** min(epochs × batches, steps); NeMo RL's own configs write 1000000 for no limit. */
const NO_LIMIT = 100_000

function readSchedule(fields: DottedFields, kind: string, base: ShippedBase): MutablePlanDraft {
  const source = `${SHIPPED_SOURCE}/${base.file}`
  const steps =
    fields.positive(`${kind}.max_num_steps`) ??
    (fields.isSet(`${kind}.max_num_steps`) ? undefined : byDefault(base.maxSteps, source))
  const epochs = fields.positive(`${kind}.max_num_epochs`) ?? byDefault(base.maxEpochs, source)
  const updates = updatesPerStep(fields, kind, base)
  const train = fields.node('data.train') ?? fields.node('data.dataset_name')
  const names = train ? namesOf(train) : []
  const limited =
    steps && steps.value !== null && steps.value < NO_LIMIT ? { ...steps, value: steps.value * updates } : null
  return {
    ...(limited
      ? { 'dataset.maxSteps': updates > 1 ? { ...limited, note: `${updates} optimizer steps a step` } : limited }
      : {}),
    ...(epochs.value < NO_LIMIT ? { 'dataset.epochs': epochs } : {}),
    ...(train && names.length > 0
      ? { 'dataset.names': { value: names, from: 'file', path: train.path, line: train.line } }
      : {}),
  }
}

function namesOf(node: ConfigNode): readonly string[] {
  const name = node.kind === 'mapping' ? (nodeAt(node, 'dataset_name') ?? nodeAt(node, 'data_path')) : undefined
  return name ? namesIn(name) : node.kind === 'mapping' ? [] : namesIn(node)
}

/** A step of generation feeds prompts × generations samples to updates of train_global_batch_size. */
function updatesPerStep(fields: DottedFields, kind: string, base: ShippedBase): number {
  if (kind !== 'grpo' && kind !== 'ppo') return 1
  const prompts = fields.positive(`${kind}.num_prompts_per_step`)?.value ?? base.promptsPerStep
  const generations = fields.positive(`${kind}.num_generations_per_prompt`)?.value ?? base.generationsPerPrompt
  const whole = fields.positive('policy.train_global_batch_size')?.value ?? base.globalBatchSize
  const rounds = kind === 'ppo' ? (fields.positive('ppo.ppo_epochs')?.value ?? 4) : 1
  return Math.max(1, Math.round((prompts * generations) / whole)) * rounds
}

/** Generation, reward models and environments of their own take whole nodes, or GPUs of the only one, from training. */
function readCluster(fields: DottedFields, base: ShippedBase, findings: Finding[]): MutablePlanDraft {
  const source = `${SHIPPED_SOURCE}/${base.file}`
  const perNode: Sourced<number> = fields.positive('cluster.gpus_per_node') ?? byDefault(base.gpusPerNode, source)
  const nodes: Sourced<number> = fields.positive('cluster.num_nodes') ?? byDefault(1, source)
  const whole = perNode.value * nodes.value
  const apart = fields.boolean('policy.generation.colocated.enabled')
  const takers = [
    ...(apart?.value === false ? ['policy.generation.colocated.resources'] : []),
    ...(fields.isOn('env.reward_model.enabled') ? ['env.reward_model.resources'] : []),
  ]
  const take = (key: string): number =>
    takers.reduce((sum, path) => sum + (fields.positive(`${path}.${key}`)?.value ?? 0), 0)
  const environments = fields.positive('env.nemo_gym.num_gpu_nodes')?.value ?? 0
  const left =
    nodes.value === 1
      ? Math.max(1, perNode.value - take('gpus_per_node'))
      : perNode.value * Math.max(1, nodes.value - take('num_nodes') - environments)
  if (left === whole) return { gpus: mapped(perNode, () => whole), gpusPerNode: perNode }
  const { path = null, line = null, column = null } = apart ?? nodes
  const message = `${whole - left} of ${whole} GPUs generate or score only; memory, time and cost are those of the other ${left}.`
  findings.push(finding('unsupported-option', { path, line, column, message }))
  return { gpus: { ...perNode, value: left }, gpusPerNode: mapped(perNode, count => Math.min(count, left)) }
}

function readCheckpoints(fields: DottedFields, base: ShippedBase, updates: number): PlanDraft['checkpoints'] & {} {
  const enabled = fields.boolean('checkpointing.enabled')
  if (enabled?.value === false) return mapped(enabled, () => null)
  const period = fields.positive('checkpointing.save_period') ?? byDefault(base.savePeriod, SHIPPED_SOURCE)
  const includesOptimizer = fields.boolean('checkpointing.save_optimizer')?.value !== false
  return mapped(period, steps => ({ everySteps: steps * updates, timesTotal: null, includesOptimizer }))
}
