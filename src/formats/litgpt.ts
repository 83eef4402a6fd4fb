import { findModelBuilder } from '../models/model-builders.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { rowOf } from '../plan/row-of.ts'
import type { Quantization } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey } from './config-document.ts'
import type { Fields } from './fields.ts'
import { LITGPT_EVALUATION, litgptEvaluation } from './litgpt-evaluation.ts'
import type { FormatReader } from './reader.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const SETUP = 'LitGPT 0.5.13 litgpt/finetune/lora.py setup()'
const PRETRAIN = 'LitGPT 0.5.13 litgpt/pretrain.py setup()'
const UTILS = 'LitGPT 0.5.13 litgpt/utils.py'

/** `litgpt finetune_lora | finetune_full | pretrain --config`. */
export const litgptReader: FormatReader = {
  format: 'litgpt',
  keys: keyTable(SETUP, [
    ['checkpoint_dir, model_name', 'model: last part of the path', 'required'],
    ['precision', 'precision', 'bf16-mixed: float32 weights, frozen ones too'],
    ['quantize', 'quantization; the optimizer becomes bitsandbytes PagedAdamW', 'None'],
    ['devices, num_nodes', 'gpus', '1, 1'],
    ['lora_r', 'adapter.rank', '8'],
    ['lora_dropout', 'adapter.dropout', '0.05'],
    [
      'lora_query, lora_key, lora_value, lora_projection, lora_mlp, lora_head',
      'adapter.targetModules',
      'query and value',
    ],
    ['train.global_batch_size', 'globalBatchSize', '16; pretrain 512'],
    ['train.micro_batch_size', 'microBatchSize', '1; pretrain 4'],
    ['train.epochs, train.max_steps, train.max_tokens', 'dataset', '5 epochs; pretrain 3e12 tokens'],
    ['train.max_seq_length', 'sequenceLength', 'None: no truncation'],
    ['optimizer', 'optimizer', 'AdamW'],
    [
      'eval.interval, eval.max_iters, eval.max_new_tokens, eval.final_validation, data.init_args.val_split_fraction',
      'evaluation',
      '100 (full fine-tuning 600, pretrain 1000); 100; 100 (pretrain none); true; none',
    ],
    ['train.save_interval', 'checkpoints', '1000'],
    ['data', 'dataset.names', 'Alpaca'],
  ]),
  recognise: ({ roots }) => roots.some(isLitgpt),
  async read(document) {
    const runs = document.roots.filter(isLitgpt).map(root => {
      const findings: Finding[] = []
      return { name: null, draft: readDraft(root, findings), findings }
    })
    return { runs, findings: [] }
  },
}

function isLitgpt(root: ConfigNode): boolean {
  return (
    hasAnyKey(root.entries.get('train'), 'micro_batch_size', 'global_batch_size') &&
    hasAnyKey(root, 'checkpoint_dir', 'model_name', 'model_config')
  )
}

function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const top = section(root, '', findings)
  const train = section(root, 'train', findings)
  const pretrain = !top.isSet('checkpoint_dir')
  const lora = [...root.entries.keys()].some(key => key.startsWith('lora_'))
  const devices = top.string('devices')?.value === 'auto' ? undefined : top.integer('devices', { min: 1 })
  const nodes = top.integer('num_nodes', { min: 1 })?.value ?? 1
  const perNode = devices ?? (pretrain ? undefined : byDefault(1, `${SETUP}: 1`))
  const sharding = lora ? 'fsdp2' : 'fsdp1'
  const setup = pretrain ? PRETRAIN : SETUP
  return {
    framework: byDefault('litgpt', 'the format'),
    stage: byDefault(pretrain ? 'pretrain' : 'sft', 'the keys of the file'),
    ...readModel(top, train, pretrain, findings),
    ...(lora ? readLora(top) : { 'adapter.type': byDefault(null, 'no lora keys') }),
    ...readPrecision(top),
    microBatchSize: orDefault(train.integer('micro_batch_size', { min: 1 }), pretrain ? 4 : 1, setup),
    globalBatchSize: orDefault(train.integer('global_batch_size', { min: 1 }), pretrain ? 512 : 16, setup),
    gradientAccumulationSteps: byDefault('auto', 'LitGPT 0.5.13 litgpt/args.py: global ÷ devices ÷ micro'),
    ...readLength(train, pretrain),
    packing: byDefault(pretrain, setup),
    variableLength: byDefault(!pretrain, 'LitGPT 0.5.13 litgpt/data/base.py: padded to the longest of the micro-batch'),
    'dataset.padding': byDefault(pretrain ? 'none' : 'longest', 'LitGPT 0.5.13 litgpt/data/base.py'),
    attention: byDefault('sdpa', 'LitGPT 0.5.13 litgpt/model.py'),
    loss: byDefault('chunked', `${UTILS} chunked_cross_entropy`),
    compile: byDefault(pretrain, `${PRETRAIN}: torch.compile; finetuning does not`),
    checkpointingReentrant: byDefault(false, 'torch checkpoint_wrapper: not re-entrant'),
    gradientCheckpointing: facts =>
      byDefault(!pretrain && facts.gpus > 1 ? 'full' : 'none', `${setup}: every block on several GPUs, none on one`),
    ...(perNode ? { gpus: mapped(perNode, count => count * nodes), gpusPerNode: perNode } : {}),
    'parallelism.data': facts =>
      byDefault(facts.gpus > 1 ? sharding : 'none', `${setup}: FSDPStrategy on several GPUs`),
    'parallelism.noSync': byDefault(true, `${SETUP}: fabric.no_backward_sync while accumulating`),
    ...readSteps(train, pretrain),
    ...readSchedule(
      train,
      { evaluation: section(root, 'eval', findings), data: section(root, 'data.init_args', findings) },
      { pretrain, lora },
    ),
    ...when('dataset.names', readData(root, findings)),
    ...(pretrain
      ? { 'parallelism.shardSize': facts => byDefault(facts.gpusPerNode, `${PRETRAIN}: HYBRID_SHARD, one copy a node`) }
      : {}),
    ...readOptimizer(root, top, { pretrain, findings }),
  }
}

function readModel(top: Fields, train: Fields, pretrain: boolean, findings: Finding[]): MutablePlanDraft {
  const named = top.string(pretrain ? 'model_name' : 'checkpoint_dir')
  const name = named?.value.replace(/\/+$/, '').split('/').at(-1) ?? ''
  const found = findModelBuilder('litgpt', name)
  if (named && found) {
    const tie = train.boolean('tie_embeddings')
    const value =
      tie?.value && found.kind === 'inline' && typeof found.config === 'object'
        ? { ...found, config: { ...found.config, tie_word_embeddings: true } }
        : found
    return { model: { ...named, value } }
  }
  const inline = top.mapping('model_config')
  if (inline) return readInline(inline, train.boolean('tie_embeddings')?.value ?? false)
  const message = `LitGPT has no model named \`${name}\`.`
  findings.push(finding('unknown-model', { path: top.node.path, line: named?.line ?? top.node.line, message }))
  return {}
}

/** Fields of litgpt.Config; LLaMAMLP and GptNeoxMLP are the shapes that appear inline. */
function readInline(fields: Fields, tied: boolean): MutablePlanDraft {
  const hidden = fields.integer('n_embd', { min: 1 })?.value ?? 4096
  const heads = fields.integer('n_head', { min: 1 })?.value ?? 32
  const vocabulary = fields.integer('vocab_size', { min: 1 })?.value ?? 50254
  const multiple = fields.integer('padding_multiple', { min: 1 })?.value ?? 512
  const gated = fields.string('mlp_class_name')?.value === 'LLaMAMLP'
  const config = {
    model_type: gated ? 'llama' : 'gpt_neox',
    num_hidden_layers: fields.integer('n_layer', { min: 1 })?.value ?? 16,
    hidden_size: hidden,
    num_attention_heads: heads,
    num_key_value_heads: fields.integer('n_query_groups', { min: 1 })?.value ?? heads,
    intermediate_size: fields.integer('intermediate_size', { min: 1 })?.value ?? 4 * hidden,
    vocab_size: fields.integer('padded_vocab_size', { min: 1 })?.value ?? Math.ceil(vocabulary / multiple) * multiple,
    max_position_embeddings: fields.integer('block_size', { min: 1 })?.value ?? 4096,
    tie_word_embeddings: tied,
  }
  return { model: { ...fields.sourced('n_layer', { kind: 'inline', config }) } }
}

const PRECISIONS: Readonly<Record<string, readonly ['float32' | 'bfloat16' | 'float16', boolean]>> = {
  'bf16-true': ['bfloat16', false],
  'bf16-mixed': ['bfloat16', true],
  '16-true': ['float16', false],
  '16-mixed': ['float16', true],
  '32-true': ['float32', false],
}

function readPrecision(top: Fields): MutablePlanDraft {
  const read = orDefault(top.string('precision'), 'bf16-mixed', `${UTILS} get_default_supported_precision`)
  const row = rowOf(PRECISIONS, read.value)
  if (!row) {
    top.invalid('precision', `one of ${Object.keys(PRECISIONS).join(', ')}`)
    return {}
  }
  const [compute, mixed] = row
  const weights: Sourced<'float32' | 'bfloat16' | 'float16'> = { ...read, value: mixed ? 'float32' : compute }
  return {
    'precision.weights': weights,
    'precision.compute': { ...read, value: compute },
    'precision.autocast': { ...read, value: mixed },
    'precision.masterWeights': byDefault(false, 'Lightning Fabric keeps no second copy'),
    'adapter.dtype': weights,
  }
}

const LORA_PARTS = [
  ['lora_query', true, ['q_proj']],
  ['lora_key', false, ['k_proj']],
  ['lora_value', true, ['v_proj']],
  ['lora_projection', false, ['o_proj', 'dense']],
  ['lora_mlp', false, ['gate_proj', 'up_proj', 'down_proj', 'dense_h_to_4h', 'dense_4h_to_h']],
  ['lora_head', false, ['lm_head', 'embed_out']],
] as const

function readLora(top: Fields): MutablePlanDraft {
  const targets = LORA_PARTS.flatMap(([key, on, leaves]) => ((top.boolean(key)?.value ?? on) ? leaves : []))
  return {
    'adapter.type': byDefault('lora', 'lora keys'),
    'adapter.rank': orDefault(top.integer('lora_r', { min: 1 }), 8, `${SETUP}: 8`),
    'adapter.dropout': orDefault(top.number('lora_dropout', { min: 0, max: 1 }), 0.05, `${SETUP}: 0.05`),
    'adapter.targetModules': byDefault(targets, `${SETUP}: query and value`),
    'adapter.targetRule': byDefault('litgpt', 'the format'),
  }
}

const QUANTIZATIONS: Readonly<Record<string, Quantization>> = {
  'bnb.nf4': 'nf4',
  'bnb.nf4-dq': 'nf4-double',
  'bnb.fp4': 'fp4',
  'bnb.fp4-dq': 'fp4',
  'bnb.int8-training': 'int8',
}

function readOptimizer(
  root: ConfigNode,
  top: Fields,
  { pretrain, findings }: { readonly pretrain: boolean; readonly findings: Finding[] },
): MutablePlanDraft {
  const quantize = top.string('quantize')
  const quantization = quantize && rowOf(QUANTIZATIONS, quantize.value)
  if (quantize && quantization)
    return {
      quantization: { ...quantize, value: quantization },
      'quantizationDetails.quantizesHead': byDefault(true, 'Lightning Fabric BitsandbytesPrecision: every linear'),
      optimizer: { ...quantize, value: 'adamw' },
      optimizerPaged: { ...quantize, value: true },
      'precision.optimizerStates': byDefault('float32', `${UTILS} instantiate_bnb_optimizer: PagedAdamW`),
    }
  const name =
    root.entries.get('optimizer')?.kind === 'mapping'
      ? section(root, 'optimizer', findings).string('class_path')
      : top.string('optimizer')
  const family = /\bSGD$/.test(name?.value ?? '') ? 'sgd' : /Adam/.test(name?.value ?? 'AdamW') ? 'adamw' : 'other'
  return {
    optimizer: name ? { ...name, value: family } : byDefault('adamw', `${SETUP}: AdamW`),
    optimizerImplementation: pretrain
      ? byDefault('fused', `${PRETRAIN}: fused on CUDA`)
      : byDefault('foreach', 'torch.optim: foreach on CUDA'),
  }
}

function readSteps(train: Fields, pretrain: boolean): MutablePlanDraft {
  const steps = train.integer('max_steps', { min: 1 })
  const tokens = train.number('max_tokens', { min: 1 })
  if (pretrain)
    return { 'dataset.tokens': orDefault(tokens, 3e12, `${PRETRAIN}: 3e12`), ...when('dataset.maxSteps', steps) }
  return {
    'dataset.epochs': orDefault(train.integer('epochs', { min: 1 }), 5, `${SETUP}: 5`),
    ...when('dataset.maxSteps', steps),
  }
}

/** Pretraining cuts the stream at the model’s context; finetuning without the key takes the longest sample. */
function readLength(train: Fields, pretrain: boolean): MutablePlanDraft {
  const own = train.integer('max_seq_length', { min: 1 })
  if (own) return { sequenceLength: own }
  return pretrain
    ? { sequenceLength: facts => byDefault(facts.maxPositions ?? 4096, `${PRETRAIN}: the model’s block_size`) }
    : {}
}

/** Data modules that read one Hub data set. */
const DATASETS: Readonly<Record<string, string>> = {
  Alpaca2k: 'mhenrichsen/alpaca_2k_test',
  LIMA: 'GAIR/lima',
  Deita: 'HuggingFaceH4/deita-10k-v0-sft',
  OpenWebText: 'openwebtext',
}

function readData(root: ConfigNode, findings: Finding[]): Sourced<readonly string[]> | undefined {
  const data = section(root, 'data', findings)
  const named = data.string('class_path') ?? section(root, '', findings).string('data')
  const path = section(root, 'data.init_args', findings).string('json_path')
  if (path) return { ...path, value: [path.value] }
  const name = named && rowOf(DATASETS, named.value.slice(named.value.lastIndexOf('.') + 1))
  return named && name ? { ...named, value: [name] } : undefined
}

/** `eval` as the file sets it; LoRA checkpoints hold the adapter alone. */
function readSchedule(
  train: Fields,
  { evaluation, data }: { readonly evaluation: Fields; readonly data: Fields },
  { pretrain, lora }: { readonly pretrain: boolean; readonly lora: boolean },
): MutablePlanDraft {
  const interval = evaluation.integer('interval', { min: 1 })
  const set = {
    pretrain,
    lora,
    microBatchSize: train.integer('micro_batch_size', { min: 1 })?.value ?? (pretrain ? 4 : 1),
    everySteps: interval?.value,
    iterations: evaluation.integer('max_iters', { min: 1 })?.value,
    newTokens: evaluation.integer('max_new_tokens', { min: 0 })?.value,
    atEnd: evaluation.boolean('final_validation')?.value,
    share: data.number('val_split_fraction', { min: 0, max: 1 })?.value,
  }
  const save = orDefault(train.integer('save_interval', { min: 1 }), 1000, `${SETUP}: save_interval 1000`)
  return {
    evaluation: facts => {
      const value = litgptEvaluation({ ...set, gpus: facts.gpus })
      return interval ? { ...interval, value } : byDefault(value, LITGPT_EVALUATION)
    },
    checkpoints: mapped(save, steps => ({ everySteps: steps, timesTotal: null, includesOptimizer: !lora })),
  }
}
