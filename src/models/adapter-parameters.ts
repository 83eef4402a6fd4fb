import type { AdapterPlan } from '../plan/training-plan.ts'
import type { AdapterType } from '../plan/vocabulary.ts'
import type { ParameterTensor } from './architecture.ts'

/** Trained parameters of an adapter on one matrix [out, in], `count` copies (PEFT 0.21 tuners/*). */
type PerMatrix = (tensor: ParameterTensor, rank: number) => number

const lora: PerMatrix = ({ inFeatures, outFeatures, count }, rank) => count * rank * (inFeatures + outFeatures)

const PER_MATRIX: Partial<Record<AdapterType, PerMatrix>> = {
  lora,
  dora: (tensor, rank) => lora(tensor, rank) + tensor.count * tensor.outFeatures,
  // AdaLoRA starts at init_r (12 by default) with a diagonal of singular values per matrix
  adalora: (tensor, rank) => lora(tensor, rank) + tensor.count * rank,
  // two low-rank pairs whose Hadamard product is the update
  loha: (tensor, rank) => 2 * lora(tensor, rank),
  lokr: ({ inFeatures, outFeatures, count }, rank) => count * kroneckerParameters(inFeatures, outFeatures, rank),
  ia3: ({ inFeatures, outFeatures, count, path }) => count * (isFeedForwardOutput(path) ? inFeatures : outFeatures),
  // rank is the number of vectors of the shared random projections
  vera: ({ outFeatures, count }, rank) => count * (rank + outFeatures),
  oft: ({ inFeatures, count }, rank) => (count * inFeatures * (rank - 1)) / 2,
  boft: ({ inFeatures, outFeatures, count }, rank) => count * (inFeatures * rank + outFeatures),
  // n_frequency, 1000 by default
  fourierft: ({ count }) => count * 1000,
  randlora: ({ inFeatures, outFeatures, count }, rank) => {
    const shorter = Math.min(inFeatures, outFeatures)
    return count * Math.ceil(shorter / Math.max(1, rank)) * (rank + shorter)
  },
  hra: ({ inFeatures, count }, rank) => count * rank * inFeatures,
  bone: ({ outFeatures, count }, rank) => count * rank * outFeatures,
  miss: ({ outFeatures, count }, rank) => count * rank * outFeatures,
  road: ({ outFeatures, count }) => count * 2 * outFeatures,
  c3a: ({ inFeatures, outFeatures, count }) => (count * inFeatures * outFeatures) / 256,
  shira: lora,
  waveft: ({ count }) => count * 2592,
  delora: (tensor, rank) => lora(tensor, rank) + tensor.count,
  gralora: lora,
  psoft: ({ count }, rank) => (count * rank * (rank + 3)) / 2,
  // n_skills, 4 by default, and one weight per skill and task
  poly: (tensor, rank) => 4 * lora(tensor, rank) + 4 * tensor.count,
  xlora: lora,
}

/** TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING: the input of these is scaled, the output of all others. */
const FEED_FORWARD_OUTPUTS = /(?:^|\.)(?:down_proj|mlp\.c_proj|dense_4h_to_h|fc2|fc_out|wo|w2|output\.dense)$/

export function isFeedForwardOutput(path: string): boolean {
  return FEED_FORWARD_OUTPUTS.test(path) && !path.startsWith('attention.')
}

/** LoKr with factor −1: both dimensions split as near to their square root as their divisors allow. */
function kroneckerParameters(inFeatures: number, outFeatures: number, rank: number): number {
  const [inSmall, inLarge] = nearSquare(inFeatures)
  const [outSmall, outLarge] = nearSquare(outFeatures)
  const second = rank < Math.max(outLarge, inLarge) / 2 ? rank * (outLarge + inLarge) : outLarge * inLarge
  return outSmall * inSmall + second
}

function nearSquare(size: number): readonly [number, number] {
  let small = 1
  for (let candidate = 1; candidate * candidate <= size; candidate += 1) if (size % candidate === 0) small = candidate
  return [small, size / small]
}

/** Adapter parameters on one matrix; null: the type does not sit on matrices. */
export function adapterParameters(adapter: AdapterPlan, tensor: ParameterTensor, rank: number): number | null {
  const rule = PER_MATRIX[adapter.type]
  return rule ? Math.round(rule(tensor, rank)) : null
}

interface PromptShape {
  readonly hiddenSize: number
  readonly layers: number
  readonly keyValueWidth: number
}

/** Parameters of adapters that sit beside the matrices; null: they sit on them. */
export function promptParameters(
  adapter: AdapterPlan,
  { hiddenSize, layers, keyValueWidth }: PromptShape,
): number | null {
  const { type, virtualTokens } = adapter
  if (type === 'prompt') return virtualTokens * hiddenSize
  if (type === 'p_tuning')
    return (
      virtualTokens * hiddenSize + 2 * (hiddenSize * hiddenSize + hiddenSize) + hiddenSize * hiddenSize + hiddenSize
    )
  if (type === 'prefix') return virtualTokens * layers * 2 * keyValueWidth
  if (type === 'adaption_prompt' || type === 'adapter') return layers * (virtualTokens * hiddenSize + 1)
  if (type === 'adapter_v2') return layers * (virtualTokens * hiddenSize + 1)
  return null
}
