import { describe, expect, test } from '@jest/globals'
import { countOf } from './described-count.ts'
import { readText } from './read-text.ts'

const shapes = (lines: readonly string[]): string =>
  `MODEL_ARGS:\n${['--micro-batch-size: 1', ...lines].map(line => `  ${line}`).join('\n')}\n`

const GPT3 = [
  '--num-layers: 96',
  '--hidden-size: 12288',
  '--num-attention-heads: 96',
  '--seq-length: 2048',
  '--max-position-embeddings: 2048',
  '--vocab-size: 51200',
]

async function configOf(lines: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { plan } = await readText(shapes(lines))
  return JSON.parse(plan.model ?? '{}').config
}

describe('Megatron-LM before core and its forks', () => {
  const plan = async (lines: readonly string[]) => (await readText(shapes([...GPT3, ...lines]), { gpus: 8 })).plan

  test.each([['--checkpoint-activations: true'], ['--activations-checkpoint-method: uniform']])(
    '%s recomputes whole layers of Megatron’s own',
    async line => {
      expect(await plan([line])).toMatchObject({
        gradientCheckpointing: 'full',
        fusedKernels: 'none',
        attention: 'eager',
      })
      expect((await plan([line, '--use-flash-attn: true'])).attention).toBe('flash')
    },
  )

  test('float32 has no flash kernel, unless one is asked for', async () => {
    expect((await plan([])).attention).toBe('eager')
    expect((await plan(['--attention-backend: flash'])).attention).toBe('flash')
  })

  test('core keeps its kernels', async () => {
    expect(await plan(['--bf16: true'])).toMatchObject({
      gradientCheckpointing: 'none',
      fusedKernels: 'transformer_engine',
      attention: 'flash',
      parallelism: { data: 'ddp' },
    })
  })

  test.each([
    [['--fp16: true', '--zero-stage: 1'], 'zero1', 'float16'],
    [['--bf16: true', '--zero-stage: 0'], 'zero1', 'float32'],
    [['--bf16: true', '--zero-stage: 3', '--no-pipeline-parallel: true'], 'zero3', 'bfloat16'],
    [['--fp16: true', '--deepspeed: true'], 'ddp', 'float16'],
  ])('DeepSpeed: %j', async (lines, data, gradients) => {
    const { parallelism, precision, checkpointingReentrant } = await plan(lines)
    expect([parallelism.data, precision.gradients, checkpointingReentrant]).toEqual([data, gradients, true])
  })

  test('expert ranks and an optimizer on the host', async () => {
    const { parallelism } = await plan(['--zero-stage: 2', '--moe-expert-parallel-size: 4', '--cpu-optimizer: true'])
    expect(parallelism).toMatchObject({ expert: 4, offload: 'optimizer' })
  })
})

describe('shapes of Megatron-LM arguments', () => {
  test('GPT-3: 12 l h² (1 + 13/12h + (V + s)/12lh) and the last norm (Narayanan et al. 2021, eq. 2)', async () => {
    const { plan } = await readText(shapes(GPT3))
    const [l, h, v, s] = [96, 12_288, 51_200, 2048]
    expect(countOf(plan.model)).toBe(12 * l * h * h + 13 * l * h + (v + s) * h + 2 * h)
    expect(await configOf(GPT3)).toMatchObject({ hidden_dropout: 0.1, attention_dropout: 0.1, hidden_act: 'gelu' })
  })

  test('Llama 2 7B: 6,738,415,616 parameters without biases and learned positions', async () => {
    const { plan } = await readText(
      shapes([
        ...['--num-layers: 32', '--hidden-size: 4096', '--num-attention-heads: 32', '--ffn-hidden-size: 11008'],
        ...['--vocab-size: 32000', '--swiglu: true', '--normalization: RMSNorm', '--disable-bias-linear: true'],
        ...['--position-embedding-type: rope', '--untie-embeddings-and-output-weights: true'],
      ]),
    )
    expect(countOf(plan.model)).toBe(6_738_415_616)
  })

  test('Mixtral 8×7B: 46,702,792,704 parameters', async () => {
    const { plan } = await readText(
      shapes([
        ...['--num-layers: 32', '--hidden-size: 4096', '--num-attention-heads: 32', '--ffn-hidden-size: 14336'],
        ...['--vocab-size: 32000', '--swiglu: true', '--normalization: RMSNorm', '--disable-bias-linear: true'],
        ...['--group-query-attention: true', '--num-query-groups: 8', '--num-experts: 8', '--moe-router-topk: 2'],
        ...['--position-embedding-type: rope', '--untie-embeddings-and-output-weights: true'],
      ]),
    )
    expect(countOf(plan.model)).toBe(46_702_792_704)
  })

  test('BLOOM 176B: 176,247,271,424 parameters less the norm behind its embedding', async () => {
    const { plan } = await readText(
      shapes([
        ...['--num-layers: 70', '--hidden-size: 14336', '--num-attention-heads: 112', '--pad-vocab-size-to: 250880'],
        ...['--position-embedding-type: alibi', '--deepspeed: true', '--zero-stage: 0', '--bf16: true'],
      ]),
    )
    expect(countOf(plan.model)).toBe(176_247_271_424 - 2 * 14_336)
  })

  test('StarCoder: 15,517,456,384 parameters with one key-value head', async () => {
    const { plan } = await readText(
      shapes([
        ...[
          '--num-layers: 40',
          '--hidden-size: 6144',
          '--num-attention-heads: 48',
          '--attention-head-type: multiquery',
        ],
        ...['--max-position-embeddings: 8192', '--vocab-size: 49152'],
      ]),
    )
    expect(countOf(plan.model)).toBe(15_517_456_384)
  })

  test('a gate of bigscience’s fork comes on top of the width', async () => {
    expect(await configOf([...GPT3, '--glu-activation: swiglu'])).toMatchObject({
      gated_mlp: true,
      intermediate_size: 4 * 12_288,
    })
  })

  test('experts of Megatron-DeepSpeed: one of them, in every second layer', async () => {
    const experts = [...GPT3, '--swiglu: true', '--num-experts: 64']
    expect(await configOf([...experts, '--deepspeed: true'])).toMatchObject({
      num_experts_per_tok: 1,
      moe_layer_freq: 2,
    })
    expect(await configOf(experts)).toMatchObject({ num_experts_per_tok: 2 })
    expect(await configOf([...GPT3, '--num-experts: 1'])).not.toHaveProperty('num_experts')
  })

  test('the number of groups is nothing without the flag', async () => {
    expect(await configOf([...GPT3, '--num-query-groups: 8'])).toMatchObject({ num_key_value_heads: 96 })
  })

  test.each([
    ['2', { moe_layer_freq: 2 }],
    ['([0]*1+[1]*2)', { mlp_layer_types: ['dense', 'sparse', 'sparse'] }],
    ['[0,1,1]', { mlp_layer_types: ['dense', 'sparse', 'sparse'] }],
  ])('expert layers %s', async (text, expected) => {
    const config = await configOf([
      ...['--num-layers: 3', '--hidden-size: 64', '--num-attention-heads: 4', '--train-iters: 5', '--swiglu: true'],
      ...['--num-experts: 4', `--moe-layer-freq: "${text}"`],
    ])
    expect(config).toMatchObject(expected)
  })

  test.each(['__import__("os")', '[1]*99999', '([0]*1+[1]*9)'])('%s is no pattern and is never run', async text => {
    const config = await configOf([
      ...['--num-layers: 3', '--hidden-size: 64', '--num-attention-heads: 4', '--train-iters: 5', '--swiglu: true'],
      ...['--num-experts: 4', `--moe-layer-freq: '${text}'`],
    ])
    expect(config).not.toHaveProperty('mlp_layer_types')
  })

  test('multi-latent attention in the terms of DeepSeek', async () => {
    const config = await configOf([
      ...GPT3,
      '--multi-latent-attention: true',
      '--kv-lora-rank: 512',
      '--q-lora-rank: 1536',
    ])
    expect(config).toMatchObject({ kv_lora_rank: 512, q_lora_rank: 1536, qk_nope_head_dim: 128, qk_rope_head_dim: 64 })
  })

  test('linear attention is an unknown model', async () => {
    const { codes } = await readText(shapes([...GPT3, '--experimental-attention-variant: gated_delta_net']))
    expect(codes).toContain('unknown-model')
  })
})
