// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are shell scripts
import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import type { RunDraft } from '../../src/formats/reader.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import type { PlanKey } from '../../src/plan/plan-draft.ts'

interface ReadRuns {
  readonly format: string | null
  readonly runs: readonly RunDraft[]
}

async function read(path: string, files: Readonly<Record<string, string>>): Promise<ReadRuns> {
  const session = new ReadSession(memoryFileSource(new Map(Object.entries(files))), FORMAT_READERS)
  const document = await session.document(path)
  const reader = document && session.readerOf(document)
  if (!document || !reader) return { format: null, runs: [] }
  const { result } = await session.read(document, reader)
  return { format: reader.format, runs: result.runs }
}

function value(run: RunDraft | undefined, key: PlanKey): unknown {
  const found = run?.draft[key]
  return typeof found === 'function' ? 'rule' : found?.value
}

function source(run: RunDraft | undefined, key: PlanKey): unknown {
  const found = run?.draft[key]
  return typeof found === 'function' || found === undefined
    ? undefined
    : [found.from, found.path, found.line, found.key]
}

const LLAMA_FACTORY = `model_name_or_path: Qwen/Qwen2.5-7B
stage: sft
do_train: true
finetuning_type: lora
dataset: alpaca
template: qwen
cutoff_len: 2048
per_device_train_batch_size: 1
output_dir: out
`

describe('shell scripts', () => {
  test('a launcher that names a config is that config on the launcher’s GPUs', async () => {
    const script = 'FORCE_TORCHRUN=1 NNODES=2 NPROC_PER_NODE=8 llamafactory-cli train configs/a.yaml'
    const { format, runs } = await read('run.sh', { 'run.sh': script, 'configs/a.yaml': LLAMA_FACTORY })
    expect(format).toBe('shell')
    expect(runs).toHaveLength(1)
    expect(value(runs[0], 'framework')).toBe('llama-factory')
    expect(value(runs[0], 'gpus')).toBe(16)
    expect(value(runs[0], 'gpusPerNode')).toBe(8)
    expect(source(runs[0], 'gpus')).toEqual(['launch', 'run.sh', 1, 'NPROC_PER_NODE'])
    expect(source(runs[0], 'sequenceLength')).toEqual(['file', 'configs/a.yaml', 7, 'cutoff_len'])
  })

  test.each([
    [
      'torchrun --nnodes ${NNODES:-1} --nproc_per_node ${NPROC_PER_NODE:-8}',
      ['assumed', 1, 'NPROC_PER_NODE, NNODES', 8],
    ],
    ['N=${WORLD_SIZE:-2}\ntorchrun --nnodes $N --nproc_per_node 8', ['assumed', 1, 'WORLD_SIZE', 16]],
    [
      'if [ -z "$NNODES" ]; then NNODES=4; fi\ntorchrun --nnodes $NNODES --nproc_per_node 8',
      ['assumed', 1, 'NNODES', 32],
    ],
    ['accelerate launch --num_processes $((8 * ${SLURM_NNODES:-2}))', ['assumed', 1, 'SLURM_NNODES', 16]],
    [
      '#SBATCH --nodes=2\naccelerate launch --num_processes $((8 * ${SLURM_NNODES:-4}))',
      ['launch', 2, '--num_processes', 16],
    ],
    [
      '#SBATCH --gpus-per-node=4\ntorchrun --nproc_per_node ${NPROC_PER_NODE:-8}',
      ['launch', 1, '#SBATCH --gpus-per-node', 4],
    ],
    // no scheduler sets it: what the script's author wrote
    ['torchrun --nproc_per_node ${CARDS:-4}', ['launch', 1, '--nproc_per_node', 4]],
    ['NNODES=2\ntorchrun --nnodes ${NNODES:-1} --nproc_per_node 8', ['launch', 2, '--nproc_per_node', 16]],
  ])('a default of what a scheduler sets is an assumption: %s', async (script, expected) => {
    const { runs } = await read('run.sh', { 'run.sh': `${script} train.py a.yaml`, 'a.yaml': LLAMA_FACTORY })
    const [from, , line, key] = [source(runs[0], 'gpus')].flat()
    expect([from, line, key, value(runs[0], 'gpus')]).toEqual(expected)
  })

  test('so is one in an argument that counts GPUs', async () => {
    const script = (nodes: string): string =>
      `python3 -m verl.trainer.main_ppo actor_rollout_ref.model.path=a/b trainer.n_gpus_per_node=8 trainer.nnodes=${nodes}`
    const open = await read('run.sh', { 'run.sh': script('${WORLD_SIZE:-2}') })
    expect([source(open.runs[0], 'gpus'), value(open.runs[0], 'gpus')]).toEqual([
      ['assumed', 'run.sh', 1, 'WORLD_SIZE'],
      16,
    ])
    expect(source((await read('run.sh', { 'run.sh': script('2') })).runs[0], 'gpus')).toEqual([
      'file',
      'run.sh',
      1,
      'trainer.n_gpus_per_node',
    ])
  })

  test('arguments of the command win over the config', async () => {
    const script = 'llamafactory-cli train a.yaml \\\n  per_device_train_batch_size=4'
    const { runs } = await read('run.sh', { 'run.sh': script, 'a.yaml': LLAMA_FACTORY })
    expect(value(runs[0], 'microBatchSize')).toBe(4)
    expect(source(runs[0], 'microBatchSize')).toEqual(['file', 'run.sh', 2, 'per_device_train_batch_size'])
  })

  test('a config is found from the folder of its project', async () => {
    const files = {
      'chat/shell/v2/run.sh': 'llamafactory-cli train configs/a.yaml',
      'chat/configs/a.yaml': LLAMA_FACTORY,
    }
    const { runs } = await read('chat/shell/v2/run.sh', files)
    expect(value(runs[0], 'framework')).toBe('llama-factory')
  })

  test('a program of any name trains where a reader knows its config, and is no run otherwise', async () => {
    const files = { 'a.yaml': LLAMA_FACTORY, 'b.yaml': 'scenes: [1, 2]\n' }
    const known = await read('run.sh', { ...files, 'run.sh': 'accelerate launch start.py a.yaml' })
    expect(value(known.runs[0], 'framework')).toBe('llama-factory')
    expect((await read('run.sh', { ...files, 'run.sh': 'accelerate launch start.py b.yaml' })).runs).toEqual([])
    expect((await read('run.sh', { ...files, 'run.sh': 'accelerate launch start.py $CONFIG.yaml' })).runs).toEqual([])
  })

  test('each task of srun is a process of a trainer without a launcher of its own', async () => {
    const script = (options: string, program: string): string => `srun ${options} python ${program}`
    const trainer = 'train.py --model_name_or_path a/b --output_dir o --per_device_train_batch_size 1'
    const both = await read('run.sh', { 'run.sh': script('--ntasks=32 --nodes=4 --gres=gpu:8', trainer) })
    expect([value(both.runs[0], 'gpus'), value(both.runs[0], 'gpusPerNode')]).toEqual([32, 8])
    const perNode = await read('run.sh', { 'run.sh': script('-N 2 --ntasks-per-node 4', trainer) })
    expect([value(perNode.runs[0], 'gpus'), value(perNode.runs[0], 'gpusPerNode')]).toEqual([8, 4])
    const ray = '-m verl.trainer.main_ppo actor_rollout_ref.model.path=a/b trainer.n_gpus_per_node=8 trainer.nnodes=2'
    const online = await read('run.sh', { 'run.sh': script('--ntasks=2 --nodes=2', ray) })
    expect(value(online.runs[0], 'gpus')).toBe(16)
  })

  test('a model that only a variable names is a run with that finding', async () => {
    const script =
      'deepspeed train.py --model_name_or_path $MODEL --output_dir out/$MODEL --per_device_train_batch_size 4'
    const { runs } = await read('run.sh', { 'run.sh': script })
    expect(value(runs[0], 'microBatchSize')).toBe(4)
    expect(runs[0]?.findings.map(({ code }) => code)).toContain('unresolved-variable')
  })

  test('arguments alone are read by the framework’s reader', async () => {
    const script = [
      '#!/bin/bash',
      'BATCH=2',
      'ARGS=(',
      '  --model_name_or_path Qwen/Qwen2.5-0.5B',
      '  --dataset_name trl-lib/ultrafeedback_binarized',
      '  --per_device_train_batch_size $BATCH --gradient_accumulation_steps=8',
      '  --output_dir out --use_peft --lora_target_modules q_proj v_proj',
      ')',
      'accelerate launch --num_processes ${GPUS:-4} -m trl.scripts.dpo "${ARGS[@]}"',
    ].join('\n')
    const { runs } = await read('train.sh', { 'train.sh': script })
    expect(value(runs[0], 'model')).toEqual({ kind: 'hub', id: 'Qwen/Qwen2.5-0.5B', revision: null })
    expect(value(runs[0], 'stage')).toBe('dpo')
    expect(value(runs[0], 'microBatchSize')).toBe(2)
    expect(source(runs[0], 'microBatchSize')).toEqual(['file', 'train.sh', 6, 'per_device_train_batch_size'])
    expect(value(runs[0], 'gradientAccumulationSteps')).toBe(8)
    expect(value(runs[0], 'adapter.targetModules')).toEqual(['q_proj', 'v_proj'])
    expect(value(runs[0], 'gpus')).toBe(4)
  })

  test('the Accelerate file of the command line is used', async () => {
    const files = {
      'run.sh': 'accelerate launch --config_file acc/zero3.yaml scripts/sft.py --config sft.yaml',
      'acc/zero3.yaml':
        'compute_environment: LOCAL_MACHINE\ndistributed_type: DEEPSPEED\ndeepspeed_config:\n  zero_stage: 3\nmixed_precision: bf16\nnum_machines: 1\nnum_processes: 8\n',
      'sft.yaml':
        'model_name_or_path: a/b-7B\ndataset_name: c/d\nper_device_train_batch_size: 1\noutput_dir: o\nmax_length: 512\n',
    }
    const { runs } = await read('run.sh', files)
    expect(value(runs[0], 'parallelism.data')).toBe('zero3')
    expect(value(runs[0], 'gpus')).toBe(8)
  })

  test.each<[string, string, unknown]>([
    ['torchrun', 'torchrun --nproc_per_node=4 --nnodes 2 a/train.py ARGS', 8],
    ['torchrun, elastic', 'torchrun --nproc-per-node 4 --nnodes=1:3 a/train.py ARGS', 4],
    ['torchrun without count', 'torchrun a/train.py ARGS', 1],
    ['deepspeed', 'deepspeed --num_gpus 4 --num_nodes 2 a/train.py ARGS', 8],
    ['deepspeed --include', 'deepspeed --include localhost:0,1,3 a/train.py ARGS', 3],
    ['accelerate total', 'accelerate launch --num_machines 2 --num_processes 16 a/train.py ARGS', 16],
    ['visible devices', 'CUDA_VISIBLE_DEVICES=2,3 python a/train.py ARGS', 2],
    ['Slurm', '#SBATCH --nodes=4\n#SBATCH --gres=gpu:a100:8\nsrun python a/train.py ARGS', 32],
    ['Slurm variables', '#SBATCH -N 2\ntorchrun --nnodes $SLURM_NNODES --nproc_per_node 4 a/train.py ARGS', 8],
  ])('GPUs: %s', async (_, script, gpus) => {
    const args =
      '--model_name_or_path a/b --dataset_name c --max_length 8 --per_device_train_batch_size 1 --output_dir o'
    const { runs } = await read('run.sh', { 'run.sh': script.replace('ARGS', args) })
    expect(value(runs[0], 'gpus')).toBe(gpus)
  })

  test('variables that nobody sets are named where they matter', async () => {
    const script =
      'torchrun --nproc_per_node $GPUS -m trl.scripts.sft --model_name_or_path $MODEL \\\n --dataset_name d --per_device_train_batch_size $B --output_dir $OUT --learning_rate 1e-5'
    const { runs } = await read('run.sh', { 'run.sh': script })
    const unresolved = runs[0]?.findings.filter(({ code }) => code === 'unresolved-variable') ?? []
    expect(unresolved.map(({ line, message }) => `${line} ${message.split(',')[0]}`).sort()).toEqual([
      '1 `--nproc_per_node` is $GPUS',
      '1 `model_name_or_path` is $MODEL',
      '2 `per_device_train_batch_size` is $B',
    ])
  })

  test('a model below a folder of the machine is read by its Hub name', async () => {
    const script =
      'python -m trl.scripts.sft --model_name_or_path $HOME/models/Qwen/Qwen2.5-7B-Instruct --dataset_name d --per_device_train_batch_size 1 --output_dir o'
    const { runs } = await read('run.sh', { 'run.sh': script })
    expect(value(runs[0], 'model')).toEqual({ kind: 'hub', id: 'Qwen/Qwen2.5-7B-Instruct', revision: null })
  })

  test('a model below a folder of the machine is found by its last name', async () => {
    const script =
      'python3 -m verl.trainer.main_ppo data.train_batch_size=256 actor_rollout_ref.model.path=$ROOT/models/NAME'
    const known = await read('run.sh', { 'run.sh': script.replace('NAME', 'Qwen2.5-7B-Instruct') })
    expect(value(known.runs[0], 'model')).toEqual({ kind: 'hub', id: 'Qwen/Qwen2.5-7B-Instruct', revision: null })
    const unknown = await read('run.sh', { 'run.sh': script.replace('NAME', 'our-7B') })
    expect(unknown.runs[0]?.findings.map(({ code }) => code)).toEqual(['unresolved-variable'])
  })

  test('a config that is not there is a finding at its place', async () => {
    const { runs } = await read('run.sh', { 'run.sh': 'echo hi\naxolotl train missing.yml' })
    expect(runs[0]?.findings.map(({ code, line, column }) => [code, line, column])).toEqual([
      ['missing-companion', 2, 15],
    ])
  })

  test.each<[string, PlanKey, unknown]>([
    ['swift pt --model a/b', 'stage', 'pretrain'],
    ['swift sft --model a/b', 'stage', 'sft'],
    ['swift rlhf --rlhf_type kto --model a/b', 'stage', 'kto'],
    ['megatron sft --model a/b', 'parallelism.data', 'distributed_optimizer'],
    ['NPROC_PER_NODE=4 swift sft --model a/b', 'gpus', 4],
    ['CUDA_VISIBLE_DEVICES=0,1 swift sft --model a/b', 'parallelism.pipeline', 2],
    ['CUDA_VISIBLE_DEVICES=0,1 NPROC_PER_NODE=2 swift sft --model a/b', 'parallelism.pipeline', undefined],
    ['megatron sft --model a/b --tuner_type lora', 'adapter.targetRule', 'megatron'],
    ['megatron sft --model a/b --expert_model_parallel_size 4', 'parallelism.expertTensor', 1],
    ['megatron sft --model a/b --expert_tensor_parallel_size 2', 'parallelism.expertTensor', 2],
    ['megatron sft --model a/b', 'parallelism.expertDispatcher', 'alltoall'],
    ['megatron sft --model a/b --moe_token_dispatcher_type flex', 'parallelism.expertDispatcher', 'flex'],
    ['megatron sft --model a/b', 'parallelism.overlapsExperts', false],
  ])('ms-swift: %s', async (script, key, expected) => {
    const { runs } = await read('run.sh', { 'run.sh': script })
    expect(value(runs[0], key)).toBe(expected)
  })

  test('sourced files set variables', async () => {
    const files = {
      'a/run.sh': 'source env.sh\nllamafactory-cli train $CONFIG',
      'a/env.sh': 'CONFIG=a/c.yaml',
      'a/c.yaml': LLAMA_FACTORY,
    }
    const { runs } = await read('a/run.sh', files)
    expect(value(runs[0], 'framework')).toBe('llama-factory')
  })

  test('several commands are several runs', async () => {
    const files = {
      'run.sh': 'llamafactory-cli train a.yaml\nllamafactory-cli train a.yaml stage=dpo',
      'a.yaml': LLAMA_FACTORY,
    }
    const { runs } = await read('run.sh', files)
    expect(runs.map(({ name }) => name)).toEqual(['line 1: llamafactory-cli train', 'line 2: llamafactory-cli train'])
    expect(runs.map(run => value(run, 'stage'))).toEqual(['sft', 'dpo'])
  })

  test('a script that starts itself through a config does not loop', async () => {
    const { runs } = await read('run.sh', { 'run.sh': 'python train.py --config run.sh' })
    expect(runs.length).toBeLessThanOrEqual(1)
  })

  test.each([
    'pip install -r requirements.txt\npytest tests/train',
    'llamafactory-cli export a.yaml',
    'swift infer --model m',
  ])('not a config: %s', async text => {
    expect((await read('x.sh', { 'x.sh': text })).format).toBeNull()
  })
})

describe('cluster jobs', () => {
  const SKY = `resources:
  accelerators: ACCELERATORS
  infra: aws/us-east-1
  use_spot: true
num_nodes: 2
envs:
  CONFIG: lora.yaml
file_mounts:
  /configs: ./conf
setup: pip install x
run: |
  cd x
  llamafactory-cli train /configs/$CONFIG
`

  test.each<[string, string, number]>([
    ['H100:8', 'h100-sxm-80gb', 16],
    ['A100', 'a100-sxm-40gb', 2],
    ['{L4: 4}', 'l4', 8],
    ['[A100-80GB:4, H100:2]', 'a100-sxm-80gb', 8],
  ])('SkyPilot %s', async (accelerators, gpu, gpus) => {
    const files = { 'task.yaml': SKY.replace('ACCELERATORS', accelerators), 'conf/lora.yaml': LLAMA_FACTORY }
    const { format, runs } = await read('task.yaml', files)
    expect(format).toBe('skypilot')
    expect(value(runs[0], 'framework')).toBe('llama-factory')
    expect(value(runs[0], 'hardware.gpu')).toBe(gpu)
    expect(value(runs[0], 'gpus')).toBe(gpus)
    expect(value(runs[0], 'hardware.price')).toEqual({
      perGpuHour: null,
      currency: null,
      provider: 'aws',
      region: 'us-east-1',
      spot: true,
    })
  })

  test('places inside a block are those of the file', async () => {
    const { runs } = await read('task.yaml', { 'task.yaml': SKY.replace('ACCELERATORS', 'H100') })
    expect(runs[0]?.findings.find(({ code }) => code === 'missing-companion')?.line).toBe(13)
  })

  test('SkyPilot counts reach the command', async () => {
    const run =
      'accelerate launch --num_processes $(($SKYPILOT_NUM_GPUS_PER_NODE * $SKYPILOT_NUM_NODES)) -m trl.scripts.sft --model_name_or_path a/b --dataset_name d --max_steps 5 --output_dir o'
    const text = `resources:\n  accelerators: H100:8\nnum_nodes: 2\nrun: ${run}\n`
    const { runs } = await read('t.yaml', { 't.yaml': text })
    expect(value(runs[0], 'gpus')).toBe(16)
  })

  test.each<[string, string | undefined, number]>([
    ['H100:8', 'H100', 16],
    ['A100:80GB:4', 'A100-80GB', 8],
    ['nvidia:L40S:48GB..:2', 'L40S-48GB', 4],
    ['24GB', undefined, 2],
    ['{ name: H100, count: 4 }', 'H100', 8],
  ])('dstack %s', async (gpu, name, gpus) => {
    const text = `type: task\nnodes: 2\nenv:\n  - CONFIG=a.yaml\ncommands:\n  - cd x\n  - llamafactory-cli train $CONFIG\nresources:\n  gpu: ${gpu}\nbackends: [runpod]\nspot_policy: spot\n`
    const { format, runs } = await read('a.dstack.yml', { 'a.dstack.yml': text, 'a.yaml': LLAMA_FACTORY })
    expect(format).toBe('dstack')
    expect(value(runs[0], 'hardware.gpu')).toBe(name)
    expect(value(runs[0], 'gpus')).toBe(gpus)
    expect(value(runs[0], 'hardware.price')).toEqual({
      perGpuHour: null,
      currency: null,
      provider: 'runpod',
      region: null,
      spot: true,
    })
  })

  test('Kubeflow TrainJob', async () => {
    const text = `apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata: { name: x }
spec:
  trainer:
    numNodes: 2
    command: [torchrun, -m, trl.scripts.sft]
    args:
      - --model_name_or_path=Qwen/Qwen2.5-0.5B
      - --dataset_name=d
      - --per_device_train_batch_size=2
      - --output_dir=o
    resourcesPerNode:
      limits:
        nvidia.com/gpu: 4
  podTemplateOverrides:
    - spec:
        nodeSelector: { nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB }
`
    const { format, runs } = await read('job.yaml', { 'job.yaml': text })
    expect(format).toBe('kubeflow')
    expect(value(runs[0], 'gpus')).toBe(8)
    expect(value(runs[0], 'hardware.gpu')).toBe('A100-SXM4-80GB')
    expect(source(runs[0], 'microBatchSize')).toEqual(['file', 'job.yaml', 11, 'per_device_train_batch_size'])
  })

  test('PyTorchJob', async () => {
    const replica = (count: number): string => `
      replicas: ${count}
      template:
        spec:
          containers:
            - name: pytorch
              command: ["bash", "-c"]
              args:
                - |
                  llamafactory-cli train a.yaml
              resources: { limits: { nvidia.com/gpu: 8 } }`
    const text = `apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nspec:\n  pytorchReplicaSpecs:\n    Master:${replica(1)}\n    Worker:${replica(3)}\n`
    const { runs } = await read('job.yaml', { 'job.yaml': text, 'a.yaml': LLAMA_FACTORY })
    expect(runs).toHaveLength(1)
    expect(value(runs[0], 'gpus')).toBe(32)
  })

  test.each([
    'type: fleet\nnodes: 2\nresources: { gpu: H100 }\n',
    'type: task\ncommands: [vllm serve m]\nresources: { gpu: H100 }\n',
    'resources: { accelerators: H100 }\nrun: vllm serve m\n',
    'apiVersion: kubeflow.org/v1\nkind: Notebook\nspec: {}\n',
  ])('no training, not a config: %#', async text => {
    expect((await read('x.yaml', { 'x.yaml': text })).format).toBeNull()
  })
})
