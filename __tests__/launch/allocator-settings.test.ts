import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { RunReport } from '../../src/report/report.ts'

const TRL =
  'model_name_or_path: Qwen/Qwen2.5-0.5B\ndataset_name: a/b\nper_device_train_batch_size: 4\nmax_length: 1024\npacking: true\nmax_steps: 10\noutput_dir: a\nbf16: true\n'
const AXOLOTL =
  'base_model: Qwen/Qwen2.5-0.5B\ndatasets: [{ path: a/b, type: alpaca }]\nsequence_len: 1024\nmicro_batch_size: 1\ngradient_accumulation_steps: 1\nlearning_rate: 1e-5\n'
const FACTORY =
  'model_name_or_path: Qwen/Qwen2.5-0.5B\nstage: sft\ndo_train: true\nfinetuning_type: full\ndataset: a\ncutoff_len: 1024\n'
const SWIFT = 'model: Qwen/Qwen2.5-0.5B\ntrain_type: full\ndataset: [a]\nmax_length: 1024\n'
const RUN = 'python -m trl.scripts.sft --config trl.yml\n'

async function runOf(path: string, text: string, files: Readonly<Record<string, string>> = {}): Promise<RunReport> {
  const { runs } = await runPipeline({
    head: memoryFileSource(new Map(Object.entries({ ...files, [path]: text }))),
    base: null,
    changes: null,
    paths: [],
    named: [path],
    policy: createPolicySet(null),
    policyPath: '.github/preflop.yml',
    models: createModelSource({ offline: true }),
  })
  const [run] = runs
  if (run === undefined) throw new Error('the file is a run')
  return run
}

const KUBEFLOW = `apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
spec:
  trainer:
    numNodes: 1
    resourcesPerNode: { limits: { nvidia.com/gpu: 1 } }
    env: [{ name: PYTORCH_CUDA_ALLOC_CONF, value: "expandable_segments:True" }]
    command: [python, -m, trl.scripts.sft, --config, trl.yml]
`
const SKYPILOT = `resources: { accelerators: A100:1 }
envs: { PYTORCH_CUDA_ALLOC_CONF: "garbage_collection_threshold:0.8,expandable_segments:True" }
run: ${RUN}`

describe('segments that grow', () => {
  test.each([
    ['nothing is said', 'trl.yml', TRL, false, 'default', null],
    ['before the command', 'a.sh', `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True ${RUN}`, true, 'launch', 1],
    ['exported', 'a.sh', `set -e\nexport PYTORCH_ALLOC_CONF=expandable_segments:True\n${RUN}`, true, 'launch', 2],
    [
      'among others',
      'a.sh',
      `PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:128,expandable_segments:true ${RUN}`,
      true,
      'launch',
      1,
    ],
    ['turned off', 'a.sh', `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:False ${RUN}`, false, 'launch', 1],
    ['another setting', 'a.sh', `PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:128 ${RUN}`, false, 'default', null],
    ['a variable', 'a.sh', `PYTORCH_CUDA_ALLOC_CONF=$CONF ${RUN}`, false, 'default', null],
    [
      'the newer variable wins',
      'a.sh',
      `export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True\nPYTORCH_ALLOC_CONF=expandable_segments:False ${RUN}`,
      false,
      'launch',
      2,
    ],
    ['env of a Kubeflow job', 'job.yml', KUBEFLOW, true, 'launch', null],
    ['envs of SkyPilot', 'sky.yml', SKYPILOT, true, 'launch', null],
    [
      'ENV of ms-swift',
      'swift.yml',
      `ENV: { PYTORCH_CUDA_ALLOC_CONF: "expandable_segments:True" }\n${SWIFT}`,
      true,
      'file',
      1,
    ],
    ['Axolotl', 'axolotl.yml', AXOLOTL, true, 'default', null],
    ['LLaMA-Factory on one GPU', 'factory.yml', FACTORY, false, 'default', null],
    [
      'LLaMA-Factory on two',
      'a.sh',
      'FORCE_TORCHRUN=1 NPROC_PER_NODE=2 llamafactory-cli train factory.yml\n',
      true,
      'default',
      null,
    ],
  ] as const)('%s', async (_, path, text, value, from, line) => {
    const run = await runOf(path, text, { 'trl.yml': TRL, 'factory.yml': FACTORY })
    expect(run.plan?.expandableSegments).toBe(value)
    expect(run.assumptions.find(({ planKey }) => planKey === 'expandableSegments')).toMatchObject({ value, from, line })
  })

  test('Axolotl under an old torch', async () => {
    const run = await runOf('axolotl.yml', AXOLOTL, { 'requirements.txt': 'torch==2.1.2\n' })
    expect(run.plan?.expandableSegments).toBe(false)
  })

  test('keep fewer blocks on one GPU, and the report says why', async () => {
    const script = `python -m trl.scripts.sft --config trl.yml --use_liger_kernel false\n`
    const fixed = await runOf('a.sh', script, { 'trl.yml': TRL })
    const growing = await runOf('a.sh', `PYTORCH_ALLOC_CONF=expandable_segments:True ${script}`, { 'trl.yml': TRL })
    const held = (run: RunReport) => run.memory?.components.find(({ name }) => name === 'cached blocks')
    expect(held(growing)?.bytes).toBeLessThan(held(fixed)?.bytes ?? 0)
    expect(held(growing)?.note).toContain('segments that grow')
    expect(growing.memory?.allocatedBytes).toBe(fixed.memory?.allocatedBytes)
  })
})
