import type { Stage } from '../../plan/vocabulary.ts'

/** What NeMo RL's own base config says where a run of that kind says nothing. */
export interface ShippedBase {
  readonly file: string
  readonly stage: Stage
  readonly modelName: string
  readonly globalBatchSize: number
  readonly microBatchSize: number
  readonly sequenceLength: number
  readonly sequencePacking: boolean
  readonly dynamicBatching: boolean
  readonly activationCheckpointing: boolean
  readonly tensor: number
  readonly context: number
  readonly megatronSequenceParallel: boolean
  readonly usesMegatron: boolean
  readonly gpusPerNode: number
  readonly maxSteps: number | null
  readonly maxEpochs: number
  readonly savePeriod: number
  readonly optimizerLoop: boolean
  readonly promptsPerStep: number
  readonly generationsPerPrompt: number
  readonly klPenalty: number
}

const SFT: ShippedBase = {
  file: 'sft.yaml',
  stage: 'sft',
  modelName: 'meta-llama/Llama-3.2-1B',
  globalBatchSize: 32,
  microBatchSize: 1,
  sequenceLength: 1024,
  sequencePacking: false,
  dynamicBatching: false,
  activationCheckpointing: false,
  tensor: 1,
  context: 1,
  megatronSequenceParallel: false,
  usesMegatron: false,
  gpusPerNode: 1,
  maxSteps: 60,
  maxEpochs: 1,
  savePeriod: 10,
  optimizerLoop: true,
  promptsPerStep: 0,
  generationsPerPrompt: 1,
  klPenalty: 0,
}
const DPO: ShippedBase = {
  ...SFT,
  file: 'dpo.yaml',
  stage: 'dpo',
  modelName: 'meta-llama/Llama-3.2-1B-Instruct',
  globalBatchSize: 128,
  microBatchSize: 2,
  megatronSequenceParallel: true,
  maxSteps: 150,
  savePeriod: 50,
}
const REWARD: ShippedBase = {
  ...SFT,
  file: 'rm.yaml',
  stage: 'reward',
  modelName: 'meta-llama/Llama-3.2-1B-Instruct',
  globalBatchSize: 128,
  sequenceLength: 8192,
  maxSteps: null,
  savePeriod: 16,
}
const GRPO: ShippedBase = {
  ...SFT,
  file: 'grpo_math_1B.yaml',
  stage: 'grpo',
  modelName: 'Qwen/Qwen2.5-1.5B',
  globalBatchSize: 512,
  microBatchSize: 4,
  sequenceLength: 512,
  sequencePacking: true,
  maxSteps: null,
  optimizerLoop: false,
  promptsPerStep: 32,
  generationsPerPrompt: 16,
  klPenalty: 0.01,
}
const PPO: ShippedBase = {
  ...GRPO,
  file: 'ppo_math_1B.yaml',
  stage: 'ppo',
  sequenceLength: 16_384,
  optimizerLoop: true,
  klPenalty: 0,
}
const DISTILLATION: ShippedBase = {
  ...SFT,
  file: 'distillation_math.yaml',
  modelName: 'Qwen/Qwen3-1.7B-Base',
  globalBatchSize: 64,
  sequenceLength: 8192,
  dynamicBatching: true,
  activationCheckpointing: true,
  tensor: 2,
  context: 2,
  gpusPerNode: 8,
  maxSteps: 1000,
  maxEpochs: 10,
  promptsPerStep: 128,
}
const VISION: ShippedBase = {
  ...GRPO,
  file: 'vlm_grpo_3B.yaml',
  modelName: 'Qwen/Qwen2.5-VL-3B-Instruct',
  globalBatchSize: 128,
  microBatchSize: 1,
  sequenceLength: 2048,
  sequencePacking: false,
  dynamicBatching: true,
  gpusPerNode: 2,
  promptsPerStep: 8,
}

/** NeMo RL @7ea279a examples/configs. */
const BASES: readonly ShippedBase[] = [
  SFT,
  DPO,
  REWARD,
  GRPO,
  PPO,
  DISTILLATION,
  VISION,
  { ...GRPO, file: 'grpo_math_1B_megatron.yaml', usesMegatron: true },
  { ...PPO, file: 'ppo_math_1B_megatron.yaml', usesMegatron: true },
]

export const SHIPPED_SOURCE = 'NeMo RL @7ea279a examples/configs'

/** The shipped base that a `defaults:` path names by its file name. */
export function shippedBase(path: string): ShippedBase | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return BASES.find(({ file }) => file === name)
}

/** The shipped base of an algorithm's section. */
export function baseOfSection(section: string): ShippedBase {
  return { sft: SFT, dpo: DPO, rm: REWARD, grpo: GRPO, ppo: PPO, distillation: DISTILLATION }[section] ?? SFT
}
