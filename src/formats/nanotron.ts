import type { Finding } from '../plan/finding.ts'
import { byDefault, type PlanDraft } from '../plan/plan-draft.ts'
import { type ConfigNode, hasKeys, nodeAt, plainData } from './config-document.ts'
import { namesIn } from './hugging-face/references.ts'
import type { FormatReader } from './reader.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const CONFIG = 'nanotron @2411b02 src/nanotron/config/*.py'

/** nanotron's pretraining YAML; shapes stand in the file. */
export const nanotronReader: FormatReader = {
  format: 'nanotron',
  keys: keyTable(CONFIG, [
    ['model.model_config', 'model', 'required'],
    ['model.dtype', 'precision', 'bfloat16'],
    ['parallelism.dp, parallelism.tp, parallelism.pp', 'gpus and parallelism', 'required'],
    ['parallelism.recompute_layer', 'gradientCheckpointing', 'False'],
    ['tokens.sequence_length', 'sequenceLength', 'required'],
    ['tokens.micro_batch_size', 'microBatchSize', 'required'],
    ['tokens.batch_accumulation_per_replica', 'gradientAccumulationSteps', '1'],
    ['tokens.train_steps', 'dataset.maxSteps', 'required'],
    ['optimizer.zero_stage', 'parallelism.data', 'required'],
    ['optimizer.accumulate_grad_in_fp32', 'precision.gradients', 'required'],
    ['optimizer.optimizer_factory.torch_adam_is_fused', 'optimizerImplementation', 'required'],
    ['parallelism.tp_mode', 'parallelism.sequenceParallel', 'ALL_REDUCE: no'],
    ['checkpoints.checkpoint_interval', 'checkpoints', 'required'],
    ['data_stages', 'dataset.names', 'required'],
  ]),
  recognise: ({ roots }) => roots.some(isNanotron),
  async read(document) {
    const runs = document.roots.filter(isNanotron).map(root => {
      const findings: Finding[] = []
      return { name: null, draft: readDraft(root, findings), findings }
    })
    return { runs, findings: [] }
  },
}

function isNanotron(root: ConfigNode): boolean {
  return hasKeys(root, 'parallelism', 'tokens') && nodeAt(root, 'model.model_config') !== undefined
}

function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const at = (dotted: string) => section(root, dotted, findings)
  const parallelism = at('parallelism')
  const tokens = at('tokens')
  const optimizer = at('optimizer')
  const size = (key: string) => orDefault(parallelism.integer(key, { min: 1 }), 1, `${CONFIG}: 1`)
  const [data, tensor, pipeline] = [size('dp'), size('tp'), size('pp')]
  const [context, expert] = [size('context_parallel_size'), size('expert_parallel_size')]
  const dtype = at('model').string('dtype')
  const weights =
    dtype && /float32/.test(dtype.value)
      ? mapped(dtype, () => 'float32' as const)
      : orDefault(dtype && mapped(dtype, () => 'bfloat16' as const), 'bfloat16', `${CONFIG}: bfloat16`)
  const accumulate = optimizer.boolean('accumulate_grad_in_fp32')
  const zero = optimizer.integer('zero_stage', { min: 0, max: 3 })
  const shapes = plainData(at('model.model_config').node)
  const config = { model_type: 'llama', ...(typeof shapes === 'object' && shapes !== null ? shapes : {}) }
  const recompute = parallelism.boolean('recompute_layer')
  const scatters = parallelism.string('tp_mode')
  const fused = at('optimizer.optimizer_factory').boolean('torch_adam_is_fused')
  const interval = at('checkpoints').integer('checkpoint_interval', { min: 1 })
  const names = datasetsOf(root)
  return {
    framework: byDefault('nanotron', 'the format'),
    stage: byDefault('pretrain', 'nanotron pretrains'),
    'adapter.type': byDefault(null, 'nanotron trains every parameter'),
    model: at('model').sourced('model_config', { kind: 'inline', config }),
    'precision.weights': weights,
    'precision.compute': weights,
    'precision.autocast': byDefault(false, 'nanotron runs the model in its own dtype'),
    'precision.gradients': accumulate ? mapped(accumulate, on => (on ? 'float32' : 'auto')) : byDefault('auto', CONFIG),
    'precision.masterWeights': accumulate
      ? mapped(accumulate, on => on && weights.value !== 'float32')
      : byDefault(false, CONFIG),
    gpus: mapped(data, count => count * tensor.value * pipeline.value * context.value * expert.value),
    'parallelism.tensor': tensor,
    'parallelism.sequenceParallel': scatters
      ? mapped(scatters, mode => /reduce_scatter/i.test(mode) && tensor.value > 1)
      : byDefault(false, `${CONFIG}: ALL_REDUCE`),
    'parallelism.pipeline': pipeline,
    'parallelism.context': context,
    'parallelism.expert': expert,
    'parallelism.data': zero
      ? mapped(zero, stage => (data.value === 1 ? 'none' : stage > 0 ? 'zero1' : 'ddp'))
      : byDefault('ddp', CONFIG),
    ...when('microBatchSize', tokens.integer('micro_batch_size', { min: 1 })),
    ...when('sequenceLength', tokens.integer('sequence_length', { min: 1 })),
    ...when('dataset.maxSteps', tokens.integer('train_steps', { min: 1 })),
    gradientAccumulationSteps: orDefault(
      tokens.integer('batch_accumulation_per_replica', { min: 1 }),
      1,
      `${CONFIG}: 1`,
    ),
    gradientCheckpointing: recompute
      ? mapped(recompute, on => (on ? 'full' : 'none'))
      : byDefault('none', `${CONFIG}: False`),
    packing: byDefault(true, 'nanotron: token stream'),
    variableLength: byDefault(false, 'every step has the same shape'),
    'dataset.padding': byDefault('none', 'nanotron: token stream'),
    ...(names.length > 0 ? { 'dataset.names': byDefault(names, 'data_stages') } : {}),
    attention: byDefault('flash', 'nanotron: flash attention'),
    loss: byDefault('vocab_parallel', 'nanotron @2411b02 parallel/tensor_parallel/functional.py: float32 logits'),
    optimizer: byDefault('adamw', 'nanotron: AdamW'),
    ...(fused ? { optimizerImplementation: mapped(fused, on => (on ? 'fused' : 'foreach')) } : {}),
    ...(interval
      ? { checkpoints: mapped(interval, everySteps => ({ everySteps, timesTotal: null, includesOptimizer: true })) }
      : {}),
  }
}

/** Folders of tokens, or Hub data sets, of all stages. */
function datasetsOf(root: ConfigNode): readonly string[] {
  const stages = root.entries.get('data_stages')?.items ?? []
  const named = stages.flatMap(stage => {
    const dataset = nodeAt(stage, 'data.dataset')
    const node = dataset?.entries.get('dataset_folder') ?? dataset?.entries.get('hf_dataset_or_datasets')
    return node ? namesIn(node) : []
  })
  return [...new Set(named)]
}
