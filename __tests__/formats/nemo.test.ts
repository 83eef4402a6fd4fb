// biome-ignore-all lint/suspicious/noTemplateCurlyInString: OmegaConf interpolations
import { describe, expect, test } from '@jest/globals'
import { megatronTargets } from '../../src/formats/megatron-adapter.ts'
import { countOf } from './described-count.ts'
import { readText } from './read-text.ts'

const PRETRAIN = `name: megatron_llama
trainer:
  devices: 8
  num_nodes: 4
  precision: bf16
  max_epochs: -1
  max_steps: 1000
exp_manager: {exp_dir: null}
model:
  mcore_gpt: True
  micro_batch_size: 4
  global_batch_size: 256
  tensor_model_parallel_size: 2
  pipeline_model_parallel_size: 1
  encoder_seq_length: 4096
  max_position_embeddings: \${.encoder_seq_length}
  num_layers: 32
  hidden_size: 4096
  ffn_hidden_size: 11008
  num_attention_heads: 32
  num_query_groups: 32
  normalization: rmsnorm
  bias: False
  activation: fast-swiglu
  position_embedding_type: rope
  share_embeddings_and_output_weights: False
  hidden_dropout: 0.0
  attention_dropout: 0.0
  override_vocab_size: 32000
  megatron_amp_O2: True
  activations_checkpoint_granularity: selective
  sequence_parallel: True
  transformer_engine: True
  optim: {name: distributed_fused_adam}
`

describe('NeMo 1', () => {
  test('the whole plan of a pretraining run', async () => {
    const { format, plan, codes } = await readText(PRETRAIN)
    expect(format).toBe('nemo')
    expect(codes).toEqual([])
    expect(countOf(plan.model)).toBe(6_738_415_616)
    expect({ ...plan, model: null }).toMatchObject({
      framework: 'nemo',
      stage: 'pretrain',
      adapter: null,
      precision: {
        weights: 'bfloat16',
        compute: 'bfloat16',
        autocast: false,
        gradients: 'float32',
        optimizerStates: 'float32',
        masterWeights: true,
      },
      optimizer: 'adamw',
      optimizerImplementation: 'fused',
      microBatchSize: 4,
      gradientAccumulationSteps: 4,
      sequenceLength: 4096,
      packing: true,
      variableLength: false,
      gradientCheckpointing: 'selective',
      attention: 'flash',
      loss: 'vocab_parallel',
      fusedKernels: 'transformer_engine',
      gpus: 32,
      gpusPerNode: 8,
      parallelism: { data: 'distributed_optimizer', tensor: 2, pipeline: 1, sequenceParallel: true },
      dataset: { maxSteps: 1000, epochs: null, padding: 'none' },
    })
  })

  test('without O2 the parameters are float32 under autocast and nothing is sharded by fused_adam', async () => {
    const text = PRETRAIN.replace('  megatron_amp_O2: True\n', '').replace('distributed_fused_adam', 'fused_adam')
    const { plan } = await readText(text)
    expect(plan.precision).toMatchObject({
      weights: 'float32',
      compute: 'bfloat16',
      autocast: true,
      masterWeights: false,
    })
    expect(plan.parallelism.data).toBe('ddp')
    expect(plan.buffers.gradientAsBucketView).toBe(true)
    const copies = await readText(text.replace('model:\n', 'model:\n  gradient_as_bucket_view: False\n'))
    expect(copies.plan.buffers.gradientAsBucketView).toBe(false)
  })

  test('a file of a Hydra group calls itself by the group', async () => {
    const text = PRETRAIN.replace(
      'global_batch_size: 256',
      'global_batch_size: ${multiply:${training.model.micro_batch_size}, 64}',
    )
    const inGroup = await readText(text, { path: 'conf/training/gpt/a.yaml' })
    expect([inGroup.plan.gradientAccumulationSteps, inGroup.codes]).toEqual([4, []])
    expect((await readText(text, { path: 'conf/other/a.yaml' })).codes).toContain('unresolved-variable')
  })

  test('float32 has no flash kernel', async () => {
    expect((await readText(PRETRAIN)).plan.attention).toBe('flash')
    expect((await readText(PRETRAIN.replace('precision: bf16', 'precision: 32'))).plan.attention).toBe('eager')
  })

  test('what a bare model means: biases, learned positions, tied embeddings, dropout, explicit scores', async () => {
    const { plan, codes } = await readText(`trainer: {devices: 1}
model: {micro_batch_size: 1, global_batch_size: 8, num_layers: 2, hidden_size: 64, num_attention_heads: 4}
`)
    expect(JSON.parse(plan.model ?? '').config).toMatchObject({
      intermediate_size: 256,
      qkv_bias: true,
      position_embeddings: 'learned',
      tie_word_embeddings: true,
      hidden_dropout: 0.1,
      normalization: 'layernorm',
    })
    expect(plan).toMatchObject({ attention: 'eager', sequenceLength: 512, fusedKernels: 'none' })
    expect(plan.precision).toMatchObject({ weights: 'float32', compute: 'float32', autocast: false })
    expect(codes).toEqual(['assumed-default'])
  })

  test('fine-tuning leaves the shapes to the .nemo file and trains an adapter', async () => {
    const { plan, codes } = await readText(`trainer: {devices: 2, precision: bf16, max_epochs: 3, max_steps: -1}
exp_manager: {}
model:
  restore_from_path: /models/llama.nemo
  megatron_amp_O2: True
  global_batch_size: 16
  micro_batch_size: 1
  peft: {peft_scheme: lora, lora_tuning: {adapter_dim: 16, target_modules: [attention, mlp_fc1]}}
  data: {train_ds: {max_seq_length: 1024, global_batch_size: 16}}
`)
    expect(codes).toEqual([])
    expect(plan.model).toContain('/models/llama.nemo')
    expect(plan).toMatchObject({
      stage: 'sft',
      sequenceLength: 1024,
      variableLength: true,
      gradientAccumulationSteps: 8,
      adapter: { type: 'lora', rank: 16, targetModules: megatronTargets(['linear_qkv', 'linear_proj', 'linear_fc1']) },
      dataset: { epochs: 3, maxSteps: null, padding: 'longest' },
    })
  })

  test('a checkpoint path set at launch is an unknown model', async () => {
    const { codes } = await readText('trainer: {devices: 1}\nmodel: {restore_from_path: ???, micro_batch_size: 1}\n')
    expect(codes).toContain('unknown-model')
  })

  test('16-bit floats with O2 are refused', async () => {
    const text = PRETRAIN.replace('precision: bf16', 'precision: 16').replace('distributed_fused_adam', 'fused_adam')
    expect((await readText(text)).codes).toContain('will-not-start')
  })

  test.each([
    ['a speech model', 'name: fastconformer\ntrainer: {devices: 1}\nexp_manager: {}\nmodel: {sample_rate: 16000}\n'],
    ['T5', PRETRAIN.replace('megatron_llama', 'megatron_t5')],
    ['Mamba', PRETRAIN.replace('megatron_llama', 'megatron_mamba')],
  ])('%s is declined by name', async (_, text) => {
    const { format, codes } = await readText(text)
    expect(format).toBe('nemo')
    expect(codes).toEqual(['unsupported-format'])
  })

  test('a Lightning trainer alone is no NeMo config', async () => {
    const { format } = await readText('trainer: {max_epochs: 3}\nmodel: {name: resnet}\n')
    expect(format).toBeNull()
  })
})
