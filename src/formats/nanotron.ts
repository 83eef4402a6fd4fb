import type { Finding } from '../plan/finding.ts'
import { byDefault, type PlanDraft } from '../plan/plan-draft.ts'
import { type ConfigNode, hasKeys, nodeAt, plainData } from './config-document.ts'
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
    attention: byDefault('flash', 'nanotron: flash attention'),
    optimizer: byDefault('adamw', 'nanotron: AdamW'),
  }
}
