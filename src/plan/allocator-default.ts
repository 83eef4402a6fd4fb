import { isSince } from './library-version.ts'
import type { Sourced } from './provenance.ts'
import type { Framework } from './vocabulary.ts'

interface AllocatorFacts {
  readonly libraries: Readonly<Record<string, string>>
  readonly gpus: number
}

interface AllocatorDefault {
  readonly isOn: (facts: AllocatorFacts) => boolean
  readonly source: string
}

/** Trainers that ask torch for segments that grow before a run starts. */
export const GROWING: Partial<Readonly<Record<Framework, AllocatorDefault>>> = {
  axolotl: {
    isOn: ({ libraries }) => isSince(libraries, { library: 'torch', version: [2, 2] }),
    source: 'axolotl 0.18 utils/__init__.py set_pytorch_cuda_alloc_conf: on from torch 2.2',
  },
  torchtune: {
    isOn: ({ libraries }) => isSince(libraries, { library: 'torchtune', version: [0, 7] }),
    source: 'torchtune @bd2a0fc torchtune/__init__.py: on after release 0.6',
  },
  torchtitan: {
    isOn: ({ libraries }) => isSince(libraries, { library: 'torch', version: [2, 2] }),
    source: 'torchtitan a5e57e4a9 run_train.sh: on',
  },
  'llm-foundry': {
    isOn: () => true,
    source: 'LLM Foundry @8c8dd48 llmfoundry/utils/config_utils.py: expandable_segments True',
  },
  'llama-factory': {
    isOn: ({ gpus }) => gpus > 1,
    source: 'LLaMA-Factory @ff6d4d1 launcher.py: on where it starts several processes (OPTIM_TORCH)',
  },
}

/** What holds where neither files nor launcher set `PYTORCH_CUDA_ALLOC_CONF`. */
export function defaultAllocator(framework: Framework, facts: AllocatorFacts): Sourced<boolean> {
  const own = GROWING[framework]
  if (own === undefined) return { value: false, from: 'default', note: 'torch: segments of fixed size' }
  return { value: own.isOn(facts), from: 'default', note: own.source }
}
