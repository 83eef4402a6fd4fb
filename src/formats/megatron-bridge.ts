import { findGpu } from '../hardware/gpu-catalogue.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { rowOf } from '../plan/row-of.ts'
import { type ComputeDtype, EXPERT_DISPATCHERS, type StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { DottedFields } from './dotted-fields.ts'
import { Fields } from './fields.ts'
import { STORAGE_NAMES } from './hugging-face/precision.ts'
import { MEGATRON_LAYERS, megatronTargets } from './megatron-adapter.ts'
import { type BridgeRecipe, bridgeBase, findBridgeRecipe } from './megatron-bridge/recipes.ts'
import type { FormatReader } from './reader.ts'
import { reportUncounted, reportUnmodelled, runPerDocument } from './run-per-document.ts'
import { keyTable, mapped, when } from './section.ts'

const COMMON = 'Megatron-Bridge @067f987 src/megatron/bridge/recipes/common.py'

/** Overrides of a Megatron-Bridge recipe: YAML, or a command that names the recipe. */
export const megatronBridgeReader: FormatReader = {
  format: 'megatron-bridge',
  keys: keyTable(COMMON, [
    ['recipe, model and mode (run_recipe.py)', 'model and everything below', 'required at launch'],
    ['train.train_iters, max_steps', 'dataset.maxSteps', '300000 pretrain, 1000 sft and peft'],
    [
      'train.global_batch_size, train.micro_batch_size',
      'globalBatchSize, microBatchSize',
      '32, 2 pretrain; 128, 1 sft and peft',
    ],
    ['dataset.seq_length, model.seq_length', 'sequenceLength', '4096 pretrain, 2048 sft and peft'],
    [
      'model.tensor_model_parallel_size, model.pipeline_model_parallel_size, model.context_parallel_size, model.expert_model_parallel_size',
      'parallelism',
      '1, or the recipe’s',
    ],
    ['model.sequence_parallel', 'parallelism.sequenceParallel', 'False'],
    ['model.recompute_granularity', 'gradientCheckpointing', 'None'],
    ['ddp.use_distributed_optimizer, dist.use_megatron_fsdp', 'parallelism.data', 'True, False'],
    ['model.use_transformer_engine_op_fuser', 'fusedExperts', 'False'],
    ['model.moe_token_dispatcher_type', 'parallelism.expertDispatcher', 'the recipe’s'],
    ['comm_overlap.overlap_moe_expert_parallel_comm', 'parallelism.overlapsExperts', 'the recipe’s'],
    ['ddp.grad_reduce_in_fp32, mixed_precision', 'precision', 'True, bf16_mixed'],
    ['peft.dim, peft.target_modules', 'adapter', '32, the four linear layers'],
    ['model.freeze_language_model, freeze_vision_model, freeze_vision_projection', 'freeze', 'False'],
  ]),
  recognise: ({ roots }) => roots.some(isBridge),
  read: document => runPerDocument(document, root => isBridge(root) || document.roots.length === 1, readDraft),
}

const SECTIONS = ['ddp', 'scheduler', 'checkpoint', 'rng', 'logger', 'dist']

function isBridge(root: ConfigNode): boolean {
  if (hasKeys(root, 'recipe')) return findBridgeRecipe(String(root.entries.get('recipe')?.scalar ?? '')) !== null
  const train = root.entries.get('train')
  if (!hasAnyKey(train, 'train_iters', 'global_batch_size', 'micro_batch_size')) return false
  if (hasAnyKey(root, 'checkpoint_dir', 'model_name', 'trainer', 'policy')) return false
  return (
    SECTIONS.filter(key => root.entries.get(key)?.kind === 'mapping').length >= (hasKeys(train, 'train_iters') ? 1 : 2)
  )
}

/** What run_recipe.py's own options stand for. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  'train.train_iters': ['max_steps', 'ms'],
  'train.global_batch_size': ['global_batch_size', 'gb'],
  'train.micro_batch_size': ['micro_batch_size', 'mb'],
  'dataset.seq_length': ['seq_length', 'sl'],
  'model.tensor_model_parallel_size': ['tensor_model_parallel_size', 'tp'],
  'model.pipeline_model_parallel_size': ['pipeline_model_parallel_size', 'pp'],
  'model.context_parallel_size': ['context_parallel_size', 'cp'],
  'model.expert_model_parallel_size': ['expert_model_parallel_size', 'ep'],
}

function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const top = new Fields({ node: root, findings })
  const fields = new DottedFields(top)
  const recipe = recipeOf(top)
  const base = recipe ?? bridgeBase(fields.scope('peft') ? 'peft' : 'pretrain')
  const note = recipe ? `Megatron-Bridge @067f987 ${recipe.name}` : COMMON
  const number = (key: string, fallback: number): Sourced<number> =>
    fields.positive(key) ?? shortOf(fields, key) ?? byDefault(fallback, note)
  const flag = (key: string, fallback: boolean): Sourced<boolean> => fields.boolean(key) ?? byDefault(fallback, note)
  const model = fields.scope('model')
  if (model) {
    reportUncounted(model, { teacher: 'a teacher model beside the student' }, findings)
    reportUnmodelled(model, UNMODELLED, findings)
  }
  const packed = base.stage !== 'pretrain'
  const length = fields.positive('dataset.seq_length') ?? fields.positive('model.seq_length')
  const recompute = fields.string('model.recompute_granularity')
  const expert = number('model.expert_model_parallel_size', base.expert)
  return {
    framework: byDefault('megatron', 'Megatron-Bridge trains with Megatron core'),
    stage: byDefault(base.stage === 'pretrain' ? 'pretrain' : 'sft', note),
    ...readModel(recipe, top, findings),
    ...readAdapter(fields, base.stage === 'peft', base.rank, note),
    ...readPrecision(fields, base.precision, flag('ddp.grad_reduce_in_fp32', base.gradientsFloat32)),
    microBatchSize: number('train.micro_batch_size', base.microBatch),
    globalBatchSize: number('train.global_batch_size', base.globalBatch),
    gradientAccumulationSteps: byDefault('auto', 'global batch ÷ (micro-batch × data-parallel ranks)'),
    sequenceLength: length ?? shortOf(fields, 'dataset.seq_length') ?? byDefault(base.sequenceLength, note),
    'dataset.maxSteps': number('train.train_iters', base.iterations),
    packing: byDefault(true, packed ? `${COMMON}: enable_offline_packing` : 'Megatron GPTDataset: token stream'),
    variableLength: byDefault(false, 'every step has the same shape'),
    'dataset.padding': byDefault('none', packed ? `${COMMON}: offline packing` : 'Megatron GPTDataset: token stream'),
    gradientCheckpointing:
      recompute && (recompute.value === 'full' || recompute.value === 'selective')
        ? { ...recompute, value: recompute.value }
        : byDefault(fields.isSet('model.recompute_granularity') ? 'none' : base.recompute, note),
    attention: byDefault('flash', 'TransformerEngine attention'),
    loss: byDefault('vocab_parallel', 'Megatron-LM core/tensor_parallel/cross_entropy.py'),
    fusedKernels: byDefault('transformer_engine', note),
    fusedExperts: flag('model.use_transformer_engine_op_fuser', false),
    optimizer: byDefault('adamw', `${COMMON}: distributed_fused_adam_with_cosine_annealing`),
    optimizerImplementation: byDefault('fused', 'TransformerEngine FusedAdam'),
    'parallelism.tensor': number('model.tensor_model_parallel_size', base.tensor),
    'parallelism.pipeline': number('model.pipeline_model_parallel_size', base.pipeline),
    'parallelism.pipelineInterleave':
      fields.positive('model.virtual_pipeline_model_parallel_size') ?? byDefault(base.interleave, note),
    'parallelism.context': number('model.context_parallel_size', base.context),
    'parallelism.expert': expert,
    'parallelism.expertTensor':
      fields.positive('model.expert_tensor_parallel_size') ??
      byDefault(
        expert.value > 1 ? 1 : null,
        'Megatron-Bridge @067f987 models/transformer_config.py: 1 beside expert ranks',
      ),
    ...readExpertTraffic(fields),
    'parallelism.sequenceParallel': flag('model.sequence_parallel', base.sequenceParallel),
    ...readData(fields, flag('ddp.use_distributed_optimizer', base.distributedOptimizer)),
    ...readFreezing(fields),
    ...readHardware(recipe, note),
  }
}

/** Recipes differ in both, so that what is not overridden stays open. */
function readExpertTraffic(fields: DottedFields): MutablePlanDraft {
  return {
    ...when('parallelism.expertDispatcher', fields.oneOf('model.moe_token_dispatcher_type', EXPERT_DISPATCHERS)),
    ...when('parallelism.overlapsExperts', fields.boolean('comm_overlap.overlap_moe_expert_parallel_comm')),
  }
}

const UNMODELLED = {
  fine_grained_activation_offloading: 'activations of some modules on the host',
} as const

function recipeOf(top: Fields): BridgeRecipe | null {
  const name = top.raw('recipe')?.scalar
  if (typeof name === 'string') return findBridgeRecipe(name)
  const stem = top.raw('model')?.scalar
  const mode = top.raw('mode')?.scalar
  return typeof stem === 'string' && typeof mode === 'string' ? findBridgeRecipe(stem, mode) : null
}

function shortOf(fields: DottedFields, key: string): Sourced<number> | undefined {
  for (const name of rowOf(SHORT, key) ?? []) {
    const read = fields.isSet(name) ? fields.positive(name) : undefined
    if (read) return read
  }
  return undefined
}

function readModel(recipe: BridgeRecipe | null, top: Fields, findings: Finding[]): MutablePlanDraft {
  if (recipe) return { model: byDefault({ kind: 'hub', id: recipe.model, revision: null } as const, recipe.name) }
  const message =
    'These are overrides of a Megatron-Bridge recipe, which the launch command names and which gives the model.'
  const hint = 'Keep the `run_recipe.py --recipe …` command in a script of the repository.'
  findings.push(finding('unknown-model', { path: top.node.path, line: top.node.line, message, hint }))
  return {}
}

function readAdapter(fields: DottedFields, isAdapted: boolean, rank: number, note: string): MutablePlanDraft {
  if (!isAdapted) return { 'adapter.type': byDefault(null, note) }
  const targets = fields.strings('peft.target_modules')
  const isDora = fields.string('mode')?.value === 'dora'
  return {
    'adapter.type': byDefault(isDora ? 'dora' : 'lora', note),
    'adapter.rank': fields.positive('peft.dim') ?? byDefault(rank, note),
    'adapter.dropout': fields.number('peft.dropout', { min: 0, max: 1 }) ?? byDefault(0, note),
    'adapter.targetModules': targets
      ? mapped(targets, megatronTargets)
      : byDefault(megatronTargets(MEGATRON_LAYERS), `${COMMON}: the four linear layers`),
    'adapter.targetRule': byDefault('megatron', 'Megatron’s fused layers'),
    'adapter.dtype': byDefault('bfloat16', `${COMMON}: lora_dtype None, the model’s`),
  }
}

/** src/megatron/bridge/training/mixed_precision.py: names of what products run in; parameters are bfloat16 beside float32 masters. */
function readPrecision(fields: DottedFields, fallback: string, reduced: Sourced<boolean>): MutablePlanDraft {
  const name = fields.string('mixed_precision') ?? byDefault(fallback, COMMON)
  const eight: ComputeDtype = /nvfp4/.test(name.value) ? 'nvfp4' : /mxfp8/.test(name.value) ? 'mxfp8' : 'float8'
  const half = /^fp16/.test(name.value) ? ('float16' as const) : ('bfloat16' as const)
  return {
    'precision.weights': mapped(name, () => half),
    'precision.compute': mapped(name, word => (/fp8|fp4/.test(word) ? eight : half)),
    'precision.autocast': byDefault(false, 'Megatron runs the 16-bit module itself'),
    'precision.gradients': mapped(reduced, on => (on ? 'float32' : half)),
    'precision.optimizerStates': byDefault('float32', 'Megatron core: exp_avg_dtype fp32'),
    'precision.masterWeights': byDefault(true, 'Megatron core: main_params_dtype fp32'),
    ...readAwareOptimizer(fields, half === 'bfloat16' && !/fp8|fp4/.test(name.value)),
  }
}

/** `optimizer.use_precision_aware_optimizer` of the overrides, with dtypes as OmegaConf writes them (`torch.bfloat16`, `bf16`). */
function readAwareOptimizer(fields: DottedFields, keepsRemainders: boolean): MutablePlanDraft {
  const aware = fields.boolean('optimizer.use_precision_aware_optimizer')
  if (!aware?.value) return {}
  const dtype = (key: string): Sourced<StorageDtype> | undefined => {
    const word = fields.string(`optimizer.${key}`)
    const value = word && STORAGE_NAMES[word.value]
    return word && value && value !== 'auto' ? { ...word, value } : undefined
  }
  const gradients = dtype('main_grads_dtype')
  const [first, second] = [dtype('exp_avg_dtype'), dtype('exp_avg_sq_dtype')]
  const narrows = dtype('main_params_dtype')?.value === 'float16' || keepsRemainders
  return {
    ...(gradients ? { 'precision.gradients': gradients } : {}),
    // the plan has one dtype for both moments: the wider
    ...(first && second ? { 'precision.optimizerStates': second.value === 'float32' ? second : first } : {}),
    ...(narrows ? { 'precision.masterWeightBytes': mapped(aware, () => 2) } : {}),
  }
}

function readData(fields: DottedFields, sharded: Sourced<boolean>): MutablePlanDraft {
  const fsdp = fields.isOn('dist.use_megatron_fsdp') || fields.isOn('dist.use_torch_fsdp2')
  return {
    'parallelism.data': mapped(sharded, on => (fsdp ? 'fsdp2' : on ? 'distributed_optimizer' : 'ddp')),
  }
}

const PARTS = [
  ['model.freeze_language_model', 'language_model'],
  ['model.freeze_vision_model', 'vision_tower'],
  ['model.freeze_vision_projection', 'projector'],
] as const

function readFreezing(fields: DottedFields): MutablePlanDraft {
  const frozen = PARTS.filter(([key]) => fields.isOn(key)).map(([, part]) => part)
  return frozen.length > 0
    ? { freeze: byDefault({ kind: 'patterns', patterns: frozen } as const, 'model.freeze_*') }
    : {}
}

function readHardware(recipe: BridgeRecipe | null, note: string): MutablePlanDraft {
  if (recipe === null) return {}
  const gpu = recipe.gpu === null ? null : findGpu(recipe.gpu)
  return {
    ...(recipe.gpus === null ? {} : { gpus: byDefault(recipe.gpus, note) }),
    ...(gpu === null ? {} : { 'hardware.gpu': byDefault(gpu.id, note) }),
  }
}
