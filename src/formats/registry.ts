import { autotrainReader } from './autotrain.ts'
import { axolotlReader } from './axolotl.ts'
import { DECLINED_READERS } from './declined.ts'
import { dstackReader } from './dstack.ts'
import { gptNeoxReader } from './gpt-neox.ts'
import { kubeflowReader } from './kubeflow.ts'
import { litgptReader } from './litgpt.ts'
import { llamaFactoryReader } from './llama-factory.ts'
import { llamaFactoryV1Reader } from './llama-factory-v1.ts'
import { llmFoundryReader } from './llm-foundry.ts'
import { ludwigReader } from './ludwig.ts'
import { mcliReader } from './mcli.ts'
import { megatronBridgeReader } from './megatron-bridge.ts'
import { megatronLmReader } from './megatron-lm.ts'
import { swiftReader } from './ms-swift.ts'
import { nanotronReader } from './nanotron.ts'
import { nativeReader } from './native.ts'
import { nemoReader } from './nemo.ts'
import { nemoAutomodelReader } from './nemo-automodel.ts'
import { nemoRlReader } from './nemo-rl.ts'
import { olmoReader } from './olmo.ts'
import { openInstructReader } from './open-instruct.ts'
import { openRlhfReader } from './openrlhf.ts'
import { oumiReader } from './oumi.ts'
import type { FormatReader } from './reader.ts'
import { shellReader } from './shell.ts'
import { skyPilotReader } from './skypilot.ts'
import { torchtitanReader } from './torchtitan.ts'
import { torchtuneReader } from './torchtune.ts'
import { transformersReader } from './transformers-trainer.ts'
import { TRL_READERS } from './trl.ts'
import { unslothReader } from './unsloth.ts'
import { verlReader } from './verl.ts'
import { wandbSweepReader } from './wandb-sweep.ts'

/** Every format, in order of recognition: the first that recognises a document reads it. */
export const FORMAT_READERS: readonly FormatReader[] = [
  kubeflowReader(() => FORMAT_READERS),
  skyPilotReader(() => FORMAT_READERS),
  dstackReader(() => FORMAT_READERS),
  shellReader(() => FORMAT_READERS),
  mcliReader(() => FORMAT_READERS),
  wandbSweepReader(() => FORMAT_READERS),
  nativeReader,
  torchtuneReader,
  litgptReader,
  torchtitanReader,
  nemoRlReader,
  nemoAutomodelReader,
  nemoReader,
  nanotronReader,
  llmFoundryReader,
  olmoReader,
  gptNeoxReader,
  megatronLmReader,
  megatronBridgeReader,
  ludwigReader,
  ...DECLINED_READERS,
  autotrainReader,
  oumiReader,
  unslothReader,
  openInstructReader,
  llamaFactoryV1Reader,
  llamaFactoryReader,
  axolotlReader,
  swiftReader,
  ...TRL_READERS,
  transformersReader,
  verlReader,
  openRlhfReader,
]
