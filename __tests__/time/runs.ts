import { readNativeDocument } from '../../src/formats/native.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import type { Architecture, ParameterTensor } from '../../src/models/architecture.ts'
import type { ModelCounts } from '../../src/models/model-counts.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { Run } from '../../src/plan/run.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'

/** A plan from native YAML without its `preflop` and `model` lines. */
export function planOf(yaml: string): TrainingPlan {
  const document = parseDocument('plan.yml', `preflop: 1\nmodel: test/llama\n${yaml}`)
  const draft = readNativeDocument(document).runs[0]?.draft
  if (draft === undefined) throw new Error('the plan was not read')
  const facts = {
    checkpointDtype: 'bfloat16',
    modelType: 'llama',
    isMixtureOfExperts: false,
    hasVision: false,
    tiedEmbeddings: false,
    maxPositions: 4096,
    gpuGeneration: 'ampere',
    bf16Supported: true,
  } as const
  return resolvePlan({ draft, facts, modelName: null }).plan
}

const linear = (
  path: string,
  inFeatures: number,
  outFeatures: number,
  part: ParameterTensor['part'],
): ParameterTensor => ({
  path,
  kind: 'linear',
  part,
  inFeatures,
  outFeatures,
  bias: false,
  count: 1,
  parameters: inFeatures * outFeatures,
  fused: false,
})

/** Llama-2-7B: 32 layers, 6.74e9 parameters. */
export function llama7b(): Architecture {
  const tensors = [
    ...['q', 'k', 'v', 'o'].map(name => linear(`self_attn.${name}_proj`, 4096, 4096, 'attention')),
    linear('mlp.gate_proj', 4096, 11008, 'mlp'),
    linear('mlp.up_proj', 4096, 11008, 'mlp'),
    linear('mlp.down_proj', 11008, 4096, 'mlp'),
  ]
  return {
    name: 'test/llama',
    modelType: 'llama',
    family: 'llama',
    exact: true,
    hiddenSize: 4096,
    vocabSize: 32000,
    maxPositions: 4096,
    tiedEmbeddings: false,
    embedding: [],
    layers: [
      {
        count: 32,
        layer: {
          attention: {
            kind: 'mha',
            heads: 32,
            keyValueHeads: 32,
            headDim: 128,
            queryWidth: 4096,
            keyValueWidth: 4096,
            fusedQkv: false,
            qkNorm: 'none',
            outputGate: false,
            softcap: false,
            rotary: true,
            window: null,
            dropout: 0,
            causal: true,
            latent: null,
            mixer: null,
          },
          mlp: { kind: 'gated', width: 11008, activation: 'silu' },
          moe: null,
          norms: { kind: 'rms', count: 2, float32Weight: false, placement: 'pre', affine: true },
          parallelResidual: false,
          tensors,
        },
      },
    ],
    finalNorm: [],
    head: { kind: 'causal-lm', outputs: 32000, tensors: [] },
    vision: null,
    finalLogitSoftcap: false,
    hiddenDropout: 0,
    embeddingDropout: 0,
    checkpointDtype: 'bfloat16',
    checkpointQuantization: 'none',
    publishedParameters: null,
  }
}

/** Counts of a 6.74e9-parameter model; an adapter trains rank × widths of its seven matrices. */
export function countsOf(architecture: Architecture, plan: TrainingPlan): ModelCounts {
  const total = 6.738e9
  const rank = plan.adapter?.rank ?? 0
  const tensors = architecture.layers[0]?.layer.tensors ?? []
  const adapterTargets = plan.adapter
    ? tensors.map(tensor => ({
        tensor,
        layers: 32,
        rank,
        parameters: rank * (tensor.inFeatures + tensor.outFeatures),
      }))
    : []
  const adapter = adapterTargets.reduce((sum, target) => sum + target.parameters * target.layers, 0)
  return {
    total: total + adapter,
    trainable: plan.adapter ? adapter : total,
    active: total,
    trainableBase: plan.adapter ? 0 : total,
    adapter,
    savedModules: 0,
    quantized: plan.quantization === 'none' ? 0 : 6.476e9,
    unquantized: plan.quantization === 'none' ? total : 0.262e9,
    embedding: 131e6,
    head: 131e6,
    trainableTensors: [],
    adapterTargets,
  }
}

export function runOf(yaml: string, gpu: string | null = 'a100-sxm-80gb'): Run {
  const architecture = llama7b()
  const plan = planOf(yaml)
  return { plan, architecture, counts: countsOf(architecture, plan), gpu: gpu === null ? null : findGpu(gpu) }
}
