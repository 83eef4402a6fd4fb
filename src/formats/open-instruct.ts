import { applyEngine, type Engine } from '../launch/engine.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { assumed, byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { ConfigDocument, ConfigNode } from './config-document.ts'
import { Fields } from './fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf } from './hugging-face/companions.ts'
import { hasOpenInstructKeys } from './hugging-face/open-instruct-keys.ts'
import { hubModel } from './hugging-face/references.ts'
import { setKey } from './key-rows.ts'
import { mixtureDraft } from './open-instruct/mixture.ts'
import { isOnOlmoCore, readOlmoCore } from './open-instruct/olmo-core.ts'
import { isOnlineTraining, readOnlineTraining } from './open-instruct/online.ts'
import { readPreference, type TrainerKind, trainerKind } from './open-instruct/preference.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { keyTable, mapped, orDefault, when } from './section.ts'

const SFT = 'open-instruct @e6c3044 open_instruct/finetune.py'
const DPO = 'open-instruct @e6c3044 open_instruct/dpo_utils.py, olmo_core_utils.py'

/** open-instruct: supervised fine-tuning, preference tuning, reward models, and GRPO commands. */
export const openInstructReader: FormatReader = {
  format: 'open-instruct',
  keys: [
    ...keyTable(SFT, [
      ['model_name_or_path, model_revision', 'model', 'required'],
      ['per_device_train_batch_size', 'microBatchSize', '8'],
      ['gradient_accumulation_steps', 'gradientAccumulationSteps', '1'],
      ['max_seq_length', 'sequenceLength', 'None: not cut'],
      ['num_train_epochs, max_train_steps', 'dataset', '2, None'],
      ['dataset_name, dataset_mixer, dataset_mixer_list', 'dataset', 'required'],
      ['max_train_samples', 'dataset.samples', 'None'],
      ['gradient_checkpointing', 'gradientCheckpointing', 'False'],
      ['use_lora, lora_rank, lora_dropout', 'adapter', 'False, 64, 0.1; all seven projections'],
      ['use_qlora', 'quantization', 'False; nf4, double quantised'],
      ['use_8bit_optimizer, fused_optimizer', 'optimizer', 'False, True'],
      ['use_liger_kernel', 'fusedKernels, loss', 'False'],
      ['packing', 'dataset.padding', 'False: padded to the longest of the batch'],
      ['sequence_parallel_size', 'parallelism.context', '1'],
      ['checkpointing_steps', 'checkpoints', 'None'],
    ]),
    ...keyTable(DPO, [
      ['num_epochs', 'dataset.epochs', '1'],
      [
        'loss_type',
        'stage, reinforcement.referenceModel',
        'dpo_norm; reference log-probabilities are cached before training',
      ],
      ['zero_stage, offload_optimizer, offload_param', 'parallelism', 'None: as launched'],
      ['activation_memory_budget', 'gradientCheckpointing', '1.0: off'],
      ['dpo_use_paged_optimizer', 'optimizerPaged', 'False'],
      ['fsdp_shard_degree, fsdp_num_replicas', 'parallelism.data, parallelism.shardSize', 'None: FSDP within a node'],
      ['tensor_parallel_degree, cp_degree', 'parallelism.tensor, parallelism.context', '1, None'],
      ['activation_checkpointing_mode, compile_model', 'gradientCheckpointing, compile', 'budget, True'],
    ]),
    ...keyTable('open-instruct @e6c3044 open_instruct/grpo_utils.py, data_loader.py', [
      ['pack_length, response_length, max_prompt_token_length', 'sequenceLength, reinforcement', '512, 256, 256'],
      ['num_unique_prompts_rollout, num_samples_per_prompt_rollout', 'globalBatchSize', '16, 4'],
      ['num_learners_per_node, single_gpu_mode', 'gpus', '[1], False'],
      ['deepspeed_stage', 'parallelism.data', '0'],
      ['load_ref_policy', 'reinforcement.referenceModel', 'True'],
      ['total_episodes, num_training_steps', 'dataset.maxSteps', '100000, None'],
    ]),
  ],
  recognise: ({ roots }) => roots.some(hasOpenInstructKeys),
  async read(document, context) {
    const runs: RunDraft[] = []
    const matching = document.roots.filter(hasOpenInstructKeys)
    for (const root of matching.length > 0 ? matching : document.roots.slice(0, 1)) {
      const findings: Finding[] = []
      runs.push({ name: null, draft: await readDraft(root, { document, context, findings }), findings })
    }
    return { runs, findings: [] }
  },
}

async function readDraft(root: ConfigNode, scope: CompanionScope): Promise<PlanDraft> {
  const fields = new Fields({ node: root, findings: scope.findings })
  const kind = trainerKind(root, scope.document.path)
  const core = isOnOlmoCore(root) ? readOlmoCore(fields, scope.findings) : null
  if (kind === 'grpo' || isOnlineTraining(root))
    return { ...shared(fields, 'grpo', scope), ...readOnlineTraining(fields), ...core }
  const draft: PlanDraft = {
    ...shared(fields, kind, scope),
    ...readPreference(fields, kind),
    ...readSchedule(fields, kind),
    ...mixtureDraft(fields),
    ...readGpus(scope.document),
  }
  if (core) return { ...draft, ...core }
  const isLaunched = fields.has('launcher')
  const engine = (await engineOf(fields, scope)) ?? (isLaunched ? null : usualEngine(fields, scope))
  return engine ? applyEngine(draft, engine) : draft
}

function shared(fields: Fields, kind: TrainerKind, scope: CompanionScope): MutablePlanDraft {
  const adapter = readAdapter(fields)
  const liger = orDefault(fields.boolean('use_liger_kernel'), false, `${SFT}: False`)
  const fused = orDefault(fields.boolean('fused_optimizer'), true, `${SFT}: True`)
  const packing = fields.boolean('packing')
  const checkpointing = fields.boolean('gradient_checkpointing')
  const budget = fields.number('activation_memory_budget', { min: 0, max: 1 })
  const isRecomputed = checkpointing?.value === true || (budget !== undefined && budget.value < 1)
  const isPaged =
    fields.boolean('use_qlora')?.value === true || fields.boolean('dpo_use_paged_optimizer')?.value === true
  const eight = fields.boolean('use_8bit_optimizer')?.value === true
  return {
    framework: byDefault('open-instruct', 'the format'),
    libraries: byDefault(scope.context.libraries, 'the repository'),
    ...hubModel(fields, ['model_name_or_path'], ['model_revision'], scope.findings),
    ...adapter,
    'precision.weights': byDefault('bfloat16', `${SFT}: dtype bfloat16`),
    'precision.compute': byDefault('bfloat16', `${SFT}: dtype bfloat16`),
    'precision.autocast': byDefault(false, 'as launched'),
    'precision.masterWeights': byDefault(false, 'torch.optim keeps no second copy'),
    microBatchSize: orDefault(
      fields.integer('per_device_train_batch_size', { min: 1 }),
      kind === 'reward' ? 1 : 8,
      `${SFT}: 8`,
    ),
    gradientAccumulationSteps: orDefault(
      fields.integer('gradient_accumulation_steps', { min: 1 }),
      kind === 'reward' ? 8 : 1,
      `${SFT}: 1`,
    ),
    ...when('sequenceLength', lengthOf(fields, kind)),
    variableLength: byDefault(true, `${SFT}: padded to the longest of the batch`),
    packing: byDefault(false, `${SFT}: samples keep their own length`),
    'dataset.padding': packing?.value
      ? mapped(packing, () => 'none' as const)
      : byDefault('longest', `${SFT}: DataCollatorForSeq2Seq longest`),
    gradientCheckpointing: mapped<number | boolean, 'full' | 'none'>(
      checkpointing ?? budget ?? byDefault(false, `${SFT}: False`),
      () => (isRecomputed ? 'full' : 'none'),
    ),
    checkpointingReentrant: byDefault(false, 'transformers 5: use_reentrant=False'),
    attention: byDefault('flash', 'open-instruct @e6c3044 model_utils.py: flash attention where it is installed'),
    loss:
      liger.value && kind === 'sft'
        ? mapped(liger, () => 'fused_linear' as const)
        : byDefault('full_logits', 'transformers ForCausalLMLoss'),
    fusedKernels: mapped(liger, on => (on ? 'liger' : 'none')),
    optimizer: byDefault('adamw', `${SFT}: AdamW`),
    optimizerImplementation: isPaged
      ? byDefault('fused', 'bitsandbytes AdamW')
      : mapped(fused, on => (on ? 'fused' : 'foreach')),
    optimizerPaged: byDefault(isPaged, `${SFT}: is_paged with use_qlora`),
    ...(isPaged ? { 'precision.optimizerStates': byDefault(eight ? 'int8' : 'float32', `${SFT}: optim_bits`) } : {}),
    ...when('parallelism.context', fields.integer('sequence_parallel_size', { min: 1 })),
    evaluation: byDefault(null, 'open-instruct evaluates after training'),
    checkpoints: readCheckpoints(fields),
  }
}

function lengthOf(fields: Fields, kind: TrainerKind): Sourced<number> | undefined {
  const key = setKey(fields, ['max_seq_length', 'max_token_length', 'pack_length'])
  if (key !== undefined) return fields.integer(key, { min: 1 })
  return kind === 'reward' ? byDefault(512, 'open-instruct @e6c3044 reward_modeling.py: 512') : undefined
}

const PROJECTIONS = ['q_proj', 'o_proj', 'v_proj', 'k_proj', 'gate_proj', 'up_proj', 'down_proj']

function readAdapter(fields: Fields): MutablePlanDraft {
  const lora = fields.boolean('use_lora')
  const quantized = fields.boolean('use_qlora')
  if (!lora?.value) return { 'adapter.type': byDefault(null, `${SFT}: use_lora False`) }
  return {
    'adapter.type': mapped(lora, () => 'lora' as const),
    'adapter.rank': orDefault(fields.integer('lora_rank', { min: 1 }), 64, `${SFT}: 64`),
    'adapter.dropout': orDefault(fields.number('lora_dropout', { min: 0, max: 1 }), 0.1, `${SFT}: 0.1`),
    'adapter.targetModules': byDefault(PROJECTIONS, `${SFT}: target_modules`),
    'adapter.dtype': byDefault('float32', 'PEFT 0.21 get_peft_model: autocast_adapter_dtype is True'),
    ...(quantized?.value ? { quantization: mapped(quantized, () => 'nf4-double' as const) } : {}),
  }
}

function readSchedule(fields: Fields, kind: TrainerKind): MutablePlanDraft {
  const key = setKey(fields, ['num_train_epochs', 'num_epochs'])
  const epochs = key ? fields.integer(key, { min: 1 }) : undefined
  const fallback = kind === 'sft' ? byDefault(2, `${SFT}: 2`) : byDefault(1, `${DPO}: 1`)
  return {
    'dataset.epochs': epochs ?? fallback,
    ...when('dataset.maxSteps', fields.integer('max_train_steps', { min: 1 })),
  }
}

function readCheckpoints(fields: Fields): PlanDraft['checkpoints'] & {} {
  const word = fields.string('checkpointing_steps')
  const every = Number(word?.value)
  if (!word || word.value === '') return byDefault(null, `${SFT}: None`)
  if (word.value === 'epoch') {
    const key = setKey(fields, ['num_train_epochs', 'num_epochs'])
    const times = key ? (fields.integer(key, { min: 1 })?.value ?? 1) : 1
    return mapped(word, () => ({ everySteps: null, timesTotal: times, includesOptimizer: true }))
  }
  return Number.isInteger(every) && every > 0
    ? mapped(word, () => ({ everySteps: every, timesTotal: null, includesOptimizer: true }))
    : byDefault(null, `${SFT}: None`)
}

/** ZeRO from the arguments, from the launcher, or from a file beside the config. */
async function engineOf(fields: Fields, scope: CompanionScope): Promise<Engine | null> {
  const stage = fields.isSet('zero_stage') ? fields.integer('zero_stage', { min: 0, max: 3 }) : undefined
  if (stage) {
    const word = (['ddp', 'zero1', 'zero2', 'zero3'] as const)[stage.value] ?? 'ddp'
    const all = fields.boolean('offload_param')?.value === true
    const states = fields.boolean('offload_optimizer')?.value === true
    return {
      kind: 'deepspeed',
      draft: {
        'parallelism.data': mapped(stage, () => word),
        'parallelism.offload': mapped(stage, () => (all ? 'parameters_and_optimizer' : states ? 'optimizer' : 'none')),
      },
      mixedPrecision: mapped(stage, () => 'bfloat16'),
      masterWeights: true,
    }
  }
  const engine = (await deepSpeedOf(fields, scope)) ?? (await accelerateOf(fields, scope, ['accelerate_config']))
  if (engine?.kind !== 'deepspeed' || engine.mixedPrecision !== null) return engine
  return { ...engine, mixedPrecision: byDefault('bfloat16', `${SFT}: the model is bfloat16`) }
}

/** How open-instruct's own scripts launch a config: ZeRO-3 without offloading, except QLoRA, which DeepSpeed cannot hold. */
function usualEngine(fields: Fields, { document, findings }: CompanionScope): Engine | null {
  const message =
    'The launch command gives GPUs and DeepSpeed stage; without it ZeRO-3 is assumed, as in scripts/finetune_with_accelerate_config.sh.'
  const hint = 'Keep `accelerate launch … --deepspeed_config_file` in a script of the repository.'
  findings.push(finding('assumed-default', { path: document.path, line: 1, column: 1, message, hint }))
  if (fields.boolean('use_qlora')?.value === true) return null
  const note = 'open-instruct @e6c3044 scripts/finetune_with_accelerate_config.sh: stage3_no_offloading_accelerate.conf'
  return {
    kind: 'deepspeed',
    draft: { 'parallelism.data': assumed('zero3', note), 'parallelism.offload': assumed('none', note) },
    mixedPrecision: byDefault('bfloat16', note),
    masterWeights: true,
  }
}

/** Configs say beside the batch size for how many GPUs it is meant, and beside the accumulation for how many nodes of them. */
function readGpus({ path, text }: ConfigDocument): MutablePlanDraft {
  const comment = /#[^\n]*\b(?:set up|designed|meant|intended) for (\d{1,4}) GPUs?\b/i.exec(text)
  const value = Number(comment?.[1] ?? 0)
  if (!comment || value < 1) return {}
  const nodes = Math.max(1, Number(/#[^\n]*\bwith (\d{1,4}) nodes\b/i.exec(text)?.[1] ?? 1))
  const line = text.slice(0, comment.index).split('\n').length
  const source = { from: 'file' as const, path, line, column: 1, note: 'the comment beside the batch size' }
  return { gpus: { value: value * nodes, ...source }, ...(nodes > 1 ? { gpusPerNode: { value, ...source } } : {}) }
}
