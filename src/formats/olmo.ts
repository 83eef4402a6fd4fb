import { DESCRIBED_BLOCK } from '../models/described-block.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { GradientCheckpointing } from '../plan/training-plan.ts'
import { type ConfigNode, hasKeys, nodeAt } from './config-document.ts'
import { Fields } from './fields.ts'
import type { FormatReader } from './reader.ts'
import { reportUnmodelled, runPerDocument } from './run-per-document.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const CONFIG = 'OLMo @59a53e3 olmo/config.py'
const TRAIN = 'OLMo @59a53e3 olmo/train.py'

/** Pretraining YAML of OLMo (v1 and 2), whose shapes stand under `model`. */
export const olmoReader: FormatReader = {
  format: 'olmo',
  keys: keyTable(CONFIG, [
    ['model.d_model, model.n_heads, model.n_kv_heads, model.n_layers', 'model', '768, 12, n_heads, 12'],
    ['model.mlp_hidden_size, model.mlp_ratio', 'model; swiglu halves the width', 'mlp_ratio × d_model, 4'],
    ['model.activation_type, model.include_bias, model.weight_tying', 'model', 'swiglu, True, True'],
    ['model.layer_norm_type, model.attention_layer_norm, model.norm_after', 'model', 'default, False, False'],
    ['model.rope, model.alibi', 'model', 'False: a learned position table'],
    ['model.embedding_size, model.vocab_size', 'model', '50304, 50257'],
    ['model.residual_dropout, model.attention_dropout, model.embedding_dropout', 'model', '0.1'],
    ['model.max_sequence_length', 'sequenceLength', '1024'],
    ['model.flash_attention', 'attention', 'False: scaled-dot-product attention'],
    ['global_train_batch_size', 'globalBatchSize', '512'],
    ['device_train_microbatch_size', 'microBatchSize', '16'],
    ['max_duration, stop_at', 'dataset', '10000 steps, none'],
    ['precision', 'precision.compute, precision.autocast', 'required: absent stops the trainer'],
    ['distributed_strategy', 'parallelism.data', 'fsdp'],
    ['fsdp.sharding_strategy', 'parallelism.reshardAfterForward, parallelism.shardSize', 'FULL_SHARD'],
    ['fsdp.wrapping_strategy', 'parallelism.wrap', 'None: one unit around the whole model'],
    ['ddp.grad_sync_mode', 'parallelism.noSync', 'batch: gradients are reduced once a step'],
    ['activation_checkpointing', 'gradientCheckpointing', 'None'],
    ['fused_loss', 'loss', 'None: torch cross entropy'],
    ['optimizer.name', 'optimizer', 'lionw'],
    ['compile', 'compile', 'None'],
    ['eval_interval, evaluators, device_eval_batch_size', 'evaluation', '1000, none, 16'],
    ['save_interval, save_interval_unsharded, save_interval_ephemeral', 'checkpoints', '1000, None, None'],
  ]),
  recognise: ({ roots }) => roots.some(isOlmo),
  read: document => runPerDocument(document, isOlmo, readDraft),
}

function isOlmo(root: ConfigNode): boolean {
  return (
    hasKeys(root, 'model', 'optimizer') &&
    !hasKeys(root, 'train_loader') &&
    nodeAt(root, 'model.d_model') !== undefined &&
    (hasKeys(root, 'max_duration') || hasKeys(root, 'device_train_microbatch_size'))
  )
}

function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const top = new Fields({ node: root, findings })
  const model = section(root, 'model', findings)
  const length = orDefault(model.integer('max_sequence_length', { min: 1 }), 1024, `${CONFIG}: 1024`)
  const globalBatch = orDefault(top.integer('global_train_batch_size', { min: 1 }), 512, `${CONFIG}: 512`)
  const flash = model.boolean('flash_attention')
  const fused = top.boolean('fused_loss')
  const compiler = root.entries.get('compile')
  reportUnmodelled(section(root, 'optimizer', findings), UNMODELLED_OPTIMIZER, findings)
  return {
    framework: byDefault('olmo', 'the format'),
    stage: byDefault('pretrain', 'OLMo trains on a token stream'),
    'adapter.type': byDefault(null, 'OLMo trains every parameter'),
    model: { ...model.sourced('d_model', readShapes(model)) },
    ...readPrecision(top, findings),
    ...readOptimizer(section(root, 'optimizer', findings)),
    ...readStrategy(root, top, findings),
    microBatchSize: orDefault(top.integer('device_train_microbatch_size', { min: 1 }), 16, `${CONFIG}: 16`),
    globalBatchSize: globalBatch,
    gradientAccumulationSteps: byDefault('auto', `${TRAIN}: global ÷ ranks ÷ micro-batch`),
    sequenceLength: length,
    packing: byDefault(true, 'OLMo @59a53e3 olmo/data/memmap_dataset.py: token stream'),
    variableLength: byDefault(false, 'every step has the same shape'),
    'dataset.padding': byDefault('none', 'OLMo @59a53e3 olmo/data/memmap_dataset.py: token stream'),
    ...readDuration(top, globalBatch.value * length.value),
    gradientCheckpointing: readCheckpointing(top, findings),
    checkpointingReentrant: byDefault(false, 'OLMo @59a53e3 olmo/model.py: use_reentrant=False'),
    attention: flash
      ? mapped(flash, on => (on ? 'flash' : 'sdpa'))
      : byDefault('sdpa', `${CONFIG}: flash_attention False`),
    loss: fused?.value
      ? mapped(fused, () => 'full_logits_native' as const)
      : byDefault('full_logits', `${CONFIG}: fused_loss None; float32 cross entropy under autocast`),
    fusedKernels: byDefault('none', 'OLMo has none'),
    compile: compiler?.kind === 'mapping' ? top.sourced('compile', true) : byDefault(false, `${CONFIG}: compile None`),
    ...readSaving(root, top),
  }
}

const UNMODELLED_OPTIMIZER = {
  selective_updates: 'updates run tensor by tensor through masks',
  record_update_metrics: 'update statistics keep further copies while they are collected',
} as const

function readShapes(model: Fields): { kind: 'inline'; config: unknown } {
  const hidden = model.integer('d_model', { min: 1 })?.value ?? 768
  const heads = model.integer('n_heads', { min: 1 })?.value ?? 12
  const layers = model.integer('n_layers', { min: 1 })?.value ?? 12
  const activation = model.string('activation_type')?.value ?? 'swiglu'
  const width = model.integer('mlp_hidden_size', { min: 1 })?.value ?? (model.number('mlp_ratio')?.value ?? 4) * hidden
  const vocabulary = model.integer('vocab_size', { min: 1 })?.value ?? 50_257
  const embedding = model.has('embedding_size')
    ? (model.integer('embedding_size', { min: 1 })?.value ?? vocabulary)
    : 50_304
  const single = model.boolean('multi_query_attention')?.value === true
  const biased = model.boolean('include_bias')?.value ?? true
  const isPlaced = model.boolean('rope')?.value === true
  const gated = activation === 'swiglu'
  const dropout = (key: string): number => model.number(key, { min: 0, max: 1 })?.value ?? 0.1
  const config = {
    model_type: DESCRIBED_BLOCK,
    id: `OLMo, ${layers} layers of ${hidden}`,
    num_hidden_layers: layers,
    hidden_size: hidden,
    intermediate_size: gated ? Math.floor(width / 2) : width,
    num_attention_heads: heads,
    num_key_value_heads: model.integer('n_kv_heads', { min: 1 })?.value ?? (single ? 1 : heads),
    head_dim: Math.floor(hidden / heads),
    vocab_size: embedding,
    max_position_embeddings: model.integer('max_sequence_length', { min: 1 })?.value ?? 1024,
    tie_word_embeddings: model.boolean('weight_tying')?.value ?? true,
    normalization: model.string('layer_norm_type')?.value === 'rms' ? 'rms' : 'layernorm',
    norm_affine: model.boolean('layer_norm_with_affine')?.value ?? true,
    norm_bias: model.boolean('bias_for_layer_norm')?.value ?? biased,
    norm_placement: model.boolean('norm_after')?.value ? 'post' : 'pre',
    gated_mlp: gated,
    fused_projections: model.string('block_type')?.value !== 'llama',
    qkv_bias: biased,
    attention_output_bias: biased,
    mlp_bias: biased,
    head_bias: biased,
    ...(model.boolean('attention_layer_norm')?.value ? { qk_norm: 'full' } : {}),
    position_embeddings: isPlaced ? 'rotary' : model.boolean('alibi')?.value ? 'none' : 'learned',
    embedding_norm: model.boolean('embedding_layer_norm')?.value ?? false,
    hidden_act: gated ? 'silu' : activation,
    hidden_dropout: dropout('residual_dropout'),
    embedding_dropout: dropout('embedding_dropout'),
    attention_dropout: dropout('attention_dropout'),
  }
  return { kind: 'inline', config }
}

function readPrecision(top: Fields, findings: Finding[]): MutablePlanDraft {
  const fsdp = section(top.node, 'fsdp', findings)
  const castsParameters =
    (top.string('distributed_strategy')?.value ?? 'fsdp') === 'fsdp' &&
    (!fsdp.has('precision') || fsdp.isSet('precision'))
  const name = top.oneOf('precision', ['amp_bf16', 'amp_fp16', 'fp32'])
  if (!name && !top.isSet('precision')) {
    const message = '`precision` is missing; the trainer stops without one of amp_bf16, amp_fp16, fp32.'
    findings.push(finding('missing-key', { path: top.node.path, line: top.node.line, message }))
  }
  const compute = { amp_bf16: 'bfloat16', amp_fp16: 'float16', fp32: 'float32' } as const
  return {
    'precision.weights': byDefault('float32', 'OLMo @59a53e3 olmo/model.py: parameters are float32'),
    ...(name ? { 'precision.compute': mapped(name, word => compute[word]) } : {}),
    'precision.autocast': facts =>
      byDefault(
        facts.gpus === 1 || !castsParameters,
        castsParameters
          ? `${CONFIG} fsdp_precision: FSDP gathers 16-bit parameters, autocast has nothing left to cast`
          : `${TRAIN}: torch.autocast around the forward pass`,
      ),
    'precision.gradients': byDefault('auto', 'the dtype of the parameters'),
    'precision.optimizerStates': byDefault('auto', 'the dtype of the parameters'),
    'precision.masterWeights': byDefault(false, 'the parameters themselves are float32'),
  }
}

function readOptimizer(optimizer: Fields): MutablePlanDraft {
  const name = orDefault(optimizer.string('name'), 'lionw', `${CONFIG}: lionw`)
  const isLion = /lion/.test(name.value)
  const selective = optimizer.boolean('selective_updates')?.value === true
  return {
    optimizer: mapped(name, () => (isLion ? 'lion' : 'adamw')),
    optimizerImplementation: byDefault(
      isLion || selective ? 'loop' : 'foreach',
      'OLMo @59a53e3 olmo/optim.py: torch.optim.AdamW’s own step, or a loop over the parameters',
    ),
  }
}

function readStrategy(root: ConfigNode, top: Fields, findings: Finding[]): MutablePlanDraft {
  const strategy = orDefault(top.oneOf('distributed_strategy', ['fsdp', 'ddp', 'single']), 'fsdp', `${CONFIG}: fsdp`)
  if (strategy.value === 'single')
    return { 'parallelism.data': mapped(strategy, () => 'none'), gpus: mapped(strategy, () => 1) }
  if (strategy.value === 'ddp') {
    const mode = section(root, 'ddp', findings).string('grad_sync_mode')
    return {
      'parallelism.data': facts => mapped(strategy, () => (facts.gpus === 1 ? 'none' : 'ddp')),
      'parallelism.noSync': mapped(orDefault(mode, 'batch', `${CONFIG}: batch`), word => word === 'batch'),
    }
  }
  const fsdp = section(root, 'fsdp', findings)
  const sharding = orDefault(fsdp.string('sharding_strategy'), 'FULL_SHARD', `${CONFIG}: FULL_SHARD`)
  const wrapping = fsdp.string('wrapping_strategy')
  const isHybrid = /HYBRID/.test(sharding.value)
  const replicas = fsdp.integer('hybrid_sharding_num_model_replicas', { min: 1 })
  return {
    'parallelism.data': facts =>
      mapped(sharding, word => (facts.gpus === 1 ? 'none' : word === 'NO_SHARD' ? 'ddp' : 'fsdp1')),
    'parallelism.reshardAfterForward': mapped(sharding, word => !/SHARD_GRAD_OP|ZERO2/.test(word)),
    ...(isHybrid
      ? {
          'parallelism.shardSize': facts =>
            replicas
              ? mapped(replicas, count => Math.max(1, Math.floor(facts.gpus / count)))
              : mapped(sharding, () => Math.min(facts.gpus, facts.gpusPerNode)),
        }
      : {}),
    'parallelism.wrap': wrapping
      ? mapped(wrapping, () => 'layers' as const)
      : byDefault('root', `${CONFIG}: None wraps the whole model once`),
    'parallelism.noSync': byDefault(false, `${TRAIN}: no_sync for DDP only`),
  }
}

/** Layers whose index fits are recomputed (olmo/model.py should_checkpoint_block): every n-th, or all but every n-th. */
const CHECKPOINTING: Readonly<Record<string, GradientCheckpointing>> = {
  whole_layer: 'full',
  true: 'full',
  false: 'none',
  one_in_two: { every: 2 },
  one_in_three: { every: 3 },
  one_in_four: { every: 4 },
  one_in_eight: { every: 8 },
  two_in_three: { every: 3 / 2 },
  three_in_four: { every: 4 / 3 },
  fine_grained: 'selective',
}

function readCheckpointing(top: Fields, findings: Finding[]): Sourced<GradientCheckpointing> {
  const node = top.raw('activation_checkpointing')
  const none = byDefault<GradientCheckpointing>('none', `${CONFIG}: None`)
  if (node === undefined || node.scalar === null) return none
  const word = String(node.scalar)
  const mode = Object.hasOwn(CHECKPOINTING, word) ? CHECKPOINTING[word] : undefined
  if (mode === undefined)
    return top.invalid('activation_checkpointing', `one of ${Object.keys(CHECKPOINTING).join(', ')}`) ?? none
  if (mode === 'selective') {
    const message = '`fine_grained` recomputes norms, attention and activations; read as keeping half of the products.'
    findings.push(finding('assumed-default', { path: node.path, line: node.line, column: node.column, message }))
  }
  return top.sourced('activation_checkpointing', mode)
}

/** Steps, `Nep`, or `NT` tokens; `stop_at` ends the run earlier. */
function readDuration(top: Fields, tokensPerStep: number): MutablePlanDraft {
  const stop = top.integer('stop_at', { min: 1 }) ?? top.integer('stop_after', { min: 1 })
  const read = top.string('max_duration')
  if (!read) return { 'dataset.maxSteps': stop ?? byDefault(10_000, `${CONFIG}: 10000`) }
  const [, amount, unit] = /^\s*([\d.]+(?:e[+-]?\d+)?)\s*(ep|T)?\s*$/i.exec(read.value.replaceAll('_', '')) ?? []
  const count = Math.trunc(Number(amount))
  if (amount === undefined || !Number.isFinite(count) || count < 1) {
    top.invalid('max_duration', 'steps, `2ep` or `2e12T`')
    return when('dataset.maxSteps', stop)
  }
  if (unit === 'ep') return { 'dataset.epochs': { ...read, value: count }, ...when('dataset.maxSteps', stop) }
  const steps = unit === 'T' ? Math.ceil(count / tokensPerStep) : count
  if (stop && stop.value < steps) return { 'dataset.maxSteps': stop }
  return unit === 'T'
    ? { 'dataset.tokens': { ...read, value: count } }
    : { 'dataset.maxSteps': { ...read, value: steps } }
}

function readSaving(root: ConfigNode, top: Fields): MutablePlanDraft {
  const has = (root.entries.get('evaluators')?.items.length ?? 0) > 0
  const every = orDefault(top.integer('eval_interval', { min: 1 }), 1000, `${CONFIG}: 1000`)
  const batch = top.integer('device_eval_batch_size', { min: 1 })?.value ?? 16
  const intervals = [
    top.has('save_interval') ? top.integer('save_interval', { min: 1 }) : byDefault(1000, `${CONFIG}: 1000`),
    top.integer('save_interval_unsharded', { min: 1 }),
    top.integer('save_interval_ephemeral', { min: 1 }),
  ].filter(interval => interval !== undefined)
  const shortest = intervals.toSorted((a, b) => a.value - b.value)[0]
  return {
    evaluation: has
      ? mapped(every, everySteps => ({
          everySteps,
          timesTotal: null,
          microBatchSize: batch,
          samples: null,
          share: 0,
        }))
      : byDefault(null, 'no evaluators'),
    checkpoints: shortest
      ? mapped(shortest, everySteps => ({ everySteps, timesTotal: null, includesOptimizer: true }))
      : byDefault(null, 'no interval'),
  }
}
