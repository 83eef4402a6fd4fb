import { readFileSync } from 'node:fs'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { type PathChange, runPipeline } from '../../src/pipeline.ts'
import { finding } from '../../src/plan/finding-texts.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'
import type { Report } from '../../src/report/report.ts'

/** Files of both sides of a pull request; `base` null: nothing to compare with. */
interface State {
  readonly base: Files | null
  readonly head: Files
  readonly policy?: string
  readonly findings?: Report['findings']
}

type Files = Readonly<Record<string, string>>

const example = (name: string): string =>
  readFileSync(new URL(`../../examples/configs/${name}`, import.meta.url), 'utf8')

const POLICY = `version: 1
hardware: { gpu: a100-sxm-40gb, gpus: 8, price: { per_gpu_hour: 1.80, currency: USD } }
datasets: { org/tickets: { samples: 60000, mean_tokens: 300 } }
budget: { cost: { fail: 250 }, cost_increase: { warn: 25% }, hours: { fail: 48 }, memory: { warn: 95%, fail: 100% } }
`

/** A full fine-tune of 8 billion parameters under ZeRO-3. */
function full({ length = 4096, microBatch = 1, extra = '' } = {}): string {
  return `base_model: NousResearch/Meta-Llama-3.1-8B
datasets:
  - path: tatsu-lab/alpaca
    type: alpaca
sequence_len: ${length}
sample_packing: true
micro_batch_size: ${microBatch}
gradient_accumulation_steps: 4
max_steps: 1500
optimizer: adamw_torch_fused
learning_rate: 2.0e-5
bf16: true
gradient_checkpointing: true
flash_attention: true
deepspeed: deepspeed_configs/zero3_bf16.json
${extra}`
}

/** Mostly padding, in small pieces, recomputed without need. */
const COSTLY = `model_name_or_path: Qwen/Qwen2.5-1.5B-Instruct
dtype: bfloat16
bf16: true
dataset_name: org/tickets
max_length: 1024
per_device_train_batch_size: 1
gradient_accumulation_steps: 16
gradient_checkpointing: true
num_train_epochs: 3
output_dir: out
`

/** Two stages, one after the other. */
function script(microBatch: number): string {
  const stage = (name: string, size: number): string => `accelerate launch --num_processes 8 -m trl.scripts.${name} \\
  --model_name_or_path meta-llama/Llama-3.1-8B --dtype bfloat16 --bf16 true \\
  --use_peft --lora_r 16 --lora_target_modules all-linear \\
  --dataset_name org/${name} --max_length 4096 --max_steps 500 \\
  --per_device_train_batch_size ${size} --gradient_accumulation_steps 8 \\
  --output_dir out/${name}
`
  return `#!/usr/bin/env bash\nset -e\n${stage('sft', microBatch)}${stage('dpo', 1)}`
}

const OVER = full({ length: 8192, microBatch: 2 })
const LORA = example('axolotl-lora.yml')
const QWEN = example('llama-factory-sft.yaml')
const TRL = example('trl-sft.yaml')
const SWIFT = example('ms-swift-lora.yaml')
const TORCHTUNE = example('torchtune-lora.yaml')
const OTHERS = { 'configs/lora/qwen.yaml': QWEN, 'configs/cpt/small.yaml': TRL }

/** Every state of the comment, from configs that go through all stages. */
export const EXAMPLE_STATES: Readonly<Record<string, State>> = {
  failing: {
    base: {
      'configs/sft/llama31-8b.yaml': full(),
      'configs/lora/llama3.yaml': LORA,
      'configs/exp/custom.yaml': LORA,
      ...OTHERS,
    },
    head: {
      'configs/sft/llama31-8b.yaml': OVER,
      'configs/lora/llama3.yaml': LORA.replace('max_steps: 500', 'max_steps: 1000'),
      'configs/lora/swift.yaml': SWIFT,
      'configs/exp/custom.yaml': LORA.replace('NousResearch/Meta-Llama-3-8B', 'internal/llama-next-11b'),
      ...OTHERS,
    },
  },
  cost: {
    base: { 'configs/sft/qwen.yaml': COSTLY.replace('num_train_epochs: 3', 'num_train_epochs: 1'), ...OTHERS },
    head: { 'configs/sft/qwen.yaml': COSTLY, ...OTHERS },
    policy: POLICY.replace('gpus: 8', 'gpus: 1').replace('cost: { fail: 250 }', 'cost: { fail: 10 }'),
  },
  script: {
    base: { 'scripts/train.sh': script(1), ...OTHERS },
    head: { 'scripts/train.sh': script(16), ...OTHERS },
  },
  nothing: { base: { 'README.md': 'a', ...OTHERS }, head: { 'README.md': 'b', ...OTHERS } },
  'all-good': {
    base: { 'configs/sft/llama31-8b.yaml': full(), 'configs/lora/torchtune.yaml': TORCHTUNE, ...OTHERS },
    head: {
      'configs/sft/llama31-8b.yaml': full({
        extra: 'liger_fused_linear_cross_entropy: true\nplugins:\n  - axolotl.integrations.liger.LigerPlugin\n',
      }),
      'configs/lora/torchtune.yaml': TORCHTUNE.replace('max_steps_per_epoch: 500', 'max_steps_per_epoch: 550'),
      ...OTHERS,
    },
  },
  'pre-existing': {
    base: { 'configs/sft/llama31-8b.yaml': OVER, ...OTHERS },
    head: { 'configs/sft/llama31-8b.yaml': OVER.replace('2.0e-5', '1.0e-5'), ...OTHERS },
  },
  fixed: {
    base: { 'configs/sft/llama31-8b.yaml': OVER, ...OTHERS },
    head: { 'configs/sft/llama31-8b.yaml': full(), ...OTHERS },
  },
  unreadable: {
    base: { 'configs/lora/llama3.yaml': LORA, ...OTHERS },
    head: { 'configs/lora/llama3.yaml': LORA.replace('lora_r: 16', 'lora_r: sixteen'), ...OTHERS },
  },
  'too-close': {
    base: { 'configs/sft/llama31-8b.yaml': full(), ...OTHERS },
    head: { 'configs/sft/llama31-8b.yaml': full({ length: 5632, microBatch: 2 }), ...OTHERS },
  },
  refused: {
    base: { 'configs/lora/llama3.yaml': LORA, ...OTHERS },
    head: { 'configs/lora/llama3.yaml': `${LORA}warmup_steps: 10\nwarmup_ratio: 0.1\n`, ...OTHERS },
  },
  'refused-before': {
    base: { 'configs/lora/llama3.yaml': `${LORA}warmup_steps: 10\nwarmup_ratio: 0.1\n`, ...OTHERS },
    head: {
      'configs/lora/llama3.yaml': `${LORA.replace('max_steps: 500', 'max_steps: 510')}warmup_steps: 10\nwarmup_ratio: 0.1\n`,
      ...OTHERS,
    },
  },
  'refused-anew': {
    base: { 'configs/sft/llama31-8b.yaml': OVER, ...OTHERS },
    head: { 'configs/sft/llama31-8b.yaml': `${OVER}warmup_steps: 10\nwarmup_ratio: 0.1\n`, ...OTHERS },
  },
  'policy-change': {
    base: { 'configs/sft/llama31-8b.yaml': full(), ...OTHERS },
    head: { 'configs/sft/llama31-8b.yaml': full().replace('max_steps: 1500', 'max_steps: 12000'), ...OTHERS },
    findings: [
      finding('policy-preview', {
        path: '.github/preflop.yml',
        message: 'This pull request changes the policy. Judged by the limits of the base: fail; by the new ones: pass.',
      }),
    ],
  },
  'not-compared': { base: null, head: { 'configs/lora/llama3.yaml': LORA, ...OTHERS } },
  huge: {
    base: Object.fromEntries(sweep().map(path => [path, full()])),
    head: Object.fromEntries(sweep().map((path, index) => [path, full({ length: 8192, microBatch: 2 + (index % 3) })])),
  },
}

function sweep(): readonly string[] {
  return Array.from({ length: 40 }, (_, index) => `configs/sweep/run-${index + 10}.yaml`)
}

export async function exampleReport({ base, head, policy = POLICY, findings = [] }: State): Promise<Report> {
  return runPipeline({
    head: memoryFileSource(new Map(Object.entries(head))),
    base: base === null ? null : memoryFileSource(new Map(Object.entries(base))),
    changes: base === null ? null : changesBetween(base, head),
    paths: [],
    policy: createPolicySet(readPolicy(parseDocument('.github/preflop.yml', policy))),
    policyPath: '.github/preflop.yml',
    models: createModelSource({ offline: true }),
    findings,
  })
}

function changesBetween(base: Files, head: Files): readonly PathChange[] {
  return [...new Set([...Object.keys(base), ...Object.keys(head)])].flatMap(path => {
    if (base[path] === head[path]) return []
    const status = base[path] === undefined ? 'added' : head[path] === undefined ? 'removed' : 'modified'
    return [{ path, previousPath: null, status } as const]
  })
}
