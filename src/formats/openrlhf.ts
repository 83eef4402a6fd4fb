import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { NO_GENERATION } from '../plan/no-generation.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { Stage } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, nodeAt } from './config-document.ts'
import { Fields } from './fields.ts'
import { listOf } from './hugging-face/lora-keys.ts'
import { hubModel } from './hugging-face/references.ts'
import { OpenRlhfArguments } from './openrlhf/arguments.ts'
import { OPENRLHF_KEYS } from './openrlhf/keys.ts'
import { readOpenRlhfOptimizer, readOpenRlhfSchedule } from './openrlhf/schedule.ts'
import type { FormatReader, ReadContext } from './reader.ts'
import { reportUncounted } from './run-per-document.ts'

const CLI = 'OpenRLHF 0.11 openrlhf/cli'
const ZERO = ['ddp', 'zero1', 'zero2', 'zero3'] as const

const STAGES: Readonly<Record<string, Stage>> = {
  sft: 'sft',
  dpo: 'dpo',
  kto: 'kto',
  rm: 'reward',
  // single sequences through the language model's own head (0.9 trainer/prm_trainer.py)
  prm: 'sft',
  kd: 'sft',
  ppo: 'ppo',
}

/** Of a fork under another name: the arguments that only one program has. */
const PROGRAM_KEYS: readonly (readonly [program: string, keys: readonly string[]])[] = [
  ['ppo', ['prompt_data', 'rollout_batch_size', 'actor_num_gpus_per_node', 'init_kl_coef']],
  ['kd', ['teacher_model']],
  ['dpo', ['ref_pretrain', 'chosen_key']],
]

/** Arguments of `openrlhf.cli.train_*`: dotted since 0.11, underscores before. There is no file format of its own. */
export const openRlhfReader: FormatReader = {
  format: 'openrlhf',
  keys: OPENRLHF_KEYS,
  recognise: document => document.roots.some(isOpenRlhf),
  async read(document, context) {
    const runs = document.roots.slice(0, 1).map(node => {
      const findings: Finding[] = []
      const program = /train_(sft|dpo|kto|kd|rm|prm|ppo)/.exec(document.path)?.[1] ?? programByKeys(node)
      const draft = readOpenRlhf(
        new OpenRlhfArguments(new Fields({ node, findings }), findings, document.path),
        program,
        context,
      )
      return { name: null, draft, findings }
    })
    return { runs, findings: [] }
  },
}

function programByKeys(root: ConfigNode): string {
  return PROGRAM_KEYS.find(([, keys]) => hasAnyKey(root, ...keys))?.[0] ?? 'sft'
}

function isOpenRlhf(root: ConfigNode): boolean {
  const named = ['model', 'actor'].some(key => nodeAt(root, `${key}.model_name_or_path`) !== undefined)
  return named && hasAnyKey(root, 'ds') && hasAnyKey(root, 'train', 'data')
}

function readOpenRlhf(given: OpenRlhfArguments, program: string, context: ReadContext): PlanDraft {
  const online = program === 'ppo'
  const stage = readStage(given, program)
  const role = given.dotted.scope(online ? 'actor' : 'model')
  const model =
    role?.isSet('model_name_or_path') === true
      ? hubModel(role, ['model_name_or_path'], [], given.findings)
      : hubModel(given.flat, ['pretrain'], [], given.findings)
  const adapter = readAdapter(given)
  reportUncounted(given.flat, { teacher_model: 'a teacher model in the same GPUs' }, given.findings)
  const trained = role === undefined ? 'model' : online ? 'actor' : 'model'
  const checkpointing =
    given.flag(`${trained}.gradient_checkpointing_enable`, 'gradient_checkpointing') ??
    byDefault(false, `${CLI}: False`)
  return {
    framework: byDefault('openrlhf', 'the program'),
    libraries: byDefault(context.libraries, 'the repository'),
    stage,
    ...model,
    ...adapter,
    ...readDeepSpeed(given),
    ...readBatch(given, program),
    ...(online ? readOnline(given, { stage, adapter, sharesGpus: !isOverRay(given) }) : readOffline(given, stage)),
    gradientCheckpointing: { ...checkpointing, value: checkpointing.value ? 'full' : 'none' },
    checkpointingReentrant:
      given.flag(`${trained}.gradient_checkpointing_reentrant`, 'gradient_checkpointing_use_reentrant') ??
      byDefault(false, `${CLI}: False`),
  }
}

function readStage(given: OpenRlhfArguments, program: string): Sourced<Stage> {
  if (program !== 'ppo') return byDefault(STAGES[program] ?? 'sft', `the program train_${program}`)
  const estimator = given.text('algo.advantage.estimator', 'advantage_estimator') ?? byDefault('gae', `${CLI}: gae`)
  return { ...estimator, value: estimator.value === 'gae' ? 'ppo' : 'grpo' }
}

function readAdapter(given: OpenRlhfArguments): MutablePlanDraft {
  const rank = given.count('ds.lora.rank', 'lora_rank')
  if (rank === undefined) return { 'adapter.type': byDefault(null, `${CLI}: lora rank 0`) }
  const scope = given.dotted.scope('ds.lora')
  const named = scope?.isSet('target_modules')
    ? listOf(scope, 'target_modules')
    : given.flat.isSet('target_modules')
      ? listOf(given.flat, 'target_modules')
      : undefined
  const all = named === undefined || named.value.includes('all-linear')
  return {
    'adapter.type': { ...rank, value: 'lora' },
    'adapter.rank': rank,
    'adapter.targetRule': byDefault('peft', 'OpenRLHF hands LoraConfig to PEFT'),
    'adapter.targetModules': all ? { ...(named ?? byDefault('', `${CLI}: all-linear`)), value: 'all-linear' } : named,
  }
}

/** DeepSpeed with 16-bit weights and float32 masters (OpenRLHF 0.11 utils/deepspeed/deepspeed_utils.py). */
function readDeepSpeed(given: OpenRlhfArguments): MutablePlanDraft {
  const stage = given.dotted.integer(given.flat.isSet('zero_stage') ? 'zero_stage' : 'ds.zero_stage', {
    min: 0,
    max: 3,
  })
  const zero = stage ?? byDefault(2, `${CLI}: 2`)
  const dtype = given.text('ds.param_dtype', 'param_dtype')
  const half = dtype !== undefined && /16/.test(dtype.value) && !/^bf/.test(dtype.value) ? 'float16' : 'bfloat16'
  const held = { ...(dtype ?? byDefault('bf16', `${CLI}: bf16`)), value: half } as const
  const accumulated = given.text('ds.grad_accum_dtype', 'grad_accum_dtype')
  const offload = given.flag('ds.adam_offload', 'adam_offload')
  const flash = given.text('ds.attn_implementation', 'attn_implementation')
  const liger = given.flag('ds.use_liger_kernel', 'use_liger_kernel') ?? byDefault(false, `${CLI}: False`)
  const quantized = given.flag('ds.load_in_4bit', 'load_in_4bit')
  return {
    'parallelism.data': { ...zero, value: ZERO[zero.value] ?? 'zero2' },
    'parallelism.offload':
      offload?.value === true ? { ...offload, value: 'optimizer' } : byDefault('none', `${CLI}: False`),
    'parallelism.tensor':
      given.count('ds.tensor_parallel_size', 'ds_tensor_parallel_size') ?? byDefault(1, `${CLI}: 1`),
    'parallelism.context': given.count('ds.ring_attn_size', 'ring_attn_size') ?? byDefault(1, `${CLI}: 1`),
    'precision.weights': held,
    'precision.compute': held,
    'adapter.dtype': held,
    'precision.gradients': accumulated?.value === 'fp32' ? { ...accumulated, value: 'float32' } : held,
    'precision.masterWeights': byDefault(true, 'DeepSpeed: float32 master copy of what trains'),
    'precision.optimizerStates': byDefault('float32', 'DeepSpeed: float32 states'),
    quantization:
      quantized?.value === true
        ? { ...quantized, value: 'nf4-double' }
        : byDefault('none', `${CLI}: load_in_4bit False`),
    attention:
      flash === undefined
        ? byDefault('flash', `${CLI}: flash_attention_2`)
        : { ...flash, value: kernelOf(flash.value) },
    fusedKernels: { ...liger, value: liger.value ? 'liger' : 'none' },
    loss: liger.value
      ? { ...liger, value: 'fused_linear' }
      : byDefault('full_logits_float32', 'OpenRLHF 0.11 models/actor.py: logits.to(float32)'),
    ...readOpenRlhfOptimizer(given),
    ...readOpenRlhfSchedule(given),
  }
}

function kernelOf(name: string): 'flash' | 'sdpa' | 'eager' {
  if (/flash/.test(name)) return 'flash'
  return name === 'eager' ? 'eager' : 'sdpa'
}

/** Without Ray (`train_ppo` of 0.6 and before) every role lies on the GPUs of the one launcher. */
function isOverRay(given: OpenRlhfArguments): boolean {
  return (
    !/train_ppo(?:\.py)? /.test(given.path) ||
    hasAnyKey(given.flat.node, 'actor_num_gpus_per_node', 'actor_num_nodes', 'vllm_num_engines', 'actor', 'vllm')
  )
}

/** Arguments that went away after 0.9. */
function isBefore010(given: OpenRlhfArguments): boolean {
  return hasAnyKey(given.flat.node, 'prompt_max_len', 'generate_max_len', 'bf16', 'flash_attn')
}

function readBatch(given: OpenRlhfArguments, program: string): MutablePlanDraft {
  const micro = ['sft', 'dpo', 'kto', 'kd'].includes(program) ? 8 : program === 'ppo' && isBefore010(given) ? 4 : 1
  const epochs = program === 'sft' ? 2 : 1
  const dynamic = given.on('train.dynamic_batch_enable', 'use_dynamic_batch')
  const tokens =
    given.count('train.max_tokens_per_gpu', 'train_max_tokens_per_gpu') ?? byDefault(16_192, `${CLI}: 16192`)
  const packing = given.flag('ds.packing_samples', 'packing_samples') ?? byDefault(false, `${CLI}: False`)
  const samples = given.count('data.max_samples', 'max_samples')
  const batch = given.count('train.batch_size', 'train_batch_size') ?? byDefault(128, `${CLI}: 128`)
  const length = lengthOf(given, program)
  const microBatch =
    given.count('train.micro_batch_size', 'micro_train_batch_size') ?? byDefault(micro, `${CLI}: ${micro}`)
  return {
    globalBatchSize: batch,
    gradientAccumulationSteps: dynamic
      ? rowsOfBatch(given, { sequences: batch.value, length: length.value, tokens })
      : byDefault('auto', 'OpenRLHF: batch size ÷ micro batch ÷ ranks'),
    microBatchSize: dynamic ? byDefault(1, 'one row of max_tokens_per_gpu tokens') : microBatch,
    ...(dynamic ? { sequenceLength: tokens, meanSequenceLength: length } : { sequenceLength: length }),
    // rows of a micro-batch are joined without padding, and filled up under dynamic batches alone
    packing: { ...packing, value: dynamic },
    variableLength: byDefault(true, 'OpenRLHF: padded to the longest of the batch'),
    'dataset.padding': packing.value
      ? { ...packing, value: 'none' }
      : byDefault('longest', 'OpenRLHF: zero_pad_sequences'),
    'dataset.epochs': given.count('train.max_epochs', 'max_epochs') ?? byDefault(epochs, `${CLI}: ${epochs}`),
    ...(samples === undefined
      ? {}
      : {
          'dataset.samples': {
            ...samples,
            from: 'assumed',
            note: 'max_samples is the upper bound',
          } satisfies Sourced<number>,
        }),
    ...datasetOf(given),
  }
}

interface DynamicBatch {
  readonly sequences: number
  readonly length: number
  readonly tokens: Sourced<number>
}

/** Rows that a batch of full sequences fills on each rank. */
function rowsOfBatch(given: OpenRlhfArguments, { sequences, length, tokens }: DynamicBatch): DraftValue<number> {
  const tensor = given.count('ds.tensor_parallel_size', 'ds_tensor_parallel_size')?.value ?? 1
  const ring = given.count('ds.ring_attn_size', 'ring_attn_size')?.value ?? 1
  const note = `${sequences} sequences × ${length} tokens ÷ rows of ${tokens.value} ÷ data-parallel ranks`
  return facts => {
    const ranks = Math.max(1, facts.gpus / (tensor * ring))
    return { ...tokens, value: Math.max(1, Math.ceil((sequences * length) / (tokens.value * ranks))), note }
  }
}

function datasetOf(given: OpenRlhfArguments): MutablePlanDraft {
  const name = given.text('data.dataset', 'dataset') ?? given.text('data.prompt_dataset', 'prompt_data')
  return name === undefined ? {} : { 'dataset.names': { ...name, value: name.value.split(',') } }
}

/** Prompt and response as arguments of their own, up to 0.9. */
function halvesOf(given: OpenRlhfArguments): { readonly prompt: Sourced<number>; readonly response: Sourced<number> } {
  const half = (key: string): Sourced<number> =>
    (given.flat.isSet(key) ? given.flat.integer(key, { min: 1 }) : undefined) ?? byDefault(1024, 'OpenRLHF 0.9: 1024')
  return { prompt: half('prompt_max_len'), response: half('generate_max_len') }
}

/** Tokens of the prompt and of the response: what `rollout.max_new_tokens` leaves, else half of the length each. */
function generationLengths(given: OpenRlhfArguments): { readonly prompt: number; readonly completion: number } {
  if (isBefore010(given)) {
    const { prompt, response } = halvesOf(given)
    return { prompt: prompt.value, completion: response.value }
  }
  const length = lengthOf(given, 'ppo').value
  const asked = given.count('rollout.max_new_tokens', 'max_new_tokens')?.value ?? Math.ceil(length / 2)
  const completion = Math.min(asked, length)
  return { prompt: length - completion, completion }
}

function lengthOf(given: OpenRlhfArguments, program: string): Sourced<number> {
  const usual = ['sft', 'kd', 'ppo'].includes(program) ? 2048 : 512
  if (program === 'ppo' && isBefore010(given)) {
    const { prompt, response } = halvesOf(given)
    return { ...response, value: prompt.value + response.value, note: 'prompt and response' }
  }
  return given.count('data.max_len', 'max_len') ?? byDefault(usual, `${CLI}: ${usual}`)
}

function readOffline(given: OpenRlhfArguments, stage: Sourced<Stage>): MutablePlanDraft {
  if (stage.value === 'sft' || stage.value === 'pretrain') return {}
  const reference =
    stage.value === 'reward' ? 'none' : given.on('ref.offload', 'ref_offload') ? 'precomputed' : 'separate'
  return { reinforcement: { ...stage, value: { ...NO_GENERATION, referenceModel: reference } } }
}

/** Roles beside the actor count only where they share its GPUs. */
function readOnline(
  given: OpenRlhfArguments,
  { stage, adapter, sharesGpus }: { stage: Sourced<Stage>; adapter: PlanDraft; sharesGpus: boolean },
): MutablePlanDraft {
  const nodes = given.count('actor.num_nodes', 'actor_num_nodes') ?? byDefault(1, `${CLI}: 1`)
  const perNode = given.count('actor.num_gpus_per_node', 'actor_num_gpus_per_node') ?? byDefault(8, `${CLI}: 8`)
  const shares = sharesGpus || given.on('train.colocate_all', 'colocate_all_models')
  const withReference = shares || given.on('train.colocate_actor_ref', 'colocate_actor_ref')
  const kl = given.number('algo.kl.init_coef', 'init_kl_coef')?.value ?? 0.01
  const away = given.on('ref.offload', 'ref_offload')
  const engines = given.count('vllm.num_engines', 'vllm_num_engines')
  const share = given.number('vllm.gpu_memory_utilization', 'vllm_gpu_memory_utilization')?.value ?? 0.95
  const adapted = adapter['adapter.type'] !== undefined && adapter['adapter.rank'] !== undefined
  const { prompt, completion } = generationLengths(given)
  const reward =
    given.text('reward.model_name_or_path', 'reward_pretrain') !== undefined &&
    given.text('reward.remote_url', 'remote_rm_url') === undefined
  if (!shares) given.findings.push(otherGpus(given))
  const held = adapted ? 'shared' : away ? 'precomputed' : 'separate'
  return {
    ...(sharesGpus
      ? {}
      : {
          gpus: { ...perNode, value: nodes.value * perNode.value, note: 'GPUs of the actor' },
          gpusPerNode: perNode,
        }),
    reinforcement: {
      ...stage,
      value: {
        referenceModel: kl !== 0 && withReference ? held : 'none',
        generations: given.count('rollout.n_samples_per_prompt', 'n_samples_per_prompt')?.value ?? 1,
        promptLength: prompt,
        completionLength: completion,
        iterations: given.count('train.max_epochs', 'max_epochs')?.value ?? 1,
        generation: engines === undefined ? 'transformers' : shares ? 'vllm_colocate' : 'vllm_server',
        colocatedMemoryShare: engines !== undefined && shares ? share : 0,
        sleepMode: given.on('vllm.enable_sleep', 'vllm_enable_sleep'),
        rewardModel: reward && shares,
        valueModel: stage.value === 'ppo' && shares,
      },
    },
  }
}

function otherGpus(given: OpenRlhfArguments): Finding {
  const { path, line, column } = given.flat.node
  const message = 'Reference, critic, reward and vLLM run on GPUs of their own; figures are those of the actor’s GPUs.'
  return finding('unsupported-option', { path, line, column, message })
}
