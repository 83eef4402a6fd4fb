import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import type { RunDraft } from '../../src/formats/reader.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import { readText } from './read-text.ts'

const FACTS = {
  checkpointDtype: 'bfloat16',
  modelType: 'llama',
  isMixtureOfExperts: false,
  hasVision: false,
  tiedEmbeddings: false,
  maxPositions: 8192,
  gpuGeneration: 'hopper',
  bf16Supported: true,
} as const

async function readFile(
  path: string,
  files: Readonly<Record<string, string>>,
): Promise<{ format: string | null; plan: TrainingPlan; codes: readonly string[]; run: RunDraft | undefined }> {
  const session = new ReadSession(memoryFileSource(new Map(Object.entries(files))), FORMAT_READERS)
  const document = await session.document(path)
  const reader = document ? session.readerOf(document) : null
  const read = document && reader ? await session.read(document, reader) : null
  const run = read?.result.runs[0]
  const { plan } = resolvePlan({ draft: run?.draft ?? {}, facts: FACTS, modelName: null })
  const codes = [...(read?.result.findings ?? []), ...(run?.findings ?? [])].map(({ code }) => code)
  return { format: reader?.format ?? null, plan, codes, run }
}

const BASE = `sft: {max_num_epochs: 1, max_num_steps: 60}
checkpointing: {enabled: true, save_period: 10}
policy:
  model_name: org/base
  train_global_batch_size: 32
  train_micro_batch_size: 1
  max_total_sequence_length: 1024
  precision: bfloat16
  dtensor_cfg: {enabled: true, tensor_parallel_size: 1, context_parallel_size: 1, activation_checkpointing: false}
  sequence_packing:
    enabled: false
    train_mb_tokens: \${mul:\${policy.max_total_sequence_length}, \${policy.train_micro_batch_size}}
  optimizer: {name: torch.optim.AdamW, kwargs: {foreach: false, fused: false}}
  megatron_cfg: {enabled: false, tensor_model_parallel_size: 1}
cluster: {gpus_per_node: 1, num_nodes: 1}
`
const MIDDLE = `defaults: ../base.yaml
policy:
  model_name: org/middle
  dtensor_cfg: {tensor_parallel_size: 2}
cluster: {gpus_per_node: 8}
`
const CHILD = `defaults: ./middle.yaml
policy:
  train_global_batch_size: 128
  max_total_sequence_length: 4096
  dtensor_cfg: {lora_cfg: {enabled: true, dim: 16}, activation_checkpointing: true}
cluster: {num_nodes: 2}
`
const CHAIN = { 'configs/base.yaml': BASE, 'configs/recipes/middle.yaml': MIDDLE, 'configs/recipes/child.yaml': CHILD }

describe('NeMo RL', () => {
  test('the whole plan through two levels of inheritance', async () => {
    const { format, plan, codes, run } = await readFile('configs/recipes/child.yaml', CHAIN)
    expect(format).toBe('nemo-rl')
    expect(codes).toEqual([])
    expect(run?.draft.model).toMatchObject({
      value: { kind: 'hub', id: 'org/middle' },
      path: 'configs/recipes/middle.yaml',
    })
    expect(plan).toMatchObject({
      framework: 'nemo-rl',
      stage: 'sft',
      adapter: { type: 'lora', rank: 16, targetModules: 'all-linear', dtype: 'float32' },
      precision: {
        weights: 'float32',
        compute: 'bfloat16',
        autocast: false,
        gradients: 'float32',
        optimizerStates: 'float32',
        masterWeights: false,
      },
      optimizer: 'adamw',
      optimizerImplementation: 'loop',
      microBatchSize: 1,
      gradientAccumulationSteps: 16,
      sequenceLength: 4096,
      packing: false,
      variableLength: true,
      gradientCheckpointing: 'full',
      loss: 'full_logits_float32',
      gpus: 16,
      gpusPerNode: 8,
      parallelism: { data: 'fsdp2', tensor: 2, context: 1, noSync: false },
      reinforcement: null,
      checkpoints: { everySteps: 10, includesOptimizer: true },
      dataset: { maxSteps: 60, epochs: 1, padding: 'longest' },
    })
  })

  test('every file of the chain is a dependency', async () => {
    const session = new ReadSession(memoryFileSource(new Map(Object.entries(CHAIN))), FORMAT_READERS)
    const document = await session.document('configs/recipes/child.yaml')
    const reader = document ? session.readerOf(document) : null
    const read = document && reader ? await session.read(document, reader) : null
    expect(read?.dependencies).toEqual([
      'configs/recipes/child.yaml',
      'configs/recipes/middle.yaml',
      'configs/base.yaml',
    ])
  })

  test('`_override_` drops the section of the base', async () => {
    const text = CHILD.replace('dtensor_cfg: {', 'dtensor_cfg: {_override_: true, ')
    const { plan } = await readFile('configs/recipes/child.yaml', { ...CHAIN, 'configs/recipes/child.yaml': text })
    expect(plan.parallelism.tensor).toBe(1)
  })

  test('a loop ends as a base that is missing', async () => {
    const { codes } = await readFile('a.yaml', {
      'a.yaml': 'defaults: b.yaml\nsft: {}\n',
      'b.yaml': 'defaults: a.yaml\nsft: {}\n',
    })
    expect(codes).toContain('missing-companion')
  })

  test('a base outside the repository is never read', async () => {
    const { codes } = await readFile('a.yaml', {
      'a.yaml': 'defaults: ../../etc/passwd.yaml\nsft: {}\npolicy: {model_name: org/m}\n',
    })
    expect(codes).toEqual(['missing-companion'])
  })

  test('its own bases count when they are not in the repository', async () => {
    const text = `defaults: ../../grpo_math_1B.yaml
grpo: {num_prompts_per_step: 64, num_generations_per_prompt: 32, max_num_steps: 30}
policy:
  model_name: org/model
  train_micro_batch_size: 1
  max_total_sequence_length: 4096
  dtensor_cfg: {enabled: false}
  megatron_cfg: {enabled: true, tensor_model_parallel_size: 2, activation_checkpointing: true}
cluster: {gpus_per_node: 8, num_nodes: 4}
`
    const { plan, codes } = await readFile('recipes/llm/run.yaml', { 'recipes/llm/run.yaml': text })
    expect(codes).toEqual(['missing-companion'])
    expect(plan).toMatchObject({
      stage: 'grpo',
      microBatchSize: 1,
      gradientAccumulationSteps: 32,
      packing: false,
      dataset: { padding: 'none' },
      gradientCheckpointing: 'full',
      loss: 'vocab_parallel',
      fusedKernels: 'transformer_engine',
      precision: {
        weights: 'bfloat16',
        gradients: 'bfloat16',
        optimizerStates: 'float32',
        masterWeights: true,
        masterWeightBytes: 2,
        autocast: false,
      },
      parallelism: { data: 'distributed_optimizer', tensor: 2 },
      reinforcement: { referenceModel: 'precomputed', generations: 32, generation: 'vllm_colocate', sleepMode: true },
    })
    // 64 × 32 samples feed four updates of 512
    expect(plan.dataset.maxSteps).toBe(120)
  })

  test('generation apart takes its nodes from training', async () => {
    const text = `policy:
  model_name: org/model
  generation: {backend: vllm, colocated: {enabled: false, resources: {num_nodes: 1, gpus_per_node: 8}}}
grpo: {num_prompts_per_step: 32}
cluster: {gpus_per_node: 8, num_nodes: 3}
`
    const { plan, codes } = await readFile('run.yaml', { 'run.yaml': text })
    expect(plan.gpus).toBe(16)
    expect(plan.reinforcement?.generation).toBe('vllm_server')
    expect(codes).toEqual(['unsupported-option'])
  })

  test.each([
    ['Hydra groups', 'defaults:\n  - actor: dp\n  - _self_\npolicy: {lr: 1}\n'],
    ['a robot policy', 'policy: {type: act}\nenv: {name: aloha}\n'],
  ])('%s are no NeMo RL config', async (_, text) => {
    const { format } = await readFile('run.yaml', { 'run.yaml': text })
    expect(format).not.toBe('nemo-rl')
  })
})

test('NeMo RL saves every so many steps of generation, each of several updates', async () => {
  const { plan } = await readText(
    'grpo: { num_prompts_per_step: 64, num_generations_per_prompt: 32 }\npolicy: { model_name: org/model, train_global_batch_size: 512, train_micro_batch_size: 1, max_total_sequence_length: 1024, dtensor_cfg: { enabled: true } }\ncheckpointing: { enabled: true, save_period: 10 }\ncluster: { gpus_per_node: 8, num_nodes: 1 }\n',
  )
  expect(plan.checkpoints).toMatchObject({ everySteps: 40 })
})
