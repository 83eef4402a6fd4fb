import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import type { RunDraft } from '../../src/formats/reader.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { readText } from './read-text.ts'

const SFT = `model_name_or_path: org/model
use_slow_tokenizer: true
dataset_mixer:
  org/one: 1000
  org/two: 500
max_seq_length: 4096
preprocessing_num_workers: 16
per_device_train_batch_size: 1 # note, this is set up for 8 GPUs
gradient_accumulation_steps: 16
num_train_epochs: 3
with_tracking: true
checkpointing_steps: epoch
`

describe('open-instruct', () => {
  test('the comment beside the accumulation says how many nodes', async () => {
    const steps = 'gradient_accumulation_steps: 16'
    const { plan } = await readText(SFT.replace(steps, `${steps} # effective batch size 128 with 4 nodes`))
    expect(plan).toMatchObject({ gpus: 32, gpusPerNode: 8 })
  })

  test('the whole plan of a config alone: ZeRO-3 as in its own script, and says so', async () => {
    const { format, plan, codes } = await readText(SFT)
    expect(format).toBe('open-instruct')
    expect(codes).toEqual(['assumed-default'])
    expect(plan).toMatchObject({
      framework: 'open-instruct',
      stage: 'sft',
      adapter: null,
      quantization: 'none',
      precision: {
        weights: 'bfloat16',
        compute: 'bfloat16',
        autocast: false,
        gradients: 'bfloat16',
        optimizerStates: 'float32',
        masterWeights: true,
      },
      optimizer: 'adamw',
      optimizerImplementation: 'fused',
      optimizerPaged: false,
      microBatchSize: 1,
      gradientAccumulationSteps: 16,
      sequenceLength: 4096,
      packing: false,
      variableLength: true,
      gradientCheckpointing: 'none',
      attention: 'flash',
      loss: 'full_logits',
      gpus: 8,
      parallelism: { data: 'zero3', offload: 'none' },
      reinforcement: null,
      checkpoints: { timesTotal: 3 },
      dataset: { samples: 1500, epochs: 3, padding: 'longest', names: ['org/one', 'org/two'] },
    })
  })

  test('defaults of its own loop: batch 8, two epochs, rank 64 over all projections', async () => {
    const { plan } = await readText('model_name_or_path: m\nwith_tracking: true\nexp_name: x\nuse_lora: true\n')
    expect(plan).toMatchObject({ microBatchSize: 8, dataset: { epochs: 2 }, adapter: { rank: 64, dropout: 0.1 } })
    expect(plan.adapter?.targetModules).toHaveLength(7)
  })

  test('QLoRA is quantised twice over, paged, and never sharded', async () => {
    const { plan } = await readText(`${SFT}use_lora: true\nuse_qlora: true\n`)
    expect(plan).toMatchObject({ quantization: 'nf4-double', optimizerPaged: true, parallelism: { data: 'ddp' } })
    expect(plan.precision.masterWeights).toBe(false)
  })

  test.each([
    ['loss_type: dpo_norm\n', 'dpo', 'precomputed'],
    ['loss_type: simpo\n', 'simpo', 'none'],
    ['beta: 5\n', 'dpo', 'precomputed'],
  ])('%s', async (line, stage, referenceModel) => {
    const { plan } = await readText(`${SFT}${line}`)
    expect(plan.stage).toBe(stage)
    expect(plan.reinforcement).toMatchObject({ referenceModel, generation: 'none' })
  })

  test('the memory budget below 1 recomputes, `zero_stage` shards', async () => {
    const { plan } = await readText(
      `${SFT}loss_type: dpo\nactivation_memory_budget: 0.5\nzero_stage: 2\noffload_optimizer: true\n`,
    )
    expect(plan).toMatchObject({ gradientCheckpointing: 'full', parallelism: { data: 'zero2', offload: 'optimizer' } })
  })

  test('alignment-handbook recipes stay what they are', async () => {
    const { format } = await readText(`model_name_or_path: org/model
dataset_mixer: {org/data: 1.0}
preprocessing_num_workers: 12
per_device_train_batch_size: 4
output_dir: data/x
`)
    expect(format).not.toBe('open-instruct')
  })
})

async function readScript(text: string, files: Readonly<Record<string, string>> = {}): Promise<RunDraft | undefined> {
  const session = new ReadSession(
    memoryFileSource(new Map(Object.entries({ 'run.sh': text, ...files }))),
    FORMAT_READERS,
  )
  const document = await session.document('run.sh')
  const reader = document ? session.readerOf(document) : null
  const read = document && reader ? await session.read(document, reader) : null
  return read?.result.runs[0]
}

const STAGE_3 = '{"zero_optimization": {"stage": 3}, "bf16": {"enabled": "auto"}}'

describe('its commands', () => {
  test('accelerate names the DeepSpeed file, mason.py the nodes', async () => {
    const run = await readScript(
      `uv run python mason.py --cluster c --num_nodes 8 --gpus 8 -- \\
  accelerate launch --mixed_precision bf16 --num_processes 8 --use_deepspeed \\
    --deepspeed_config_file ds/stage3.conf open_instruct/finetune.py \\
    --model_name_or_path org/model --with_tracking --max_seq_length 2048 --dataset_mixer_list org/data 512
`,
      { 'ds/stage3.conf': STAGE_3 },
    )
    expect(run?.draft.gpus).toMatchObject({ value: 64 })
    expect(run?.draft['parallelism.data']).toMatchObject({ value: 'zero3', path: 'ds/stage3.conf' })
    expect(run?.draft['precision.masterWeights']).toMatchObject({ value: true })
    expect(run?.draft['dataset.samples']).toMatchObject({ value: 512 })
    expect(run?.findings).toEqual([])
  })

  test('without DeepSpeed on the command line nothing is sharded', async () => {
    const run = await readScript('accelerate launch --num_processes 2 open_instruct/finetune.py sft.yaml\n', {
      'sft.yaml': SFT,
    })
    expect(run?.draft['parallelism.data']).toBeUndefined()
    expect(run?.draft.gpus).toMatchObject({ value: 2 })
  })

  test('GRPO: learners of their own, a frozen reference beside the policy', async () => {
    const run = await readScript(
      `python mason.py --num_nodes 2 -- source configs/ray.sh \\&\\& python open_instruct/grpo_fast.py \\
  --model_name_or_path org/model --with_tracking --dataset_mixer_list org/data 1.0 \\
  --num_unique_prompts_rollout 64 --num_samples_per_prompt_rollout 8 --pack_length 4096 \\
  --max_prompt_token_length 2048 --response_length 2048 --per_device_train_batch_size 1 \\
  --deepspeed_stage 3 --num_learners_per_node 8 --vllm_num_engines 8 --total_episodes 51200
`,
    )
    expect(run?.draft.stage).toMatchObject({ value: 'grpo' })
    expect(run?.draft.gpus).toMatchObject({ value: 8 })
    expect(run?.draft.globalBatchSize).toMatchObject({ value: 512 })
    expect(run?.draft['dataset.maxSteps']).toMatchObject({ value: 100 })
    expect(run?.draft['parallelism.data']).toMatchObject({ value: 'zero3' })
    expect(run?.draft.reinforcement).toMatchObject({
      value: { referenceModel: 'separate', generations: 8, generation: 'vllm_server', completionLength: 2048 },
    })
  })

  test('the programs on OLMo-core shard with FSDP2, whatever DeepSpeed the others use', async () => {
    const run = await readScript(
      `torchrun --nnodes=2 --nproc_per_node=8 open_instruct/dpo.py \\
  --model_name_or_path org/model --exp_name x --with_tracking --mixer_list org/data 7680 \\
  --max_seq_length 16384 --per_device_train_batch_size 16 --loss_type dpo_norm --activation_memory_budget 0.1 \\
  --fsdp_shard_degree 4 --fsdp_num_replicas 2 --tensor_parallel_degree 2
`,
    )
    expect(run?.draft.gpus).toMatchObject({ value: 16 })
    expect(run?.draft['parallelism.tensor']).toMatchObject({ value: 2 })
    expect(run?.draft['parallelism.offload']).toMatchObject({ value: 'none' })
    expect(run?.draft['precision.weights']).toMatchObject({ value: 'float32' })
    expect(run?.draft['precision.masterWeights']).toMatchObject({ value: false })
    expect(run?.draft.gradientCheckpointing).toMatchObject({ value: 'full' })
    expect(run?.draft.compile).toMatchObject({ value: true })
    expect(run?.findings.map(({ code }) => code)).toEqual(['unsupported-option'])
  })
})
