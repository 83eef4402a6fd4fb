import { findModelBuilder } from '../models/model-builders.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { rowOf } from '../plan/row-of.ts'
import type { GradientCheckpointing } from '../plan/training-plan.ts'
import type { Loss, Stage, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigDocument, type ConfigNode, hasAnyKey, hasKeys, nodeAt } from './config-document.ts'
import { Fields } from './fields.ts'
import { resolveInterpolations } from './omega-conf.ts'
import type { FormatReader } from './reader.ts'
import { reportRefusals } from './refusals/refusal.ts'
import { TORCHTUNE_REFUSALS } from './refusals/torchtune-refusals.ts'
import { reportUncounted, reportUnmodelled } from './run-per-document.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'
import { lastPart } from './torchtune/last-part.ts'
import { readOptimizer } from './torchtune/optimizer.ts'
import { readGpus, readShardSize, readUnits } from './torchtune/parallelism.ts'
import { readTorchtuneReinforcement } from './torchtune/reinforcement.ts'
import { readTorchtuneCheckpoints, readTorchtuneEvaluation } from './torchtune/schedule.ts'

const RECIPES = 'torchtune @bd2a0fc recipes/*.py'
const BUILDERS = 'torchtune @bd2a0fc torchtune/models/*/_component_builders.py'

const LOSSES: Readonly<Record<string, Loss>> = {
  LinearCrossEntropyLoss: 'chunked_linear',
  CEWithChunkedOutputLoss: 'chunked',
  ForwardKLWithChunkedOutputLoss: 'chunked',
}
const STAGES: Readonly<Record<string, Stage>> = { DPOLoss: 'dpo', RSOLoss: 'dpo', PPOLoss: 'ppo', GRPOLoss: 'grpo' }
/** Losses of a family carry its name: GRPOSimpleLoss, LinearGRPOLoss. */
const STAGE_NAMES = [['GRPO', 'grpo'] as const, ['PPO', 'ppo'] as const]
const DATASETS: Readonly<Record<string, string>> = {
  alpaca_dataset: 'tatsu-lab/alpaca',
  alpaca_cleaned_dataset: 'yahma/alpaca-cleaned',
}

/** Knowledge distillation keeps a second, larger model (recipes/knowledge_distillation_*.py). */
const UNCOUNTED = { teacher_model: 'a teacher model in the same GPUs' } as const
const UNMODELLED = {
  quantizer: 'fake-quantised copies of the weights',
  layer_dropout: 'layers that are left out at random',
  early_exit_loss: 'losses after several layers',
} as const

/** Complete YAML of torchtune recipes; the number of GPUs stands in the header comment. */
export const torchtuneReader: FormatReader = {
  format: 'torchtune',
  keys: keyTable(RECIPES, [
    ['model._component_', 'model', 'required'],
    ['model.lora_attn_modules, model.apply_lora_to_mlp, model.apply_lora_to_output', 'adapter.targetModules', 'none'],
    ['model.lora_rank', 'adapter.rank', '8'],
    ['model.use_dora', 'adapter.type', 'False'],
    ['model.quantize_base', 'quantization: NF4, double quantised', 'False; True in qlora_ builders'],
    ['dtype', 'precision of weights, gradients and optimizer states', 'float32'],
    ['batch_size', 'microBatchSize (pairs for DPO)', 'required'],
    ['gradient_accumulation_steps', 'gradientAccumulationSteps', '1'],
    ['epochs, max_steps_per_epoch', 'dataset', 'required'],
    ['tokenizer.max_seq_len', 'sequenceLength', 'None: no truncation'],
    ['dataset.packed', 'packing', 'False'],
    ['enable_activation_offloading', 'activationOffload', 'False'],
    ['optimizer._component_, optimizer_in_bwd', 'optimizer', 'required; False'],
    ['loss._component_', 'loss and stage', 'required'],
    ['compile, compile.model, compile.loss', 'compile, compileLoss', 'False; a mapping: True each'],
    ['tensor_parallel_dim, context_parallel_dim, data_parallel_shard_dim', 'parallelism', '1, 1, the rest'],
    ['fsdp_cpu_offload, fsdp_reshard_after_forward', 'parallelism', 'False, True'],
    ['custom_sharded_layers', 'parallelism.wrap: outer where they name embedding or output', 'None'],
    ['enable_activation_checkpointing, ac_mode, ac_option', 'gradientCheckpointing', 'False'],
    ['data_parallel_replicate_dim', 'parallelism.shardSize: all ranks by it', '1'],
    [Object.keys(UNCOUNTED).join(', '), 'nothing: a finding says so, and no run passes', 'none'],
    [Object.keys(UNMODELLED).join(', '), 'nothing: a finding says that the estimate leaves it out', 'none'],
    ['save_every_n_steps', 'checkpoints', 'once an epoch'],
    ['run_val_every_n_steps, batch_size_val', 'evaluation', 'None'],
    [
      'ppo_batch_size, num_steps, ppo_epochs, grpo_samples, forward_batch_size',
      'microBatchSize, dataset.maxSteps',
      'required for PPO and GRPO',
    ],
    ['max_generated_tokens', 'sequenceLength, reinforcement', 'required for PPO and GRPO'],
    ['# tune run --nproc_per_node N', 'gpus', 'single-device recipes: 1'],
  ]),
  recognise: ({ roots }) => roots.some(isTorchtune),
  async read(document) {
    const findings: Finding[] = []
    const root = document.roots.find(isTorchtune)
    if (!root) return { runs: [], findings }
    const draft = readDraft(document, withTraining(resolveInterpolations(root, findings)), findings)
    const top = new Fields({ node: root, findings })
    reportUncounted(top, UNCOUNTED, findings)
    reportUnmodelled(top, UNMODELLED, findings)
    return { runs: [{ name: null, draft, findings }], findings: [] }
  },
}

function isTorchtune(root: ConfigNode): boolean {
  const named = ['model', 'policy_model'].some(
    key => nodeAt(root, `${key}._component_`) !== undefined || nodeAt(root, key)?.scalar !== undefined,
  )
  const trained = hasKeys(root, 'optimizer') || nodeAt(root, 'training.optimizer') !== undefined
  return named && hasComponent(root) && trained && hasAnyKey(root, 'dataset', 'datasets')
}

/** Asynchronous GRPO keeps what its training workers need under `training`, and their number apart. */
function withTraining(root: ConfigNode): ConfigNode {
  const training = root.entries.get('training')
  if (training?.kind !== 'mapping' || root.entries.has('optimizer')) return root
  return { ...root, entries: new Map([...root.entries, ...training.entries]) }
}

function hasComponent(root: ConfigNode): boolean {
  return [...root.entries.values()].some(node => {
    const name = node.entries.get('_component_')?.scalar
    return typeof name === 'string' && (name.startsWith('torchtune.') || name.startsWith('torch.optim'))
  })
}

function readDraft(document: ConfigDocument, root: ConfigNode, findings: Finding[]): PlanDraft {
  reportRefusals(root, TORCHTUNE_REFUSALS, findings)
  const top = section(root, '', findings)
  const model = section(root, root.entries.has('policy_model') ? 'policy_model' : 'model', findings)
  const builder = model.string('_component_')
  const name = lastPart(builder?.value ?? '')
  const lora = /^q?lora_/.test(name) || model.isSet('lora_rank')
  const dtype = readDtype(top)
  const loss = section(root, 'loss', findings).string('_component_')
  const lossName = lastPart(loss?.value ?? '')
  const stage = rowOf(STAGES, lossName) ?? STAGE_NAMES.find(([family]) => lossName.includes(family))?.[1] ?? 'sft'
  const data = section(root, 'dataset', findings)
  const packing = orDefault(data.boolean('packed'), false, 'torchtune datasets: packed False')
  const offload = top.boolean('fsdp_cpu_offload')
  const fp8 = top.boolean('enable_fp8_training')
  const base: PlanDraft = {
    framework: byDefault('torchtune', 'the format'),
    stage: loss ? { ...loss, value: stage } : byDefault(stage, 'no preference loss'),
    ...readModel(builder, name, root, findings),
    ...(lora ? readLora(model, name, dtype) : { 'adapter.type': byDefault(null, 'no LoRA builder') }),
    'precision.weights': dtype,
    'precision.compute': fp8?.value ? mapped(fp8, () => 'float8' as const) : dtype,
    'precision.autocast': byDefault(false, `${RECIPES}: no autocast`),
    'precision.gradients': byDefault('auto', `${RECIPES}: the dtype of the parameters`),
    'precision.masterWeights': byDefault(false, `${RECIPES}: no float32 copy`),
    ...when('microBatchSize', top.integer('batch_size', { min: 1 })),
    gradientAccumulationSteps: orDefault(top.integer('gradient_accumulation_steps', { min: 1 }), 1, `${RECIPES}: 1`),
    ...when('sequenceLength', section(root, 'tokenizer', findings).integer('max_seq_len', { min: 1 })),
    packing,
    variableLength: mapped(packing, packed => !packed),
    'dataset.padding': mapped(packing, packed => (packed ? 'none' : 'longest')),
    attention: mapped(packing, packed => (packed ? 'flex' : 'sdpa')),
    gradientCheckpointing: readCheckpointing(top),
    checkpointingReentrant: byDefault(false, 'torch.distributed checkpoint_wrapper: not re-entrant'),
    activationOffload: orDefault(top.boolean('enable_activation_offloading'), false, `${RECIPES}: False`),
    loss: loss
      ? { ...loss, value: rowOf(LOSSES, lossName) ?? 'full_logits' }
      : byDefault('full_logits', 'no loss named'),
    ...readCompile(top),
    'dataset.dropLast': byDefault(true, `${RECIPES}: drop_last=True`),
    ...when('dataset.names', readDataset(data)),
    ...(takesWhole(data) ? {} : { 'dataset.whole': data.sourced('split', false) }),
    'parallelism.data': facts =>
      facts.gpus > 1 ? byDefault('fsdp2', `${RECIPES}: fully_shard`) : byDefault('none', 'one device'),
    ...when('parallelism.tensor', top.integer('tensor_parallel_dim', { min: 1 })),
    ...when('parallelism.context', top.integer('context_parallel_dim', { min: 1 })),
    'parallelism.reshardAfterForward': orDefault(
      top.boolean('fsdp_reshard_after_forward'),
      true,
      `${RECIPES}: fsdp_reshard_after_forward True`,
    ),
    ...(offload?.value ? { 'parallelism.offload': mapped(offload, () => 'parameters_and_optimizer' as const) } : {}),
    ...readUnits(top),
    ...readShardSize(top),
    ...readSteps(top),
    checkpoints: readTorchtuneCheckpoints(top),
    evaluation: readTorchtuneEvaluation(top),
    ...(stage === 'ppo'
      ? {
          gpus: {
            value: 1,
            from: 'launch',
            path: document.path,
            note: 'torchtune @bd2a0fc recipes/ppo_full_finetune_single_device.py is the only PPO recipe',
          },
        }
      : readGpus(document, top)),
  }
  return {
    ...base,
    ...readOptimizer(root, findings),
    ...readTorchtuneReinforcement(top, {
      stage: loss ? { ...loss, value: stage } : byDefault(stage, 'no preference loss'),
      lora,
      promptLength: section(root, 'tokenizer', findings).integer('max_seq_len', { min: 1 }),
    }),
  }
}

function readModel(
  builder: Sourced<string> | undefined,
  name: string,
  root: ConfigNode,
  findings: Finding[],
): MutablePlanDraft {
  const model = findModelBuilder('torchtune', name.replace(/^q?lora_/, ''))
  if (builder && model) return { model: { ...builder, value: model } }
  const message = `torchtune builder \`${builder?.value ?? ''}\` has no known dimensions.`
  findings.push(finding('unknown-model', { path: root.path, line: builder?.line ?? root.line, message }))
  return {}
}

const LEAVES: Readonly<Record<string, string>> = { output_proj: 'o_proj' }

function readLora(model: Fields, name: string, dtype: Sourced<StorageDtype>): MutablePlanDraft {
  const attention = model.strings('lora_attn_modules')
  const targets = [
    ...(attention?.value ?? []).map(leaf => rowOf(LEAVES, leaf) ?? leaf),
    ...(model.boolean('apply_lora_to_mlp')?.value ? ['gate_proj', 'up_proj', 'down_proj'] : []),
    ...(model.boolean('apply_lora_to_output')?.value ? ['lm_head'] : []),
  ]
  const dora = model.boolean('use_dora')
  const quantized = orDefault(
    model.boolean('quantize_base'),
    name.startsWith('qlora_'),
    `${BUILDERS}: quantize_base in qlora_ builders`,
  )
  return {
    'adapter.type': dora ? mapped(dora, on => (on ? 'dora' : 'lora')) : byDefault('lora', 'a LoRA builder'),
    'adapter.rank': orDefault(model.integer('lora_rank', { min: 1 }), 8, `${BUILDERS}: 8`),
    'adapter.dropout': orDefault(model.number('lora_dropout', { min: 0, max: 1 }), 0, `${BUILDERS}: 0.0`),
    'adapter.targetModules': attention ? { ...attention, value: targets } : byDefault(targets, BUILDERS),
    'adapter.targetRule': byDefault('torchtune', 'the format'),
    'adapter.dtype': dtype,
    quantization: mapped(quantized, on => (on ? 'nf4-double' : 'none')),
    'quantizationDetails.quantizesAdaptedOnly': byDefault(
      /^q?lora_qwen/.test(name),
      'torchtune @bd2a0fc torchtune/models/qwen2, qwen3 _component_builders.py: only LoRALinear is quantised',
    ),
  }
}

function readDtype(top: Fields): Sourced<StorageDtype> {
  const read = top.string('dtype')
  if (!read) return byDefault('float32', 'torchtune torchtune/training/precision.py: float32')
  const table: Readonly<Record<string, StorageDtype>> = {
    bf16: 'bfloat16',
    bfloat16: 'bfloat16',
    fp16: 'float16',
    float16: 'float16',
    fp32: 'float32',
    float32: 'float32',
  }
  const value = rowOf(table, read.value)
  if (value) return { ...read, value }
  top.invalid('dtype', 'bf16, fp16 or fp32')
  return byDefault('float32', 'torchtune torchtune/training/precision.py: float32')
}

/** torchtune training/activations.py: `selective` re-computes every `ac_option`-th layer, or chosen operations where it is `op`. */
function readCheckpointing(top: Fields): Sourced<GradientCheckpointing> {
  const full = orDefault(top.boolean('enable_activation_checkpointing'), false, `${RECIPES}: False`)
  const selective = full.value ? undefined : top.string('ac_mode')
  if (!selective) return mapped(full, on => (on ? 'full' : 'none'))
  const every =
    selective.value === 'selective' && top.raw('ac_option')?.scalar !== 'op'
      ? top.integer('ac_option', { min: 1 })
      : undefined
  if (every) return mapped(every, count => (count === 1 ? 'full' : { every: count }))
  return mapped(selective, mode => (mode === 'full' || mode === 'selective' ? mode : 'none'))
}

function readCompile(top: Fields): MutablePlanDraft {
  const node = top.raw('compile')
  if (node?.kind !== 'mapping') return { compile: orDefault(top.boolean('compile'), false, `${RECIPES}: False`) }
  const has = (part: string) => top.sourced('compile', node.entries.get(part)?.scalar !== false)
  return { compile: has('model'), compileLoss: has('loss') }
}

function readDataset(data: Fields): Sourced<readonly string[]> | undefined {
  const source = data.string('source')
  const files = data.isSet('data_files') ? data.strings('data_files') : undefined
  if (source && files) return files
  if (source) return mapped(source, name => [name])
  const component = data.string('_component_')
  const name = component && rowOf(DATASETS, lastPart(component.value))
  return component && name ? { ...component, value: [name] } : undefined
}

/** `split: train[:95%]`, `subset` and `name` are keyword arguments of datasets.load_dataset. */
function takesWhole(data: Fields): boolean {
  const split = data.raw('split')?.scalar ?? 'train'
  return split === 'train' && !data.isSet('subset') && !data.isSet('name')
}

function readSteps(top: Fields): MutablePlanDraft {
  const epochs = orDefault(top.integer('epochs', { min: 1 }), 1, `${RECIPES}: required`)
  const steps = top.integer('max_steps_per_epoch', { min: 1 })
  if (!steps) return { 'dataset.epochs': epochs }
  return { 'dataset.epochs': epochs, 'dataset.maxSteps': mapped(steps, count => count * epochs.value) }
}
