import type { Finding } from '../plan/finding.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import { type ConfigNode, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { hubModel } from './hugging-face/references.ts'
import { resolveInterpolations } from './omega-conf.ts'
import type { FormatReader } from './reader.ts'
import { keyTable, mapped, orDefault, section, when } from './section.ts'

const CONFIG = 'LLM Foundry @8c8dd48 llmfoundry/utils/config_utils.py'

/** LLM Foundry training YAML of Hugging Face models. */
export const llmFoundryReader: FormatReader = {
  format: 'llm-foundry',
  keys: keyTable(CONFIG, [
    ['model.pretrained_model_name_or_path', 'model', 'required'],
    ['max_seq_len', 'sequenceLength', 'required'],
    ['max_duration', 'dataset', 'required'],
    ['global_train_batch_size', 'globalBatchSize', 'required'],
    ['device_train_microbatch_size', 'microBatchSize', 'auto'],
    ['precision', 'precision', 'amp_bf16 over float32 weights'],
    ['fsdp_config.activation_checkpointing', 'gradientCheckpointing', 'False'],
  ]),
  recognise: ({ roots }) => roots.some(isFoundry),
  async read(document) {
    const runs = document.roots.filter(isFoundry).map(root => {
      const findings: Finding[] = []
      return { name: null, draft: readDraft(resolveInterpolations(root, findings), findings), findings }
    })
    return { runs, findings: [] }
  },
}

function isFoundry(root: ConfigNode): boolean {
  return hasKeys(root, 'max_duration', 'train_loader', 'model')
}

function readDraft(root: ConfigNode, findings: Finding[]): PlanDraft {
  const top = new Fields({ node: root, findings })
  const fsdp = section(root, 'fsdp_config', findings)
  const model = section(root, 'model', findings)
  const peft = section(root, 'model.peft_config', findings)
  const micro = top.raw('device_train_microbatch_size')?.scalar
  const checkpointing = fsdp.boolean('activation_checkpointing')
  const sharded = root.entries.get('fsdp_config')?.kind === 'mapping'
  const rank = peft.integer('r', { min: 1 })
  const targets = peft.strings('target_modules')
  const name = section(root, 'optimizer', findings).string('name')
  const globalBatch = top.integer('global_train_batch_size', { min: 1 })
  return {
    framework: byDefault('llm-foundry', 'the format'),
    ...hubModel(model, ['pretrained_model_name_or_path'], [], findings),
    'adapter.type': rank ? { ...rank, value: 'lora' } : byDefault(null, 'no peft_config'),
    ...when('adapter.rank', rank),
    ...when('adapter.targetModules', targets),
    'precision.weights': byDefault('float32', 'LLM Foundry: models are loaded in float32'),
    'precision.compute': byDefault(
      top.string('precision')?.value === 'fp32' ? 'float32' : 'bfloat16',
      `${CONFIG}: amp_bf16`,
    ),
    'precision.masterWeights': byDefault(false, 'the parameters themselves are float32'),
    ...(typeof micro === 'number'
      ? when('microBatchSize', top.integer('device_train_microbatch_size', { min: 1 }))
      : {}),
    ...(globalBatch
      ? { globalBatchSize: globalBatch, gradientAccumulationSteps: byDefault('auto' as const, `${CONFIG}: derived`) }
      : {}),
    ...when('sequenceLength', top.integer('max_seq_len', { min: 1 })),
    gradientCheckpointing: checkpointing
      ? mapped(checkpointing, on => (on ? 'full' : 'none'))
      : byDefault('none', `${CONFIG}: False`),
    'parallelism.data': facts => byDefault(facts.gpus === 1 ? 'none' : sharded ? 'fsdp1' : 'ddp', CONFIG),
    optimizer: mapped(orDefault(name, 'decoupled_adamw', CONFIG), word => (/lion/.test(word) ? 'lion' : 'adamw')),
    ...readDuration(top),
  }
}

function readDuration(top: Fields): MutablePlanDraft {
  const read = top.string('max_duration')
  const parts = /^(\d+)(ep|ba|tok)$/.exec(read?.value ?? '')
  if (!read || !parts) return {}
  const key = parts[2] === 'ep' ? 'dataset.epochs' : parts[2] === 'ba' ? 'dataset.maxSteps' : 'dataset.tokens'
  return { [key]: { ...read, value: Number(parts[1]) } }
}
