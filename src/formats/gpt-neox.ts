import { readDeepSpeed } from '../launch/deepspeed.ts'
import { applyEngine, type Engine } from '../launch/engine.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { NO_GENERATION } from '../plan/no-generation.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { mergeFiles, normalised } from './gpt-neox/merge-files.ts'
import { readBatch, readGpus, readIntervals, readOptimizer } from './gpt-neox/schedule.ts'
import { attentionKinds, neoxShapes } from './gpt-neox/shapes.ts'
import type { FormatReader, RunDraft } from './reader.ts'
import { GPT_NEOX_REFUSALS } from './refusals/gpt-neox-refusals.ts'
import { reportRefusals } from './refusals/refusal.ts'
import { reportUnmodelled } from './run-per-document.ts'
import { keyTable, mapped, orDefault, when } from './section.ts'

const ARGS = 'GPT-NeoX @ea7aefd megatron/neox_arguments/neox_args.py'
const DEEPSPEED = 'GPT-NeoX @ea7aefd megatron/neox_arguments/deepspeed_args.py'
const DERIVED = 'GPT-NeoX @ea7aefd megatron/neox_arguments/arguments.py'

/** GPT-NeoX configs (YAML or JSON), one file or the several that `deepy.py` merges. */
export const gptNeoxReader: FormatReader = {
  format: 'gpt-neox',
  keys: [
    ...keyTable(ARGS, [
      ['num_layers, hidden_size, num_attention_heads', 'model', 'required'],
      ['num_kv_heads', 'model', 'None: one a query head'],
      ['intermediate_size, expansion_factor, mlp_multiple_of', 'model', '4 × hidden_size, None, 1'],
      ['activation', 'model; a gated one takes two thirds of the width, halved', 'gelu'],
      ['norm, pos_emb, no_weight_tying, gpt_j_residual', 'model', 'layernorm, learned, False (tied), False'],
      ['use_bias_in_attn_linear, use_bias_in_mlp', 'model', 'True'],
      ['make_vocab_size_divisible_by, tokenizer_type', 'model', '128 × tensor ranks, GPT2BPETokenizer'],
      ['hidden_dropout, attention_dropout', 'model', '0.0'],
      ['attention_config', 'attention', 'None: global, with explicit scores'],
      ['seq_length', 'sequenceLength', 'required'],
      ['pipe_parallel_size, model_parallel_size, sequence_parallel', 'parallelism', '0, 1, False'],
      ['precision, fp16.enabled, bf16.enabled', 'precision', 'fp32'],
      ['checkpoint_activations, checkpoint_in_cpu', 'gradientCheckpointing, activationOffload', 'False'],
      ['optimizer.type, use_bnb_optimizer', 'optimizer', 'Adam, False'],
      ['train_iters, train_epochs', 'dataset', 'None'],
      ['train_impl, dpo_reference_free', 'stage, reinforcement', 'normal, False'],
      ['eval_interval, eval_iters', 'evaluation', '1000, 100'],
      ['checkpoint_factor, save, no_save_optim', 'checkpoints', 'None, None, False'],
    ]),
    ...keyTable(DEEPSPEED, [
      ['train_micro_batch_size_per_gpu, train_batch_size', 'microBatchSize', 'one of them is required'],
      ['gradient_accumulation_steps', 'gradientAccumulationSteps', '1'],
      ['zero_optimization', 'parallelism.data, buffers', 'stage 0'],
      ['data_types.grad_accum_dtype', 'precision.gradients', 'float32 for bf16 without ZeRO, else 16 bit'],
      ['num_gpus, num_nodes', 'gpus', 'None: the hostfile'],
    ]),
  ],
  recognise: ({ roots }) => roots.some(isNeox),
  async read(document, context) {
    const runs: RunDraft[] = []
    const parts: Finding[] = []
    for (const root of document.roots) {
      if (!isNeox(root) && !hasKeys(root, 'conf_files')) continue
      const findings: Finding[] = []
      const merged = await mergeFiles(root, { document, context, findings })
      if (!hasAnyKey(merged, ...BATCH)) {
        parts.push(partOfRun(merged), ...findings)
        continue
      }
      runs.push({ name: null, draft: readDraft(new Fields({ node: merged, findings }), findings), findings })
    }
    return { runs, findings: parts }
  },
}

const FINGERPRINT = [
  ...['pipe_parallel_size', 'model_parallel_size', 'num_layers', 'hidden_size', 'train_micro_batch_size_per_gpu'],
  ...['train_iters', 'tokenizer_type', 'no_weight_tying', 'pos_emb', 'attention_config', 'checkpoint_activations'],
  ...['gpt_j_residual', 'zero_optimization', 'output_layer_parallelism', 'scaled_upper_triang_masked_softmax_fusion'],
]

/** A file with shapes; one with data paths only is a part that another file completes. */
function isNeox(written: ConfigNode): boolean {
  if (written.kind !== 'mapping') return false
  const root = normalised(written)
  if (!hasKeys(root, 'num_layers', 'hidden_size', 'num_attention_heads')) return false
  if (hasAnyKey(root, 'base_model', 'model_name_or_path', 'architectures', 'model_type', 'MODEL_ARGS')) return false
  return FINGERPRINT.filter(key => root.entries.has(key)).length >= 4
}

const BATCH = ['train_micro_batch_size_per_gpu', 'train_batch_size']

/** Shapes without a batch size: GPT-NeoX stops unless the command names a second file. */
function partOfRun({ path, line, column }: ConfigNode): Finding {
  const message = `Part of a run: none of ${BATCH.join(', ')} is set here, so a second file must be merged at launch.`
  const hint = 'Keep the `deepy.py train.py a.yml b.yml` command in a script; its files are read as one run.'
  return finding('missing-key', { path, line, column, message, hint, severity: 'warning' })
}

function readDraft(top: Fields, findings: Finding[]): PlanDraft {
  const kinds = attentionKinds(top)
  const sparse = kinds.find(kind => !['global', 'flash', 'mamba', 'rwkv'].includes(kind))
  if (sparse !== undefined) {
    const message = `\`attention_config\` names \`${sparse}\` attention; its scores are counted as if every one were made.`
    findings.push(finding('unsupported-option', { path: top.node.path, line: top.node.line, message }))
  }
  reportUnmodelled(top, UNMODELLED, findings)
  reportRefusals(top.node, GPT_NEOX_REFUSALS, findings)
  const tensor = orDefault(top.integer('model_parallel_size', { min: 1 }), 1, `${ARGS}: 1`)
  const pipeline = orDefault(top.integer('pipe_parallel_size', { min: 0 }), 0, `${ARGS}: 0`)
  const recompute = orDefault(top.boolean('checkpoint_activations'), false, `${ARGS}: False`)
  if (recompute.value && tensor.value > 1)
    reportUnmodelled(top, { partition_activations: 'checkpoints are split over the tensor ranks' }, findings)
  if ((top.integer('checkpoint_num_layers', { min: 1 })?.value ?? 1) > 1)
    reportUnmodelled(top, { checkpoint_num_layers: 'several layers are recomputed at once' }, findings)
  const draft: PlanDraft = {
    framework: byDefault('gpt-neox', 'the format'),
    'adapter.type': byDefault(null, 'GPT-NeoX trains every parameter'),
    ...neoxShapes(top, findings),
    ...readStage(top),
    ...readBatch(top),
    ...when('sequenceLength', top.integer('seq_length', { min: 1 })),
    ...when('dataset.maxSteps', top.integer('train_iters', { min: 1 })),
    ...when('dataset.epochs', top.integer('train_epochs', { min: 1 })),
    ...readOptimizer(top),
    packing: byDefault(true, `${ARGS}: pack_impl packed`),
    variableLength: byDefault(false, 'every step has the same shape'),
    'dataset.padding': byDefault('none', `${ARGS}: pack_impl packed`),
    gradientCheckpointing: mapped(recompute, on => (on ? 'full' : 'none')),
    checkpointingReentrant: byDefault(true, 'DeepSpeed runtime/activation_checkpointing: a re-entrant function'),
    activationOffload: orDefault(top.boolean('checkpoint_in_cpu'), false, `${ARGS}: False`),
    attention: byDefault(kinds.every(kind => kind === 'flash') ? 'flash' : 'eager', `${ARGS}: attention_config`),
    loss: byDefault('vocab_parallel', 'GPT-NeoX @ea7aefd megatron/model/gpt2_model.py cross_entropy: float32 logits'),
    fusedKernels: byDefault(
      top.boolean('te_mha')?.value || top.boolean('te_layernorm_mlp')?.value ? 'transformer_engine' : 'none',
      `${ARGS}: te_* False`,
    ),
    compile: byDefault(false, 'GPT-NeoX does not compile'),
    'parallelism.tensor': tensor,
    'parallelism.pipeline': mapped(pipeline, stages => Math.max(1, stages)),
    'parallelism.sequenceParallel': orDefault(top.boolean('sequence_parallel'), false, `${ARGS}: False`),
    ...readGpus(top),
    ...readIntervals(top),
  }
  return withPrecision(draft, top)
}

const UNMODELLED = {
  soft_prompt_tuning: 'a trained prompt',
  te_fp8_mha: 'attention in 8 bit',
  deepspeed_extra_args: 'further DeepSpeed settings',
  log_optimizer_states: 'copies of optimizer states while they are logged',
} as const

/** DeepSpeed converts the module to 16 bit; without ZeRO, bfloat16 gradients are summed in float32 (runtime/engine.py get_data_types). */
function withPrecision(draft: PlanDraft, top: Fields): PlanDraft {
  const engine = readDeepSpeed(top)
  const named = top.string('precision')
  const own: Engine['mixedPrecision'] =
    named && /^(fp16|bfloat16)$/.test(named.value)
      ? mapped(named, word => (word === 'fp16' ? 'float16' : 'bfloat16'))
      : engine.mixedPrecision
  const applied = applyEngine(draft, { ...engine, mixedPrecision: own })
  if (own === null)
    return {
      ...applied,
      'precision.weights': byDefault('float32', `${DERIVED}: fp32`),
      'precision.compute': byDefault('float32', `${DERIVED}: fp32`),
      'precision.autocast': byDefault(false, `${DERIVED}: no autocast`),
      'precision.masterWeights': byDefault(false, 'the parameters themselves are float32'),
    }
  const data = engine.draft['parallelism.data']
  const isPlain = data === undefined || typeof data === 'function' || data.value === 'ddp'
  const summed = own.value === 'bfloat16' && isPlain && engine.draft['precision.gradients'] === undefined
  return summed
    ? { ...applied, 'precision.gradients': byDefault('float32', 'DeepSpeed runtime/engine.py get_data_types') }
    : applied
}

const STAGES = { dpo: 'dpo', rm: 'reward', kto: 'kto', reinforce: 'grpo' } as const

function readStage(top: Fields): MutablePlanDraft {
  const kind: Sourced<'normal' | keyof typeof STAGES> =
    top.oneOf('train_impl', ['normal', 'dpo', 'rm', 'kto', 'reinforce']) ?? byDefault('normal', `${ARGS}: normal`)
  const isTuned = top.isSet('train_label_data_paths') || top.boolean('finetune')?.value === true
  const stage = kind.value === 'normal' ? (isTuned ? 'sft' : 'pretrain') : STAGES[kind.value]
  if (stage === 'pretrain' || stage === 'sft' || stage === 'reward') return { stage: mapped(kind, () => stage) }
  const isFree = kind.value === 'dpo' && top.boolean('dpo_reference_free')?.value === true
  return {
    stage: mapped(kind, () => stage),
    reinforcement: mapped(kind, () => ({
      ...NO_GENERATION,
      referenceModel: isFree ? 'none' : 'separate',
    })),
  }
}
