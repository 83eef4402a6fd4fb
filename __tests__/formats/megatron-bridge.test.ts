import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { MEGATRON_LAYERS, megatronTargets } from '../../src/formats/megatron-adapter.ts'
import { findBridgeRecipe } from '../../src/formats/megatron-bridge/recipes.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import type { RunDraft } from '../../src/formats/reader.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import { readText } from './read-text.ts'

const OVERRIDES = `model:
  seq_length: 2048
  tensor_model_parallel_size: 2
  recompute_granularity: full
  freeze_vision_model: true
train: {train_iters: 600, global_batch_size: 64, micro_batch_size: 1}
optimizer: {lr: 1.0e-5}
scheduler: {lr_warmup_iters: 0}
dist: {use_megatron_fsdp: false}
ddp: {grad_reduce_in_fp32: false}
`

async function readScript(text: string): Promise<{ plan: TrainingPlan; run: RunDraft | undefined }> {
  const session = new ReadSession(memoryFileSource(new Map([['run.sh', text]])), FORMAT_READERS)
  const document = await session.document('run.sh')
  const reader = document ? session.readerOf(document) : null
  const read = document && reader ? await session.read(document, reader) : null
  const run = read?.result.runs[0]
  const facts = {
    checkpointDtype: 'bfloat16',
    modelType: 'llama',
    isMixtureOfExperts: false,
    hasVision: false,
    tiedEmbeddings: false,
    maxPositions: 8192,
    gpuGeneration: 'hopper',
    bf16Supported: true,
  } as const
  return { plan: resolvePlan({ draft: run?.draft ?? {}, facts, modelName: null }).plan, run }
}

describe('Megatron-Bridge', () => {
  test('overrides alone do not name the model, and say what would', async () => {
    const { format, plan, codes } = await readText(OVERRIDES, { facts: { gpus: 2 } })
    expect(format).toBe('megatron-bridge')
    expect(codes).toContain('unknown-model')
    expect(plan).toMatchObject({
      sequenceLength: 2048,
      microBatchSize: 1,
      gradientCheckpointing: 'full',
      freeze: { kind: 'patterns', patterns: ['vision_tower'] },
      parallelism: { tensor: 2, data: 'distributed_optimizer' },
      precision: { weights: 'bfloat16', gradients: 'bfloat16', masterWeights: true },
      dataset: { maxSteps: 600 },
    })
  })

  test('how experts are launched and reached', async () => {
    const { plan } = await readText(`${OVERRIDES}comm_overlap: {overlap_moe_expert_parallel_comm: true}\n`)
    expect(plan).toMatchObject({ fusedExperts: false, parallelism: { expertDispatcher: null, overlapsExperts: true } })
    const experts = 'model:\n  moe_token_dispatcher_type: flex\n  use_transformer_engine_op_fuser: true\n'
    expect((await readText(OVERRIDES.replace('model:\n', experts))).plan).toMatchObject({
      fusedExperts: true,
      parallelism: { expertDispatcher: 'flex', overlapsExperts: null },
    })
  })

  test('the whole plan of a recipe on the command line, its arguments laid over', async () => {
    const { plan, run } = await readScript(
      `torchrun --nproc-per-node=8 scripts/training/run_recipe.py --recipe llama31_8b_peft_1gpu_h100_bf16_config \\
  --dataset squad train.global_batch_size=64 -mb 2 peft.dim=16
`,
    )
    expect(run?.findings).toEqual([])
    expect(run?.draft.model).toMatchObject({ value: { kind: 'hub', id: 'meta-llama/Meta-Llama-3.1-8B' } })
    expect(plan).toMatchObject({
      framework: 'megatron',
      stage: 'sft',
      adapter: {
        type: 'lora',
        rank: 16,
        dropout: 0,
        targetModules: megatronTargets(MEGATRON_LAYERS),
        dtype: 'bfloat16',
      },
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
      microBatchSize: 2,
      gradientAccumulationSteps: 4,
      sequenceLength: 4096,
      packing: true,
      gradientCheckpointing: 'none',
      attention: 'flash',
      loss: 'vocab_parallel',
      fusedKernels: 'transformer_engine',
      gpus: 8,
      hardware: { gpu: 'h100-sxm-80gb' },
      parallelism: { data: 'ddp', tensor: 1, pipeline: 1, context: 1 },
      dataset: { maxSteps: 1000, padding: 'none' },
    })
  })

  test('a stem and a mode make a legacy name, which stands for one recipe', () => {
    expect(findBridgeRecipe('llama3_8b', 'pretrain')?.name).toBe('llama3_8b_pretrain_2gpu_h100_bf16_config')
    expect(findBridgeRecipe('llama31_8b', 'lora')).toMatchObject({ stage: 'peft', gpus: 1, gpu: 'h100', rank: 8 })
    expect(findBridgeRecipe('no_such_model', 'sft')).toBeNull()
    expect(findBridgeRecipe('constructor')).toBeNull()
  })

  test('an unknown recipe is an unknown model', async () => {
    const { run } = await readScript(
      'torchrun scripts/training/run_recipe.py --recipe my_own_config train.train_iters=5\n',
    )
    expect(run?.findings.map(({ code }) => code)).toContain('unknown-model')
  })

  test.each([
    ['LitGPT', 'checkpoint_dir: x\ntrain: {global_batch_size: 8, micro_batch_size: 2}\n'],
    ['a trainer of images', 'train: {epochs: 3}\nlogger: {name: x}\ncheckpoint: {every: 1}\n'],
  ])('%s is not taken for it', async (_, text) => {
    expect((await readText(text)).format).not.toBe('megatron-bridge')
  })
})

test.each([
  ['', { masterWeightBytes: 4, optimizerStates: 'float32' }],
  ['use_precision_aware_optimizer: true', { masterWeightBytes: 2, optimizerStates: 'float32' }],
  [
    'use_precision_aware_optimizer: true, exp_avg_dtype: torch.bfloat16, exp_avg_sq_dtype: bf16',
    { masterWeightBytes: 2, optimizerStates: 'bfloat16' },
  ],
  ['exp_avg_dtype: bf16, exp_avg_sq_dtype: bf16', { masterWeightBytes: 4, optimizerStates: 'float32' }],
])('the precision-aware optimizer of the overrides: %j', async (words, expected) => {
  const { plan } = await readText(OVERRIDES.replace('{lr: 1.0e-5}', `{lr: 1.0e-5, ${words}}`))
  expect(plan.precision).toMatchObject(expected)
})
