import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import type { ConfigNode } from '../config-document.ts'
import { isNoMultiple, Settings } from './settings.ts'

const INTEGRATION = 'transformers 5.18 integrations/deepspeed.py trainer_config_process'
const BATCHES = 'DeepSpeed runtime/config.py _batch_assertion'

/** Keys of a DeepSpeed file that must be `auto` or equal the trainer's own. */
const MATCHES: readonly (readonly [own: string, argumentNames: readonly string[]])[] = [
  ['train_micro_batch_size_per_gpu', ['per_device_train_batch_size', 'micro_batch_size']],
  ['gradient_accumulation_steps', ['gradient_accumulation_steps']],
  ['gradient_clipping', ['max_grad_norm']],
  ['optimizer.params.lr', ['learning_rate']],
  ['optimizer.params.weight_decay', ['weight_decay']],
  ['scheduler.params.warmup_max_lr', ['learning_rate']],
  ['fp16.enabled', ['fp16']],
  ['bf16.enabled', ['bf16']],
]

/** The two checks, for the documentation. */
export const DEEPSPEED_RULES = [
  {
    keys: MATCHES.map(([key]) => key),
    rule: 'each is `auto`, or the same as the trainer’s own argument',
    source: INTEGRATION,
  },
  {
    keys: ['train_batch_size'],
    rule: 'it is a multiple of micro-batch × accumulation',
    source: BATCHES,
  },
] as const

/** What the Trainer stops at when it lays its arguments over a DeepSpeed file: only values that both sides write are held together. */
export function reportDeepSpeedRefusals(trainer: ConfigNode, file: ConfigNode, findings: Finding[]): void {
  const [argued, own] = [new Settings(trainer), new Settings(file)]
  for (const [key, names] of MATCHES) {
    const name = names.find(candidate => argued.isWritten(candidate))
    const node = own.node(key)
    if (name === undefined || node === undefined) continue
    const [here, there] = [literal(own, key), literal(argued, name)]
    if (here === undefined || there === undefined || here === there) continue
    const { path, keyLine: line, keyColumn: column } = node
    const message = `\`${key}\` is ${here} and the trainer’s \`${name}\` is ${there}: the two must be the same (${INTEGRATION}).`
    findings.push(finding('will-not-start', { path, line, column, message, hint: `Set \`${key}\` to \`auto\`.` }))
  }
  reportBatch(argued, own, findings)
}

/** train_batch_size = micro-batch × accumulation × GPUs, for whatever number of GPUs. */
function reportBatch(argued: Settings, own: Settings, findings: Finding[]): void {
  const node = own.node('train_batch_size')
  const total = own.number('train_batch_size')
  const perGpu =
    own.number('train_micro_batch_size_per_gpu') ??
    argued.number('per_device_train_batch_size') ??
    argued.number('micro_batch_size')
  const steps = own.number('gradient_accumulation_steps') ?? argued.number('gradient_accumulation_steps')
  if (node === undefined || total === undefined || perGpu === undefined || steps === undefined) return
  if (!isNoMultiple(total, perGpu * steps)) return
  const { path, keyLine: line, keyColumn: column } = node
  const message = `\`train_batch_size\` is ${total}, no multiple of the micro-batch of ${perGpu} × ${steps} accumulation steps: on no number of GPUs do the three agree (${BATCHES}).`
  const hint = 'Set `train_batch_size` to `auto`, or to micro-batch × accumulation × GPUs.'
  findings.push(finding('will-not-start', { path, line, column, message, hint }))
}

function literal(settings: Settings, key: string): number | boolean | undefined {
  const scalar = settings.node(key)?.scalar
  return typeof scalar === 'boolean' ? scalar : settings.number(key)
}
