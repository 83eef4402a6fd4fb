// biome-ignore-all lint/suspicious/noTemplateCurlyInString: OmegaConf interpolations
import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import type { PlanKey } from '../../src/plan/plan-draft.ts'

async function read(
  path: string,
  text: string,
  others: Readonly<Record<string, string>> = {},
  libraries: Readonly<Record<string, string>> = {},
): Promise<(key: PlanKey) => unknown> {
  const files = new Map([[path, text], ...Object.entries(others)])
  const session = new ReadSession(memoryFileSource(files), FORMAT_READERS, () => libraries)
  const document = await session.document(path)
  const reader = document && session.readerOf(document)
  if (!document || !reader) throw new Error('not recognised')
  const { result } = await session.read(document, reader)
  const draft = result.runs[0]?.draft ?? {}
  return key => {
    const found = draft[key]
    return typeof found === 'function' ? 'rule' : found?.value
  }
}

const GRPO = `MODEL=Qwen/Qwen2.5-7B-Instruct
python3 -m verl.trainer.main_ppo \\
  algorithm.adv_estimator=grpo \\
  data.train_files=a.parquet data.train_batch_size=1024 data.max_prompt_length=512 data.max_response_length=1024 \\
  actor_rollout_ref.model.path=$MODEL \\
  actor_rollout_ref.actor.ppo_mini_batch_size=256 actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8 \\
  actor_rollout_ref.actor.use_kl_loss=True \\
  actor_rollout_ref.actor.fsdp_config.param_offload=False +actor_rollout_ref.actor.fsdp_config.model_dtype=bf16 \\
  actor_rollout_ref.rollout.name=vllm actor_rollout_ref.rollout.gpu_memory_utilization=0.6 actor_rollout_ref.rollout.n=5 \\
  trainer.n_gpus_per_node=8 trainer.nnodes=2 trainer.total_epochs=15
`

describe('defaults of the version', () => {
  const OLD = `actor_rollout_ref:
  model: { path: ~/m, enable_gradient_checkpointing: False, use_remove_padding: False }
  actor: { strategy: fsdp, ppo_epochs: 1 }
data: { max_prompt_length: 100 }
trainer: { total_epochs: 3 }
`

  test('a verl kept in the repository says its own', async () => {
    const value = await read('examples/run.sh', GRPO, { 'verl/trainer/config/ppo_trainer.yaml': OLD })
    expect([value('gradientCheckpointing'), value('dataset.padding'), value('dataset.epochs')]).toEqual([
      'none',
      'fixed',
      15,
    ])
    expect(value('model')).toEqual({ kind: 'hub', id: 'Qwen/Qwen2.5-7B-Instruct', revision: null })
  })

  test('composed files stand before their parts, projects in folders are found, recipes have their own', async () => {
    const composed = await read('rl/examples/run.sh', GRPO, {
      'rl/verl/trainer/config/ppo_trainer.yaml': 'defaults: [x]\n',
      'rl/verl/trainer/config/_generated_ppo_trainer.yaml': OLD,
    })
    expect(composed('gradientCheckpointing')).toBe('none')
    const recipe = await read('run.sh', GRPO.replace('verl.trainer.main_ppo', 'recipe.dapo.main_dapo'), {
      'recipe/dapo/config/dapo_trainer.yaml': OLD,
    })
    expect(recipe('gradientCheckpointing')).toBe('none')
  })

  test('checks of the current version are not those of a verl kept in the repository', async () => {
    const small = GRPO.replace('data.train_batch_size=1024', 'data.train_batch_size=8')
    const codes = async (others: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const session = new ReadSession(
        memoryFileSource(new Map([['run.sh', small], ...Object.entries(others)])),
        FORMAT_READERS,
      )
      const document = await session.document('run.sh')
      const reader = document && session.readerOf(document)
      const runs = document && reader ? (await session.read(document, reader)).result.runs : []
      return runs.flatMap(({ findings }) => findings.map(({ code }) => code))
    }
    expect(await codes({})).toContain('will-not-start')
    expect(await codes({ 'verl/trainer/config/ppo_trainer.yaml': OLD })).not.toContain('will-not-start')
  })

  test('a pinned version', async () => {
    const value = await read('run.sh', GRPO, {}, { verl: '0.6.1' })
    expect(value('dataset.padding')).toBe('fixed')
    expect((await read('run.sh', GRPO))('dataset.padding')).toBe('none')
  })

  test('Megatron joins rows whatever the model’s key says', async () => {
    const megatron = GRPO.replace('trainer.nnodes=2', 'trainer.nnodes=2 actor_rollout_ref.actor.strategy=megatron')
    const off = (key: string) => read('run.sh', megatron.replace('trainer.nnodes=2', `trainer.nnodes=2 ${key}=False`))
    expect((await off('actor_rollout_ref.model.use_remove_padding'))('dataset.padding')).toBe('none')
    expect((await off('actor_rollout_ref.actor.megatron.use_remove_padding'))('dataset.padding')).toBe('fixed')
  })
})

describe('verl', () => {
  test('GRPO on the command line', async () => {
    const value = await read('run.sh', GRPO)
    expect(value('framework')).toBe('verl')
    expect(value('stage')).toBe('grpo')
    expect(value('model')).toEqual({ kind: 'hub', id: 'Qwen/Qwen2.5-7B-Instruct', revision: null })
    expect(value('gpus')).toBe(16)
    expect(value('microBatchSize')).toBe(8)
    expect(value('globalBatchSize')).toBe(1280)
    expect(value('gradientAccumulationSteps')).toBe('auto')
    expect(value('sequenceLength')).toBe(1536)
    expect(value('precision.weights')).toBe('bfloat16')
    expect(value('gradientCheckpointing')).toBe('full')
    expect(value('parallelism.data')).toBe('fsdp1')
    expect(value('loss')).toBe('in_place')
    expect(value('reinforcement')).toMatchObject({
      referenceModel: 'separate',
      generations: 5,
      colocatedMemoryShare: 0.6,
      sleepMode: true,
      valueModel: false,
    })
  })

  test.each<[string, PlanKey, unknown]>([
    ['', 'precision.weights', 'float32'],
    ['', 'stage', 'ppo'],
    ['actor_rollout_ref.actor.strategy=fsdp2', 'parallelism.data', 'fsdp2'],
    ['actor_rollout_ref.actor.fsdp_config.offload_policy=True', 'parallelism.offload', 'parameters_and_optimizer'],
    ['actor_rollout_ref.actor.fsdp_config.param_offload=True', 'parallelism.offload', 'none'],
    ['actor_rollout_ref.model.lora_rank=32', 'adapter.type', 'lora'],
    ['actor_rollout_ref.model.lora_rank=32', 'adapter.targetModules', 'all-linear'],
    ['actor_rollout_ref.actor.use_dynamic_bsz=True', 'sequenceLength', 16_384],
    ['actor_rollout_ref.actor.use_dynamic_bsz=True', 'meanSequenceLength', 1024],
    ['', 'dataset.dropLast', true],
    ['actor_rollout_ref.actor.ppo_micro_batch_size=64', 'microBatchSize', 'rule'],
    ['--config-name=ppo_megatron_trainer', 'parallelism.data', 'distributed_optimizer'],
    ['actor_rollout_ref.actor.megatron.tensor_model_parallel_size=4', 'parallelism.tensor', 4],
    ['actor_rollout_ref.actor.megatron.tensor_model_parallel_size=4', 'gradientCheckpointing', 'none'],
    ['actor_rollout_ref.model.use_fused_kernels=True', 'loss', 'fused_linear'],
  ])('%s: %s', async (extra, key, expected) => {
    const text = `python -m verl.trainer.main_ppo actor_rollout_ref.model.path=a/b data.train_batch_size=8 ${extra}`
    expect((await read('run.sh', text))(key)).toBe(expected)
  })

  test('supervised fine-tuning', async () => {
    const text =
      'torchrun --standalone --nproc_per_node=4 -m verl.trainer.fsdp_sft_trainer data.train_files=x model.partial_pretrain=a/b data.max_length=2048'
    const value = await read('run.sh', text)
    expect([
      value('stage'),
      value('gpus'),
      value('microBatchSize'),
      value('globalBatchSize'),
      value('sequenceLength'),
    ]).toEqual(['sft', 4, 4, 256, 2048])
    expect(value('parallelism.data')).toBe('fsdp2')
  })

  test('YAML with interpolations', async () => {
    const text =
      'actor_rollout_ref:\n  model: { path: a/b }\n  actor: { strategy: fsdp2, ppo_micro_batch_size_per_gpu: "${oc.select:x,1}" }\ndata: { max_prompt_length: 10, max_response_length: 20 }\n'
    const value = await read('ppo.yaml', text)
    expect(value('sequenceLength')).toBe(30)
    expect(value('microBatchSize')).toBe(1)
  })
})

test('the config that --config-path and --config-name name lies under the assignments', async () => {
  const text = `PROJECT_DIR="$(pwd)"
python3 -m verl.trainer.main_ppo --config-path="$PROJECT_DIR/conf" --config-name='multiturn' \\
  actor_rollout_ref.model.path=org/model data.max_prompt_length=256
`
  const config = `defaults: [ppo_trainer, _self_]
data: {max_prompt_length: 1024, max_response_length: 2048}
actor_rollout_ref: {rollout: {n: 16}}
`
  const value = await read('run.sh', text, { 'conf/multiturn.yaml': config })
  expect(value('sequenceLength')).toBe(256 + 2048)
  expect(value('reinforcement')).toMatchObject({ generations: 16 })
})
