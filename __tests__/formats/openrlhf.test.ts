import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import type { PlanKey } from '../../src/plan/plan-draft.ts'

async function read(text: string): Promise<{ value: (key: PlanKey) => unknown; codes: readonly string[] }> {
  const session = new ReadSession(memoryFileSource(new Map([['run.sh', text]])), FORMAT_READERS)
  const document = await session.document('run.sh')
  const reader = document && session.readerOf(document)
  if (!document || !reader) throw new Error('not recognised')
  const { result } = await session.read(document, reader)
  const draft = result.runs[0]?.draft ?? {}
  const value = (key: PlanKey): unknown => {
    const found = draft[key]
    return typeof found === 'function' ? 'rule' : found?.value
  }
  return { value, codes: result.runs[0]?.findings.map(({ code }) => code) ?? [] }
}

const SFT = `read -r -d '' commands <<EOF
openrlhf.cli.train_sft \\
   --data.max_len 4096 --train.batch_size 256 --train.micro_batch_size 2 \\
   --model.model_name_or_path meta-llama/Meta-Llama-3-8B --ds.zero_stage 3 --ds.packing_samples \\
   --model.gradient_checkpointing_enable
EOF
deepspeed --num_gpus 8 --module $commands
`

const PPO = `python3 -m openrlhf.cli.train_ppo_ray --actor.num_nodes 2 --actor.num_gpus_per_node 8 \\
  --actor.model_name_or_path a/b --reward.model_name_or_path a/r --train.batch_size 128 --ds.zero_stage 3 --data.max_len 2048 \\
  --vllm.num_engines 4 --vllm.gpu_memory_utilization 0.5 --vllm.enable_sleep --rollout.n_samples_per_prompt 4`

describe('OpenRLHF', () => {
  test('supervised fine-tuning from a here-document', async () => {
    const { value, codes } = await read(SFT)
    expect(codes).toEqual([])
    expect(value('model')).toEqual({ kind: 'hub', id: 'meta-llama/Meta-Llama-3-8B', revision: null })
    expect([value('stage'), value('gpus'), value('microBatchSize'), value('globalBatchSize')]).toEqual([
      'sft',
      8,
      2,
      256,
    ])
    expect([value('sequenceLength'), value('parallelism.data'), value('packing')]).toEqual([4096, 'zero3', false])
    expect([value('precision.weights'), value('precision.masterWeights')]).toEqual(['bfloat16', true])
    expect(value('gradientCheckpointing')).toBe('full')
    expect(value('dataset.epochs')).toBe(2)
  })

  test('arguments up to 0.9: prompt and response apart, four sequences a GPU', async () => {
    const { value } = await read(
      'python3 -m openrlhf.cli.train_ppo_ray --pretrain a/b --prompt_max_len 1024 --generate_max_len 8192 --bf16 --advantage_estimator group_norm',
    )
    expect([value('sequenceLength'), value('microBatchSize')]).toEqual([9216, 4])
    expect(value('reinforcement')).toMatchObject({ promptLength: 1024, completionLength: 8192 })
  })

  test('a response’s own limit leaves the rest to the prompt', async () => {
    const { value } = await read(`${PPO} --rollout.max_new_tokens 1536`)
    expect([value('sequenceLength'), value('microBatchSize')]).toEqual([2048, 1])
    expect(value('reinforcement')).toMatchObject({ promptLength: 512, completionLength: 1536 })
  })

  test('PPO without Ray keeps every role on the launcher’s GPUs', async () => {
    const { value, codes } = await read(
      'deepspeed --num_gpus 4 --module openrlhf.cli.train_ppo --pretrain a/b --reward_pretrain a/r --prompt_max_len 512',
    )
    expect(codes).toEqual([])
    expect(value('gpus')).toBe(4)
    expect(value('reinforcement')).toMatchObject({
      referenceModel: 'separate',
      rewardModel: true,
      valueModel: true,
      generation: 'transformers',
    })
  })

  test('a process reward model has the language model’s head; a teacher is not counted', async () => {
    const prm = await read('deepspeed --module openrlhf.cli.train_prm --pretrain a/b --max_len 4096')
    expect([prm.value('stage'), prm.value('reinforcement')]).toEqual(['sft', undefined])
    const kd = await read('deepspeed --module openrlhf.cli.train_kd --pretrain a/b --teacher_model a/t')
    expect([kd.value('stage'), kd.value('dataset.epochs'), kd.codes]).toEqual(['sft', 1, ['unsupported-option']])
  })

  test('a fork’s program is known by its arguments', async () => {
    const fork = (over: string) =>
      read(`python3 -m fork.start --pretrain a/b --micro_train_batch_size 2 --max_epochs 1 ${over}`)
    expect((await fork('--prompt_data d --advantage_estimator rloo')).value('stage')).toBe('grpo')
    expect((await fork('--ref_pretrain a/b')).value('stage')).toBe('dpo')
    expect((await fork('--max_len 512')).value('stage')).toBe('sft')
  })

  test('PPO with every role on the same GPUs', async () => {
    const { value, codes } = await read(`${PPO} --train.colocate_all`)
    expect(codes).toEqual([])
    expect([value('stage'), value('gpus'), value('gpusPerNode')]).toEqual(['ppo', 16, 8])
    expect(value('reinforcement')).toMatchObject({
      referenceModel: 'separate',
      generations: 4,
      generation: 'vllm_colocate',
      colocatedMemoryShare: 0.5,
      sleepMode: true,
      rewardModel: true,
      valueModel: true,
    })
  })

  test('roles on GPUs of their own do not load the actor’s', async () => {
    const { value, codes } = await read(PPO)
    expect(codes).toEqual(['unsupported-option'])
    expect(value('reinforcement')).toMatchObject({
      referenceModel: 'none',
      generation: 'vllm_server',
      valueModel: false,
    })
  })

  test.each<[string, PlanKey, unknown]>([
    ['train_sft --pretrain a/b --micro_train_batch_size 4', 'microBatchSize', 4],
    ['train_sft --pretrain a/b --gradient_checkpointing', 'gradientCheckpointing', 'full'],
    ['train_sft --pretrain a/b', 'gradientCheckpointing', 'none'],
    ['train_sft --pretrain a/b', 'microBatchSize', 8],
    ['train_rm --pretrain a/b', 'microBatchSize', 1],
    ['train_rm --pretrain a/b', 'stage', 'reward'],
    ['train_dpo --pretrain a/b', 'sequenceLength', 512],
    ['train_dpo --pretrain a/b --zero_stage 1', 'parallelism.data', 'zero1'],
    ['train_sft --pretrain a/b --lora_rank 64', 'adapter.rank', 64],
    ['train_ppo_ray --pretrain a/b --prompt_max_len 1024 --generate_max_len 512', 'sequenceLength', 1536],
    ['train_ppo_ray --pretrain a/b --advantage_estimator group_norm', 'stage', 'grpo'],
    ['train_ppo_ray --pretrain a/b --train.dynamic_batch_enable', 'sequenceLength', 16_192],
    ['train_ppo_ray --pretrain a/b --train.dynamic_batch_enable', 'meanSequenceLength', 2048],
  ])('%s: %s', async (args, key, expected) => {
    expect((await read(`deepspeed --module openrlhf.cli.${args}`)).value(key)).toBe(expected)
  })
})
