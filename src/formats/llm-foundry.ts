import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { assumed, byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import { type ConfigNode, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { datasetNames, hubModel } from './hugging-face/references.ts'
import { mptShapes } from './llm-foundry/mpt-shapes.ts'
import { foundryPrecision } from './llm-foundry/precision.ts'
import { foundrySchedule } from './llm-foundry/schedule.ts'
import type { FormatReader } from './reader.ts'
import { reportUnmodelled, runPerDocument } from './run-per-document.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const CONFIG = 'LLM Foundry @8c8dd48 llmfoundry/utils/config_utils.py'
const MODEL = 'LLM Foundry @8c8dd48 llmfoundry/models/hf/hf_base.py'
const SHARDING = 'Composer @6405188 composer/utils/parallelism.py'

/** LLM Foundry training YAML: Hugging Face models by name, MPT shapes in the file. */
export const llmFoundryReader: FormatReader = {
  format: 'llm-foundry',
  keys: [
    ...keyTable(CONFIG, [
      ['model.pretrained_model_name_or_path', 'model', 'required with hf_causal_lm and hf_t5'],
      ['max_seq_len', 'sequenceLength', 'required'],
      ['max_duration', 'dataset', 'required'],
      ['global_train_batch_size', 'globalBatchSize', 'None: device_train_batch_size'],
      ['device_train_microbatch_size', 'microBatchSize', 'auto: halved until it fits'],
      ['precision', 'precision.compute, precision.autocast', 'amp_bf16 over float32 weights'],
      ['train_loader.name, train_loader.dataset', 'packing, dataset', 'required'],
      ['train_loader.dataset.packing_ratio', 'packing', 'None: one sample a sequence'],
      ['train_loader.dataset.allow_pad_trimming', 'dataset.padding', 'False: padded to max_seq_len'],
      ['eval_interval, eval_loader, device_eval_batch_size', 'evaluation', '1 epoch, none'],
      ['save_folder, save_interval, save_weights_only', 'checkpoints', 'None, 1000ba, False'],
      ['callbacks.hf_checkpointer.save_interval', 'checkpoints', 'none; weights only'],
      ['tp_config.tensor_parallel_degree', 'parallelism.tensor', 'None: 1'],
      ['optimizer.name', 'optimizer', 'required'],
      ['expandable_segments', 'expandableSegments', 'True'],
      ['compile_config', 'compile', 'None'],
    ]),
    ...keyTable(SHARDING, [
      ['fsdp_config', 'parallelism.data', 'None: DistributedDataParallel'],
      ['fsdp_config.sharding_strategy', 'parallelism', 'FULL_SHARD'],
      ['fsdp_config.data_parallel_shard_degree', 'parallelism.shardSize', '-1: all ranks'],
      ['fsdp_config.mixed_precision', 'precision', 'DEFAULT: 16-bit parameters, float32 reduction'],
      ['fsdp_config.activation_checkpointing', 'gradientCheckpointing', 'False'],
      ['fsdp_config.activation_checkpointing_reentrant', 'checkpointingReentrant', 'True'],
      ['fsdp_config.activation_cpu_offload', 'activationOffload', 'False'],
    ]),
    ...keyTable('LLM Foundry @8c8dd48 llmfoundry/models/mpt/configuration_mpt.py', [
      ['model.d_model, model.n_heads, model.n_layers, model.expansion_ratio', 'model', '2048, 16, 24, 4'],
      ['model.vocab_size, model.max_seq_len, model.tie_word_embeddings', 'model', '50368, 2048, True'],
      ['model.no_bias, model.attention_bias, model.norm_type', 'model', 'False, not no_bias, low_precision_layernorm'],
      ['model.attn_config', 'model, attention', 'multihead_attention, flash, fused_qkv, learned positions'],
      ['model.ffn_config.ffn_type', 'model', 'mptmlp'],
      ['model.loss_fn', 'loss', 'fused_crossentropy'],
    ]),
    ...keyTable(MODEL, [
      ['model.use_flash_attention_2, model.attn_implementation', 'attention', 'False, None: eager'],
      ['model.peft_config', 'adapter', 'None: every parameter trains'],
      ['model.load_in_8bit', 'quantization', 'False'],
    ]),
  ],
  recognise: ({ roots }) => roots.some(isFoundryConfig),
  read: document => runPerDocument(document, isFoundryConfig, readFoundryDraft),
}

/** A training config, as a file of its own or under `parameters:` of an mcli run. */
export function isFoundryConfig(root: ConfigNode): boolean {
  return hasKeys(root, 'max_duration', 'train_loader', 'model')
}

/** One run of a config whose interpolations are filled in. */
export function readFoundryDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const top = new Fields({ node: root, findings })
  const fsdp = section(root, 'fsdp_config', findings)
  const model = section(root, 'model', findings)
  const loader = section(root, 'train_loader', findings)
  const isSharded = root.entries.get('fsdp_config')?.kind === 'mapping'
  const isMpt = /^mpt/.test(model.string('name')?.value ?? '')
  const shapes = isMpt ? mptShapes(model, findings) : undefined
  reportUnmodelled(model, UNMODELLED_MODEL, findings)
  return {
    framework: byDefault('llm-foundry', 'the format'),
    stage: byDefault(
      loader.string('name')?.value === 'finetuning' ? 'sft' : 'pretrain',
      'LLM Foundry: the kind of the train_loader',
    ),
    ...(isMpt ? when('model', shapes) : hubModel(model, ['pretrained_model_name_or_path'], [], findings)),
    ...readAdapter(root, findings),
    ...foundryPrecision({ top, model, fsdp, isSharded, findings }),
    ...readBatch(top, findings),
    ...readData(loader, findings),
    ...when('sequenceLength', top.integer('max_seq_len', { min: 1 })),
    ...when('expandableSegments', top.boolean('expandable_segments')),
    ...readSharding(fsdp, isSharded, section(root, 'tp_config', findings)),
    ...readAttention(model, isMpt, findings),
    ...readOptimizer(section(root, 'optimizer', findings)),
    compile:
      root.entries.get('compile_config')?.kind === 'mapping'
        ? top.sourced('compile_config', true)
        : byDefault(false, `${CONFIG}: None`),
    ...foundrySchedule(root, top),
  }
}

const UNMODELLED_MODEL = {
  activation_checkpointing_target: 'only some modules are recomputed, though every layer is read as recomputed',
} as const

function readAdapter(root: ConfigNode, findings: Finding[]): MutablePlanDraft {
  const peft = section(root, 'model.peft_config', findings)
  const eight = section(root, 'model', findings).boolean('load_in_8bit')
  const quantization = eight?.value ? { quantization: mapped(eight, () => 'int8' as const) } : {}
  if (peft.node.entries.size === 0) return { 'adapter.type': byDefault(null, 'no peft_config'), ...quantization }
  const rank = orDefault(peft.integer('r', { min: 1 }), 8, 'PEFT LoraConfig.r 0.21')
  return {
    'adapter.type': mapped(rank, () => 'lora' as const),
    'adapter.rank': rank,
    ...when('adapter.targetModules', peft.strings('target_modules')),
    ...when('adapter.dropout', peft.number('lora_dropout', { min: 0, max: 1 })),
    ...when('adapter.modulesToSave', peft.strings('modules_to_save')),
    ...quantization,
  }
}

/** The micro-batch shrinks to what a rank gets of the global batch (calculate_batch_size_info). */
function readBatch(top: Fields, findings: Finding[]): MutablePlanDraft {
  const globalBatch = top.integer('global_train_batch_size', { min: 1 })
  const node = top.raw('device_train_microbatch_size')
  const micro = typeof node?.scalar === 'number' ? top.integer('device_train_microbatch_size', { min: 1 }) : undefined
  if (!micro) {
    const message =
      '`device_train_microbatch_size` is found at run time by halving until it fits; judged with 1 sequence per GPU.'
    const place = node ?? top.node
    findings.push(finding('assumed-default', { path: place.path, line: place.line, column: place.column, message }))
  }
  const size = micro ?? assumed(1, `${CONFIG}: auto halves it until it fits; set device_train_microbatch_size`)
  return {
    microBatchSize: facts =>
      mapped(size, value =>
        globalBatch ? Math.min(value, Math.max(1, Math.floor(globalBatch.value / facts.gpus))) : value,
      ),
    ...(globalBatch
      ? { globalBatchSize: globalBatch, gradientAccumulationSteps: byDefault('auto' as const, `${CONFIG}: derived`) }
      : {}),
  }
}

function readData(loader: Fields, findings: Finding[]): MutablePlanDraft {
  const dataset = section(loader.node, 'dataset', findings)
  const names = datasetNames(dataset, ['hf_name'])
  const TEXT = 'LLM Foundry @8c8dd48 llmfoundry/data/text_data.py: token stream'
  if (loader.string('name')?.value !== 'finetuning')
    return {
      packing: byDefault(true, TEXT),
      variableLength: byDefault(false, 'every step has the same shape'),
      'dataset.padding': byDefault('none', TEXT),
    }
  const ratio = dataset.isSet('packing_ratio') ? dataset.string('packing_ratio') : undefined
  const trims = dataset.boolean('allow_pad_trimming')
  const COLLATOR = 'LLM Foundry @8c8dd48 llmfoundry/data/finetuning/collator.py'
  return {
    ...(names && names.value[0] !== 'json' ? { 'dataset.names': names } : {}),
    packing: ratio ? mapped(ratio, () => true) : byDefault(false, `${COLLATOR}: packing_ratio None`),
    variableLength: trims ? trims : byDefault(false, `${COLLATOR}: padded to max_seq_len`),
    'dataset.padding': trims
      ? mapped(trims, on => (on ? 'longest' : 'fixed'))
      : byDefault('fixed', `${COLLATOR}: padded to max_seq_len`),
    ...when('dataset.dropLast', loader.boolean('drop_last')),
  }
}

function readSharding(fsdp: Fields, isSharded: boolean, tensor: Fields): MutablePlanDraft {
  const strategy = orDefault(fsdp.string('sharding_strategy'), 'FULL_SHARD', `${SHARDING}: FULL_SHARD`)
  const degree = fsdp.integer('data_parallel_shard_degree')
  const checkpointing = orDefault(fsdp.boolean('activation_checkpointing'), false, `${SHARDING}: False`)
  const data = !isSharded || strategy.value === 'NO_SHARD' ? 'ddp' : 'fsdp1'
  return {
    'parallelism.data': facts => mapped(strategy, () => (facts.gpus === 1 ? 'none' : data)),
    'parallelism.reshardAfterForward': mapped(strategy, name => !/SHARD_GRAD_OP|ZERO2/.test(name)),
    ...(degree && degree.value > 0
      ? { 'parallelism.shardSize': degree }
      : /HYBRID/.test(strategy.value)
        ? { 'parallelism.shardSize': facts => mapped(strategy, () => Math.min(facts.gpus, facts.gpusPerNode)) }
        : {}),
    'parallelism.noSync': byDefault(false, 'Composer @6405188 dist_strategy.py: no_sync for DDP modules only'),
    ...when('parallelism.tensor', tensor.integer('tensor_parallel_degree', { min: 1 })),
    gradientCheckpointing: mapped(checkpointing, on => (on && isSharded ? 'full' : 'none')),
    checkpointingReentrant: orDefault(fsdp.boolean('activation_checkpointing_reentrant'), true, `${SHARDING}: True`),
    activationOffload: orDefault(fsdp.boolean('activation_cpu_offload'), false, `${SHARDING}: False`),
  }
}

function readAttention(model: Fields, isMpt: boolean, findings: Finding[]): MutablePlanDraft {
  if (isMpt) {
    const kernel = section(model.node, 'attn_config', findings).oneOf('attn_impl', ['torch', 'flash'])
    const loss = orDefault(model.string('loss_fn'), 'fused_crossentropy', 'LLM Foundry models/mpt: fused_crossentropy')
    return {
      attention: mapped(orDefault(kernel, 'flash', 'LLM Foundry models/mpt: flash'), name =>
        name === 'torch' ? 'eager' : 'flash',
      ),
      loss: mapped(loss, name => (name === 'torch_crossentropy' ? 'full_logits' : 'full_logits_native')),
    }
  }
  const flash = model.boolean('use_flash_attention_2')
  const named =
    model.string('attn_implementation') ??
    section(model.node, 'config_overrides.attn_config', findings).string('attn_impl')
  return {
    attention: flash?.value
      ? mapped(flash, () => 'flash' as const)
      : mapped(orDefault(named, 'eager', `${MODEL}: attn_implementation None is eager`), name =>
          /flash|triton/.test(name) ? 'flash' : name === 'sdpa' ? 'sdpa' : name === 'flex_attention' ? 'flex' : 'eager',
        ),
    loss: byDefault('full_logits', 'transformers ForCausalLMLoss'),
  }
}

function readOptimizer(fields: Fields): MutablePlanDraft {
  const name = orDefault(fields.string('name'), 'decoupled_adamw', 'LLM Foundry @8c8dd48 llmfoundry/optim')
  return {
    optimizer: mapped(name, word =>
      /lion/.test(word) ? 'lion' : /adam/.test(word) ? 'adamw' : word === 'no_op' ? 'sgd' : 'other',
    ),
    optimizerImplementation: byDefault(
      'loop',
      'Composer @6405188 optim/decoupled_weight_decay.py, LLM Foundry llmfoundry/optim/lion.py: a loop over the parameters',
    ),
  }
}
