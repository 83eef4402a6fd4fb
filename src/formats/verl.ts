import { type Libraries, versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { ReinforcementPlan } from '../plan/training-plan.ts'
import type { StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, nodeAt } from './config-document.ts'
import { DottedFields, withoutInterpolations } from './dotted-fields.ts'
import { Fields } from './fields.ts'
import { listOf } from './hugging-face/lora-keys.ts'
import { hubModel } from './hugging-face/references.ts'
import type { FormatReader, ReadContext } from './reader.ts'
import { reportRefusals } from './refusals/refusal.ts'
import { VERL_REFUSALS } from './refusals/verl-refusals.ts'
import { when } from './section.ts'
import { VERL_KEYS, VERL_SFT_KEYS } from './verl/keys.ts'
import { readVerlOptimizer, readVerlSchedule } from './verl/schedule.ts'
import { readVerlSft } from './verl-sft.ts'

const RL = 'verl 0.8 trainer/config/_generated_ppo_trainer.yaml'
const ACTOR = 'actor_rollout_ref.actor'
const MODEL = 'actor_rollout_ref.model'
const ROLLOUT = 'actor_rollout_ref.rollout'

/** verl's Hydra configs and command lines: PPO, GRPO and their kin, and supervised fine-tuning. */
export const verlReader: FormatReader = {
  format: 'verl',
  keys: [...VERL_KEYS, ...VERL_SFT_KEYS],
  recognise: document => document.roots.some(root => isReinforcement(root) || isFineTuning(root)),
  async read(document, context) {
    const runs = document.roots.slice(0, 1).map(root => {
      const findings: Finding[] = []
      const fields = new Fields({ node: withoutInterpolations(root), findings })
      if (!isFineTuning(root) && !isOfKeptVerl(root) && !isOfOtherProgram(root))
        reportRefusals(root, VERL_REFUSALS, findings)
      const draft = isFineTuning(root) ? readVerlSft(fields, findings, context) : readVerl(fields, findings, context)
      return { name: null, draft, findings }
    })
    return { runs, findings: [] }
  },
}

/** Laid over the file of a verl that the repository keeps: of its own version, whose checks are not known. */
function isOfKeptVerl(root: ConfigNode): boolean {
  return /(?:^|\/)(?:verl|recipe)\/(?:[\w-]+\/)*config\//.test(root.path)
}

/** Programs of verl/experimental that act in an environment or generate beside the training, and check less. */
function isOfOtherProgram(root: ConfigNode): boolean {
  return root.entries.has('env') || root.entries.has('async_training')
}

function isReinforcement(root: ConfigNode): boolean {
  return (
    nodeAt(root, MODEL) !== undefined &&
    (root.entries.has('data') || root.entries.has('trainer') || root.entries.has('algorithm'))
  )
}

function isFineTuning(root: ConfigNode): boolean {
  if (root.entries.has('actor_rollout_ref') || root.entries.has('policy')) return false
  const model = root.entries.get('model')
  const named = model?.entries.has('partial_pretrain') === true
  const engine =
    model?.entries.has('path') === true &&
    (root.entries.has('engine') || nodeAt(root, 'data.micro_batch_size_per_gpu') !== undefined)
  return root.entries.has('data') && (named || engine)
}

function readVerl(root: Fields, findings: Finding[], context: ReadContext): PlanDraft {
  const fields = new DottedFields(root)
  const model = fields.scope(MODEL)
  const megatron = isMegatron(fields)
  const adapter = readVerlAdapter(fields, MODEL)
  const reinforcement = readReinforcement(fields)
  return {
    framework: byDefault('verl', 'the format'),
    libraries: byDefault(context.libraries, 'the repository'),
    stage: readStage(fields),
    ...(model === undefined ? {} : hubModel(model, ['path'], [], findings)),
    ...adapter,
    ...(megatron ? readMegatron(fields) : readFsdp(fields)),
    ...readBatch(fields, reinforcement.value),
    ...(megatron ? {} : readModelSwitches(fields, context.libraries)),
    ...readGpus(fields),
    ...readLength(fields, context.libraries),
    ...readVerlOptimizer(fields, `${ACTOR}.optim`, megatron),
    ...readVerlSchedule(fields),
    reinforcement,
  }
}

function readStage(fields: DottedFields): Sourced<'ppo' | 'grpo'> {
  const estimator = fields.string('algorithm.adv_estimator') ?? byDefault('gae', `${RL}: gae`)
  return { ...estimator, value: estimator.value === 'gae' ? 'ppo' : 'grpo' }
}

function isMegatron(fields: DottedFields): boolean {
  const strategy = fields.string(`${ACTOR}.strategy`)?.value
  if (strategy !== undefined) return strategy === 'megatron'
  return /megatron/.test(fields.string('config_name')?.value ?? '') || fields.scope(`${ACTOR}.megatron`) !== undefined
}

/** `lora_rank` above 0 turns LoRA on; both verl trainers share the keys. */
export function readVerlAdapter(fields: DottedFields, path: string): MutablePlanDraft {
  const rank = fields.positive(`${path}.lora_rank`)
  if (rank === undefined) return { 'adapter.type': byDefault(null, `${RL}: lora_rank 0`) }
  const scope = fields.scope(path)
  const named = scope?.isSet('target_modules') ? listOf(scope, 'target_modules') : undefined
  const all = named === undefined || named.value.includes('all-linear')
  return {
    'adapter.type': { ...rank, value: 'lora' },
    'adapter.rank': rank,
    'adapter.targetRule': byDefault('peft', 'verl hands LoraConfig to PEFT'),
    'adapter.targetModules': all ? { ...(named ?? byDefault('', `${RL}: all-linear`)), value: 'all-linear' } : named,
  }
}

function readFsdp(fields: DottedFields): MutablePlanDraft {
  const path = `${ACTOR}.fsdp_config`
  const strategy = fields.string(`${ACTOR}.strategy`) ?? byDefault('fsdp', `${RL}: fsdp`)
  const size = fields.positive(`${path}.fsdp_size`)
  const policy = fields.boolean(`${path}.offload_policy`)
  const sequence = fields.positive(`${ACTOR}.ulysses_sequence_parallel_size`) ?? byDefault(1, `${RL}: 1`)
  return {
    ...fsdpPrecision(fields.string(`${path}.model_dtype`), `${RL}: model_dtype fp32`),
    'parallelism.data': { ...strategy, value: strategy.value === 'fsdp2' ? 'fsdp2' : 'fsdp1' },
    'parallelism.shardSize': size ?? byDefault(null, `${RL}: fsdp_size −1, all ranks`),
    'parallelism.reshardAfterForward':
      fields.boolean(`${path}.reshard_after_forward`) ?? byDefault(true, `${RL}: true`),
    'parallelism.context': sequence,
    'parallelism.offload':
      policy?.value === true
        ? { ...policy, value: 'parameters_and_optimizer' }
        : byDefault(
            'none',
            'param_offload and optimizer_offload move to the CPU between phases only (verl fsdp_workers.py)',
          ),
  }
}

/** FSDP holds `model_dtype` and computes in bfloat16 under autocast (verl 0.8 workers/actor/dp_actor.py). */
export function fsdpPrecision(dtype: Sourced<string> | undefined, note: string): MutablePlanDraft {
  const half = dtype !== undefined && /^(?:bf16|bfloat16)$/.test(dtype.value)
  const held: Sourced<StorageDtype> = { ...(dtype ?? byDefault('fp32', note)), value: half ? 'bfloat16' : 'float32' }
  return {
    'precision.weights': held,
    'precision.gradients': held,
    'adapter.dtype': held,
    'precision.compute': byDefault('bfloat16', `${RL}: dtype bfloat16`),
    'precision.autocast': byDefault(true, 'verl 0.8 workers/actor/dp_actor.py: torch.autocast'),
    attention: byDefault('flash', 'verl 0.8 workers/fsdp_workers.py: flash_attention_2'),
  }
}

function readMegatron(fields: DottedFields): MutablePlanDraft {
  const path = `${ACTOR}.megatron`
  const note = 'verl 0.8 trainer/config/engine/megatron.yaml'
  const size = (key: string): Sourced<number> => fields.positive(`${path}.${key}`) ?? byDefault(1, `${note}: 1`)
  const tensor = size('tensor_model_parallel_size')
  const distributed = fields.boolean(`${path}.use_distributed_optimizer`) ?? byDefault(true, `${note}: True`)
  const recompute = `${path}.override_transformer_config.recompute_granularity`
  const granularity = fields.string(recompute)
  const offload = 'param_offload and optimizer_offload move to the CPU between phases only (verl megatron_workers.py)'
  return {
    'precision.weights': byDefault('bfloat16', `${note}: dtype bfloat16`),
    'precision.compute': byDefault('bfloat16', `${note}: dtype bfloat16`),
    'precision.gradients': byDefault('float32', 'Megatron core 0.20: bf16 gradients are accumulated in float32'),
    'precision.optimizerStates': byDefault('float32', 'Megatron core 0.20 optimizer_config.py'),
    'precision.masterWeights': byDefault(true, 'Megatron core 0.20 Float16OptimizerWithFloat16Params'),
    'parallelism.data': { ...distributed, value: distributed.value ? 'distributed_optimizer' : 'ddp' },
    'parallelism.tensor': tensor,
    'parallelism.sequenceParallel':
      fields.boolean(`${path}.sequence_parallel`) ??
      byDefault(tensor.value > 1, `${note}: True, with tensor parallelism`),
    'parallelism.pipeline': size('pipeline_model_parallel_size'),
    'parallelism.context': size('context_parallel_size'),
    'parallelism.expert': size('expert_model_parallel_size'),
    ...when('parallelism.expertTensor', fields.positive(`${path}.expert_tensor_parallel_size`)),
    'parallelism.offload': byDefault('none', offload),
    gradientCheckpointing:
      granularity === undefined
        ? byDefault('none', `${note}: recompute_granularity null`)
        : { ...granularity, value: granularity.value === 'full' ? 'full' : 'selective' },
    loss: byDefault('vocab_parallel', 'Megatron core: vocab-parallel log-probabilities'),
    attention: byDefault('flash', `${note}: attention_backend flash`),
  }
}

function readModelSwitches(fields: DottedFields, libraries: Libraries): MutablePlanDraft {
  const checkpointing =
    fields.boolean(`${MODEL}.enable_gradient_checkpointing`) ?? versionDefault('verl.gradient_checkpointing', libraries)
  const fused = fields.boolean(`${MODEL}.use_fused_kernels`) ?? byDefault(false, `${RL}: false`)
  const liger = fields.boolean(`${MODEL}.use_liger`) ?? byDefault(false, `${RL}: false`)
  return {
    gradientCheckpointing: { ...checkpointing, value: checkpointing.value ? 'full' : 'none' },
    checkpointingReentrant: byDefault(false, 'verl 0.8 workers/fsdp_workers.py: use_reentrant False'),
    activationOffload: fields.boolean(`${MODEL}.enable_activation_offload`) ?? byDefault(false, `${RL}: false`),
    fusedKernels: { ...liger, value: liger.value ? 'liger' : 'none' },
    loss: fused.value
      ? { ...fused, value: 'fused_linear' }
      : byDefault('in_place', 'verl @b178a3c utils/torch_functional.py: flash-attn’s cross entropy'),
  }
}

function readBatch(fields: DottedFields, { generations }: ReinforcementPlan): MutablePlanDraft {
  const mini = fields.positive(`${ACTOR}.ppo_mini_batch_size`) ?? byDefault(256, `${RL}: 256`)
  const note = `ppo_mini_batch_size ${mini.value} prompts × ${generations} responses`
  return {
    globalBatchSize: { ...mini, value: mini.value * generations, note },
    gradientAccumulationSteps: fields.isOn(`${ACTOR}.use_dynamic_bsz`)
      ? rowsOfMiniBatch(fields, mini.value * generations)
      : byDefault('auto', 'verl: mini batch ÷ micro batch ÷ ranks'),
    microBatchSize: microBatch(fields),
  }
}

/** Ranks that take the same sequences (verl 0.8 workers/{fsdp,megatron}_workers.py). */
const SHARED_BY = [
  'ulysses_sequence_parallel_size',
  'megatron.tensor_model_parallel_size',
  'megatron.pipeline_model_parallel_size',
  'megatron.context_parallel_size',
] as const

function microBatch(fields: DottedFields): DraftValue<number> {
  const perGpu = fields.positive(`${ACTOR}.ppo_micro_batch_size_per_gpu`)
  const dynamic = fields.boolean(`${ACTOR}.use_dynamic_bsz`)
  if (dynamic?.value === true) return { ...dynamic, value: 1, note: 'one row of ppo_max_token_len_per_gpu tokens' }
  if (perGpu !== undefined) return perGpu
  const global = fields.positive(`${ACTOR}.ppo_micro_batch_size`)
  if (global === undefined) return { value: 1, from: 'assumed', note: 'set ppo_micro_batch_size_per_gpu to be sure' }
  const shared = rankProduct(fields, SHARED_BY)
  const note = 'over the data-parallel ranks'
  return facts => ({ ...global, value: Math.max(1, Math.floor((global.value * shared) / facts.gpus)), note })
}

function rankProduct(fields: DottedFields, keys: readonly string[]): number {
  return keys.reduce((ranks, key) => ranks * (fields.positive(`${ACTOR}.${key}`)?.value ?? 1), 1)
}

/** Ranks that cut one row among themselves. */
const ROW_SHARED_BY = ['ulysses_sequence_parallel_size', 'megatron.context_parallel_size'] as const

/** Tokens of a row: what a GPU takes at once, times the ranks that share it. */
function rowTokens(fields: DottedFields): Sourced<number> {
  const tokens = fields.positive(`${ACTOR}.ppo_max_token_len_per_gpu`) ?? byDefault(16_384, `${RL}: 16384`)
  return { ...tokens, value: tokens.value * rankProduct(fields, ROW_SHARED_BY) }
}

function sequenceTokens(fields: DottedFields): number {
  const length = (key: string): number => fields.positive(key)?.value ?? 512
  return length('data.max_prompt_length') + length('data.max_response_length')
}

/** Rows that a mini batch of full sequences fills on each rank (utils/seqlen_balancing.py rearrange_micro_batches). */
function rowsOfMiniBatch(fields: DottedFields, sequences: number): DraftValue<number> {
  const tokens = rowTokens(fields)
  const ranks = rankProduct(fields, SHARED_BY)
  const whole = sequences * sequenceTokens(fields)
  const note = `${sequences} sequences × ${sequenceTokens(fields)} tokens ÷ rows of ${tokens.value} ÷ data-parallel ranks`
  return facts => ({
    ...tokens,
    value: Math.max(1, Math.ceil((whole * ranks) / (tokens.value * Math.max(ranks, facts.gpus)))),
    note,
  })
}

/** Prompt and response, or under dynamic batches the tokens of a row. */
function readLength(fields: DottedFields, libraries: Libraries): MutablePlanDraft {
  const prompt = fields.positive('data.max_prompt_length') ?? byDefault(512, `${RL}: 512`)
  const response = fields.positive('data.max_response_length') ?? byDefault(512, `${RL}: 512`)
  const note = `prompt ${prompt.value} + response ${response.value} tokens`
  const remove = isMegatron(fields) ? megatronRemovesPadding(fields) : removesPadding(fields, libraries)
  const dynamic = fields.isOn(`${ACTOR}.use_dynamic_bsz`)
  const whole = { ...response, value: prompt.value + response.value, note }
  return {
    ...(dynamic ? { sequenceLength: rowTokens(fields), meanSequenceLength: whole } : { sequenceLength: whole }),
    packing: { ...remove, value: dynamic },
    variableLength: byDefault(true, 'responses differ in length'),
    'dataset.padding': { ...remove, value: remove.value ? 'none' : 'fixed' },
    'dataset.dropLast': byDefault(true, 'verl 0.8 trainer/ppo/ray_trainer.py _create_dataloader: drop_last'),
    'dataset.epochs': fields.positive('trainer.total_epochs') ?? byDefault(30, `${RL}: 30`),
    'dataset.samples': fields.positive('data.train_max_samples') ?? byDefault(null, 'the rows of the file'),
    ...namesOfFiles(fields, 'data.train_files'),
  }
}

function removesPadding(fields: DottedFields, libraries: Libraries): Sourced<boolean> {
  return fields.boolean(`${MODEL}.use_remove_padding`) ?? versionDefault('verl.use_remove_padding', libraries)
}

/** Megatron joins rows whatever the model's key says; since 0.7 it has one of its own (models/mcore/model_forward.py). */
function megatronRemovesPadding(fields: DottedFields): Sourced<boolean> {
  return (
    fields.boolean(`${ACTOR}.megatron.use_remove_padding`) ??
    byDefault(true, 'verl 0.9 trainer/config/engine/megatron.yaml: true')
  )
}

export function namesOfFiles(fields: DottedFields, path: string): MutablePlanDraft {
  const names = fields.strings(path)
  return names === undefined ? {} : { 'dataset.names': names }
}

function readGpus(fields: DottedFields): MutablePlanDraft {
  const nodes = fields.positive('trainer.nnodes') ?? byDefault(1, `${RL}: nnodes 1`)
  const perNode = fields.positive('trainer.n_gpus_per_node') ?? byDefault(8, `${RL}: n_gpus_per_node 8`)
  return { gpus: { ...perNode, value: perNode.value * nodes.value }, gpusPerNode: perNode }
}

function readReinforcement(fields: DottedFields): Sourced<ReinforcementPlan> {
  const stage = readStage(fields)
  const kl = fields.isOn(`${ACTOR}.use_kl_loss`) || fields.isOn('algorithm.use_kl_in_reward')
  const shared = fields.positive(`${MODEL}.lora_rank`) !== undefined
  const away =
    fields.isOn('actor_rollout_ref.ref.fsdp_config.param_offload') ||
    fields.isOn('actor_rollout_ref.ref.megatron.param_offload')
  const share = fields.number(`${ROLLOUT}.gpu_memory_utilization`, { min: 0, max: 1 })?.value ?? 0.5
  const engine = fields.string(`${ROLLOUT}.name`)?.value ?? 'vllm'
  const transformers = engine === 'hf'
  return {
    ...stage,
    value: {
      referenceModel: kl ? (shared ? 'shared' : away ? 'precomputed' : 'separate') : 'none',
      generations: fields.positive(`${ROLLOUT}.n`)?.value ?? 1,
      promptLength: fields.positive('data.max_prompt_length')?.value ?? 512,
      completionLength: fields.positive('data.max_response_length')?.value ?? 512,
      iterations: fields.positive(`${ACTOR}.ppo_epochs`)?.value ?? 1,
      generation: transformers ? 'transformers' : 'vllm_colocate',
      colocatedMemoryShare: transformers ? 0 : share,
      sleepMode: fields.boolean(`${ROLLOUT}.free_cache_engine`)?.value ?? true,
      rewardModel: fields.isOn('reward_model.enable'),
      valueModel: stage.value === 'ppo',
    },
  }
}
