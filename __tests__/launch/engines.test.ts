import { describe, expect, test } from '@jest/globals'
import { readText } from '../formats/read-text.ts'

const TRL = `model_name_or_path: org/model
dataset_name: org/data
output_dir: out
learning_rate: 1e-5
dtype: bfloat16
bf16: true
`

async function withDeepSpeed(json: string, config = TRL) {
  return readText(`${config}deepspeed: ds.json\n`, { files: { 'ds.json': json } })
}

async function withAccelerate(yaml: string, config = TRL) {
  return readText(`${config}accelerate_config: acc.yaml\n`, { files: { 'acc.yaml': yaml } })
}

describe('DeepSpeed', () => {
  test.each([
    ['{"train_micro_batch_size_per_gpu": 1, "bf16": {"enabled": true}}', 'ddp', 'none'],
    ['{"zero_optimization": {"stage": 1}}', 'zero1', 'none'],
    ['{"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}}', 'zero2', 'optimizer'],
    ['{"zero_optimization": {"stage": 2, "cpu_offload": true}}', 'zero2', 'optimizer'],
    ['{"zero_optimization": {"stage": 3, "offload_optimizer": {"device": "none"}}}', 'zero3', 'none'],
    ['{"zero_optimization": {"stage": 3, "offload_param": {"device": "nvme"}}}', 'zero3', 'parameters_and_optimizer'],
  ])('%s', async (json, data, offload) => {
    expect((await withDeepSpeed(json)).plan.parallelism).toMatchObject({ data, offload })
  })

  test('comments, numbers as 5e8, auto and literal sizes', async () => {
    const json = `{ // sizes
      "zero_optimization": {"stage": 3, "reduce_bucket_size": 5e8, "stage3_prefetch_bucket_size": "auto", "overlap_comm": true}
    }`
    const { plan, codes } = await withDeepSpeed(json)
    expect(codes).toEqual([])
    expect(plan.buffers).toMatchObject({
      reduceBucketElements: 5e8,
      prefetchBucketElements: 'auto',
      allgatherBucketElements: null,
      overlapComm: true,
    })
  })

  test('16 bit converts the module; float32 training does not', async () => {
    const json = '{"zero_optimization": {"stage": 2}, "bf16": {"enabled": "auto"}}'
    expect((await withDeepSpeed(json)).plan.precision).toMatchObject({
      weights: 'bfloat16',
      masterWeights: true,
      autocast: false,
    })
    const plain = TRL.replace('bf16: true', 'bf16: false').replace('dtype: bfloat16', 'dtype: float32')
    expect((await withDeepSpeed(json, plain)).plan.precision).toMatchObject({
      weights: 'float32',
      masterWeights: false,
    })
  })

  test('16-bit masters leave the float32 copy out; grad_accum_dtype sets the gradients', async () => {
    const json =
      '{"bf16": {"enabled": true, "bf16_master_weights_and_grads": true}, "data_types": {"grad_accum_dtype": "fp32"}}'
    expect((await withDeepSpeed(json)).plan.precision).toMatchObject({ masterWeights: false, gradients: 'float32' })
  })

  test('an inline block and a world size from three literal batch sizes', async () => {
    const inline = `${TRL}deepspeed:
  train_batch_size: 64
  train_micro_batch_size_per_gpu: 2
  gradient_accumulation_steps: 4
  zero_optimization: { stage: 2 }
`
    const { plan, provenance } = await readText(inline)
    expect(plan).toMatchObject({ gpus: 8, parallelism: { data: 'zero2' } })
    expect(provenance.gpus).toMatchObject({ from: 'file', key: 'deepspeed.train_batch_size' })
  })
})

describe('Accelerate', () => {
  test('DeepSpeed block: stage 2 without a stage; offload devices', async () => {
    const { plan } = await withAccelerate(
      'distributed_type: DEEPSPEED\nnum_processes: 4\nmixed_precision: bf16\ndeepspeed_config: { offload_optimizer_device: cpu }\n',
    )
    expect(plan).toMatchObject({ gpus: 4, parallelism: { data: 'zero2', offload: 'optimizer' } })
  })

  test('a DeepSpeed file inside wins over its block', async () => {
    const files = {
      'acc.yaml':
        'distributed_type: DEEPSPEED\nnum_processes: 4\ndeepspeed_config: { deepspeed_config_file: z3.json, zero_stage: 2 }\n',
      'z3.json': '{"zero_optimization": {"stage": 3}}',
    }
    const { plan } = await readText(`${TRL}accelerate_config: acc.yaml\n`, { files })
    expect(plan.parallelism.data).toBe('zero3')
  })

  test.each([
    ['fsdp_sharding_strategy: FULL_SHARD', 'fsdp1', true],
    ['fsdp_sharding_strategy: 2', 'fsdp1', false],
    ['fsdp_sharding_strategy: NO_SHARD', 'ddp', true],
    ['fsdp_version: 2, fsdp_reshard_after_forward: false', 'fsdp2', false],
    ['fsdp_version: 2, fsdp_reshard_after_forward: true', 'fsdp2', true],
    ['fsdp_version: 2, reshard_after_forward: SHARD_GRAD_OP', 'fsdp2', false],
  ])('FSDP {%s}', async (keys, data, reshards) => {
    const { plan, codes } = await withAccelerate(
      `distributed_type: FSDP\nmixed_precision: bf16\nnum_processes: 8\nfsdp_config: {${keys}}\n`,
    )
    expect(codes).toEqual([])
    expect(plan.parallelism.data).toBe(data)
    if (data !== 'ddp') expect(plan.parallelism.reshardAfterForward).toBe(reshards)
  })

  test.each([
    ['', false],
    ['fsdp_cpu_ram_efficient_loading: true', false],
    ['fsdp_cpu_ram_efficient_loading: false', true],
  ])('who loads the checkpoint: {%s}', async (keys, whole) => {
    const { plan } = await withAccelerate(
      `distributed_type: FSDP\nnum_processes: 8\nfsdp_config: {${keys || 'fsdp_version: 2'}}\n`,
    )
    expect(plan.parallelism.loadsWhole).toBe(whole)
  })

  test.each([
    ['fsdp_version: 2\nfsdp_config: { reshard_after_forward: true }\n', true],
    ['fsdp_version: 2\nfsdp_config: { cpu_ram_efficient_loading: true }\n', false],
  ])('a trainer’s own block loads on every rank unless told: %s', async (block, whole) => {
    const axolotl = 'base_model: org/model\ndatasets: [{ path: d, type: alpaca }]\nadapter: qlora\nload_in_4bit: true\n'
    const { plan } = await readText(`${axolotl}${block}`)
    expect(plan.parallelism.loadsWhole).toBe(whole)
  })

  test('no wrap policy gathers the whole model; hybrid sharding keeps one copy per node', async () => {
    const { plan } = await withAccelerate(
      'distributed_type: FSDP\nnum_machines: 2\nnum_processes: 16\nfsdp_config: { fsdp_sharding_strategy: HYBRID_SHARD, fsdp_offload_params: true }\n',
    )
    expect(plan.parallelism).toMatchObject({ wrap: 'root', shardSize: 8, offload: 'parameters_and_optimizer' })
  })

  test.each([
    ['zero3', 'zero3', 8],
    ['fsdp2', 'fsdp2', 8],
    ['multi_gpu', 'ddp', 8],
    ['single_gpu', 'none', 1],
  ])('packaged name %s', async (name, data, gpus) => {
    const { plan, codes } = await readText(`${TRL}accelerate_config: ${name}\n`)
    expect(codes).toEqual([])
    expect(plan).toMatchObject({ gpus, parallelism: { data } })
  })

  test('the only Accelerate file in the folder counts, and says so', async () => {
    const accelerate = 'distributed_type: MULTI_GPU\nnum_processes: 2\nmixed_precision: bf16\n'
    const one = await readText(TRL, { files: { 'configs/accelerate.yaml': accelerate } })
    expect(one.plan.gpus).toBe(2)
    expect(one.provenance.gpus?.note).toContain('by convention')
    const two = { 'configs/accelerate.yaml': accelerate, 'configs/zero3.yaml': accelerate }
    expect((await readText(TRL, { files: two })).plan.gpus).toBe(1)
  })

  test('its mixed precision counts only where the trainer is silent', async () => {
    const accelerate = 'distributed_type: MULTI_GPU\nnum_processes: 2\nmixed_precision: fp16\n'
    expect((await withAccelerate(accelerate)).plan.precision.compute).toBe('bfloat16')
    const silent = 'model_name_or_path: org/model\noutput_dir: out\nper_device_train_batch_size: 1\n'
    expect((await withAccelerate(accelerate, silent)).plan.precision).toMatchObject({
      compute: 'float16',
      autocast: true,
    })
  })
})
