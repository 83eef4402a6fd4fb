import { beforeAll, describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { type PathChange, runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'
import { causeSentence } from '../../src/report/cause-sentence.ts'
import type { RunReport } from '../../src/report/report.ts'

type Files = Readonly<Record<string, string>>

const POLICY = `version: 1
hardware: { gpu: a100-sxm-80gb, gpus: 8, price: { per_gpu_hour: 2, currency: USD } }
datasets: { a/b: { samples: 50000, mean_tokens: 400 } }
`
const AXO = `base_model: NousResearch/Meta-Llama-3.1-8B
datasets:
  - path: a/b
    type: alpaca
sequence_len: 4096
micro_batch_size: 2
gradient_accumulation_steps: 4
num_epochs: 2
optimizer: adamw_torch_fused
bf16: true
gradient_checkpointing: true
deepspeed: ds/zero2.json
`
const ZERO_2 = `{"zero_optimization": {"stage": 2}, "bf16": {"enabled": true}}`
const TRL = `model_name_or_path: Qwen/Qwen2.5-7B-Instruct
dtype: bfloat16
bf16: true
dataset_name: a/b
max_length: 2048
per_device_train_batch_size: 4
gradient_accumulation_steps: 2
gradient_checkpointing: true
num_train_epochs: 1
output_dir: out
`
const LORA = 'use_peft: true\nlora_r: 16\nlora_target_modules: all-linear\n'
const SCRIPT = `accelerate launch --num_processes 8 -m trl.scripts.sft --model_name_or_path Qwen/Qwen2.5-7B-Instruct --dtype bfloat16 --bf16 true \\
 --use_peft --lora_r 16 --dataset_name a/b --max_length 2048 --per_device_train_batch_size 4 --num_train_epochs 1 --output_dir out
`
const VERL = `MBS=4
python3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo data.train_batch_size=512 data.max_prompt_length=512 data.max_response_length=1536 \\
  actor_rollout_ref.model.path=Qwen/Qwen2.5-7B-Instruct actor_rollout_ref.actor.ppo_mini_batch_size=128 \\
  actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=$MBS actor_rollout_ref.rollout.n=8 trainer.total_training_steps=100
`
const OFFLOAD = '{"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}, "bf16": {"enabled": true}}'
const ADAPTER = 'adapter: lora\nlora_r: 32\nlora_alpha: 32\nlora_target_linear: true\n'
const LAUNCHED = SCRIPT.replace('--num_processes 8', '--config_file acc.yaml')
const accelerate = (kind: string): string =>
  `compute_environment: LOCAL_MACHINE\nmixed_precision: bf16\nnum_processes: 8\n${kind}`
const MULTI_GPU = accelerate('distributed_type: MULTI_GPU\n')
const FSDP = accelerate(
  'distributed_type: FSDP\nfsdp_config:\n  fsdp_version: 2\n  fsdp_reshard_after_forward: true\n  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP\n',
)
const shapes = (hidden: number): string =>
  JSON.stringify({
    model_type: 'llama',
    hidden_size: hidden,
    num_hidden_layers: 16,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    intermediate_size: 8192,
    vocab_size: 32_000,
  })

const axolotl = (text: string, deepspeed = ZERO_2): Files => ({ 'c/a.yml': text, 'ds/zero2.json': deepspeed })
const trl = (text: string, others: Files = {}): Files => ({ 'c/t.yaml': text, ...others })
const script = (text: string, others: Files = {}): Files => ({ 's.sh': text, ...others })
const local = (hidden: number): Files =>
  trl(TRL.replace('Qwen/Qwen2.5-7B-Instruct', './m'), { 'm/config.json': shapes(hidden) })
const pinned = (transformers: string, own: string): Files =>
  trl(TRL, { 'requirements.txt': `transformers==${transformers}\ntrl==${own}\n` })

/** An edit as people make it, and what is said of it with every amount masked: `0` for more, `−0` for less. */
const EDITS: readonly (readonly [name: string, base: Files, head: Files, sentence: string])[] = [
  [
    'a DeepSpeed stage in its own file',
    axolotl(AXO),
    axolotl(AXO, ZERO_2.replace('2', '3')),
    'Changed: `ds/zero2.json`: `zero_optimization.stage` `2` → `3` (−0 GiB, +$0).',
  ],
  [
    'offloading in its own file',
    axolotl(AXO),
    axolotl(AXO, OFFLOAD),
    'Changed: `ds/zero2.json`: `zero_optimization.offload_optimizer.device` none → `cpu` (−0 GiB, +$0).',
  ],
  ['full to LoRA', axolotl(AXO), axolotl(AXO + ADAPTER), 'Changed: `adapter` none → `lora` (−0 GiB, −$0).'],
  [
    'LoRA to QLoRA',
    axolotl(AXO + ADAPTER),
    axolotl(`${AXO}${ADAPTER.replace('lora', 'qlora')}load_in_4bit: true\n`),
    'Changed: `load_in_4bit` none → `true` (−0 GiB, +$0).',
  ],
  ['a length', axolotl(AXO), axolotl(AXO.replace('4096', '8192')), 'Changed: `sequence_len` `4096` → `8192` (+0 GiB).'],
  [
    'length and micro-batch',
    axolotl(AXO),
    axolotl(AXO.replace('4096', '8192').replace('batch_size: 2', 'batch_size: 4')),
    'Cause: `micro_batch_size` `2` → `4` (+0 GiB) **and** `sequence_len` `4096` → `8192` (+0 GiB), and +0 GiB only together. Undoing any one of them is enough.',
  ],
  [
    'a micro-batch for accumulation',
    axolotl(AXO),
    axolotl(AXO.replace('batch_size: 2', 'batch_size: 4').replace('steps: 4', 'steps: 2')),
    'Changed: `micro_batch_size` `2` → `4` (+0 GiB).',
  ],
  [
    'another model',
    axolotl(AXO),
    axolotl(AXO.replace('NousResearch/Meta-Llama-3.1-8B', 'Qwen/Qwen2.5-14B')),
    'Cause: `base_model` `NousResearch/Meta-Llama-3.1-8B` → `Qwen/Qwen2.5-14B` (+0 GiB).',
  ],
  ['epochs', axolotl(AXO), axolotl(AXO.replace('epochs: 2', 'epochs: 3')), 'Changed: `num_epochs` `2` → `3` (+$0).'],
  [
    'an optimizer: not what is wrong with a run that is still close',
    trl(TRL),
    trl(`${TRL}optim: adamw_bnb_8bit\n`),
    'Changed: `optim` none → `adamw_bnb_8bit` (−0 GiB).',
  ],
  [
    'full to LoRA, whose adapters and gradients have dtypes of their own',
    trl(TRL),
    trl(TRL + LORA),
    'Changed: `use_peft` none → `true` (−0 GiB, −$0).',
  ],
  [
    'rank and targets',
    trl(TRL + LORA),
    trl(TRL + LORA.replace('16', '256').replace('all-linear', '[q_proj, v_proj]')),
    'Changed: `lora_r` `16` → `256` (+0 GiB) **and** `lora_target_modules` `all-linear` → `["q_proj","v_proj"]` (−0 GiB), and −0 GiB only together.',
  ],
  [
    'library versions',
    pinned('4.44.0', '0.12.0'),
    pinned('5.18.0', '1.10.0'),
    'Changed: `library versions` `transformers 4.44.0, trl 0.12.0` → `transformers 5.18.0, trl 1.10.0` (−0 GiB).',
  ],
  [
    'a renamed file',
    { 'c/old.yaml': TRL },
    { 'c/t.yaml': TRL.replace('2048', '8192') },
    'Cause: `max_length` `2048` → `8192` (+0 GiB).',
  ],
  [
    'one up, one down',
    trl(TRL),
    trl(`${TRL.replace('checkpointing: true', 'checkpointing: false')}use_liger_kernel: true\n`),
    'Cause: `gradient_checkpointing` `true` → `false` (+0 GiB), against `use_liger_kernel` none → `true` (−0 GiB), and −0 GiB only together.',
  ],
  ['packing', trl(TRL), trl(`${TRL}packing: true\n`), 'Changed: `packing` none → `true` (−$0).'],
  [
    'arguments of a script',
    script(SCRIPT),
    script(SCRIPT.replace('--max_length 2048', '--max_length 8192')),
    'Changed: `max_length` `2048` → `8192` (+0 GiB).',
  ],
  [
    'a dtype',
    trl(TRL),
    trl(TRL.replace('dtype: bfloat16', 'dtype: float32')),
    'Cause: `dtype` `bfloat16` → `float32` (+0 GiB).',
  ],
  [
    'evaluation',
    trl(`${TRL}loss_type: nll\n`),
    trl(`${TRL}loss_type: nll\neval_strategy: steps\neval_steps: 100\nper_device_eval_batch_size: 32\n`),
    'Cause: `eval_strategy` none → `steps` (+0 GiB).',
  ],
  ['the config of a local model', local(2048), local(4096), 'Changed: `m/config.json` changed (+0 GiB, +$0).'],
  [
    'an Accelerate file',
    script(LAUNCHED, { 'acc.yaml': MULTI_GPU }),
    script(LAUNCHED, { 'acc.yaml': FSDP }),
    'Changed: `acc.yaml`: `fsdp_config.fsdp_version` none → `2` (−0 GiB, +$0).',
  ],
  ['a learning rate', trl(TRL), trl(`${TRL}learning_rate: 1.0e-5\n`), ''],
]

async function compare(base: Files, head: Files): Promise<RunReport> {
  const gone = Object.keys(base).find(path => head[path] === undefined) ?? null
  const changes = Object.keys(head).flatMap((path): readonly PathChange[] => {
    if (base[path] === head[path]) return []
    const isRenamed = base[path] === undefined && gone !== null
    return [{ path, previousPath: isRenamed ? gone : null, status: isRenamed ? 'renamed' : 'modified' }]
  })
  const { runs } = await runPipeline({
    head: memoryFileSource(new Map(Object.entries(head))),
    base: memoryFileSource(new Map(Object.entries(base))),
    changes,
    paths: [],
    policy: createPolicySet(readPolicy(parseDocument('.github/preflop.yml', POLICY))),
    policyPath: '.github/preflop.yml',
    models: createModelSource({ offline: true }),
  })
  const [run] = runs
  if (!run || runs.length !== 1) throw new Error(`${runs.length} runs`)
  return run
}

describe.each(EDITS)('%s', (_name, base, head, sentence) => {
  let run: RunReport
  beforeAll(async () => {
    run = await compare(base, head)
  })

  test('is said in the user’s own keys and values', () => {
    const masked = causeSentence(run)
      .replaceAll('\u00A0', ' ')
      .replaceAll(/\d[\d,.]*(?= GiB)|(?<=\$)\d[\d,.]*\d/g, '0')
    expect(masked).toBe(sentence)
  })

  test('adds up to what changed', () => {
    const whole = (run.memory?.requiredBytes ?? 0) - (run.base?.memoryBytes ?? 0)
    const told = run.causes.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0)
    expect(Math.abs(whole - told)).toBeLessThan(2 ** 27)
  })
})

test('two edits of a script that move memory only together are named together', async () => {
  const run = await compare(script(VERL), script(VERL.replace('MBS=4', 'MBS=16').replace('=1536', '=3584')))
  expect(run.causes.map(({ key, from, to }) => [key, from, to])).toEqual([
    ['actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu', 4, 16],
    ['data.max_response_length', 1536, 3584],
    ['together', null, null],
  ])
})
