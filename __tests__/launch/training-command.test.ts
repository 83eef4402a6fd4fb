// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are shell scripts
import { describe, expect, test } from '@jest/globals'
import { readShellCommands } from '../../src/launch/shell/shell-commands.ts'
import { LAUNCH_VARIABLES, trainingCommand } from '../../src/launch/training-command.ts'

function training(text: string): readonly string[] {
  const { commands } = readShellCommands(text, { environment: LAUNCH_VARIABLES })
  return commands.flatMap(command => {
    const found = trainingCommand(command)
    if (found === null) return []
    return [`${found.launcher} | ${found.trainer.format} | ${found.program} | ${found.config?.text ?? '-'}`]
  })
}

const HF = '--model_name_or_path m --output_dir o --per_device_train_batch_size 1'
const MEGATRON = '--num-layers 2 --hidden-size 8 --micro-batch-size 1 --train-iters 5'

describe('trainingCommand', () => {
  test.each([
    [
      `accelerate launch --config_file a.yaml --num_processes 8 scripts/sft.py ${HF}`,
      'accelerate launch | null | scripts/sft.py | -',
    ],
    ['accelerate launch -m axolotl.cli.train lora.yml', 'accelerate launch | axolotl | axolotl.cli.train | lora.yml'],
    ['axolotl train lora.yml --micro-batch-size 2', 'command | axolotl | axolotl train | lora.yml'],
    [
      `torchrun --nproc_per_node=8 --nnodes 2 pretrain_gpt.py ${MEGATRON}`,
      'torchrun | megatron-lm | pretrain_gpt.py | -',
    ],
    [`python -m torch.distributed.run --nproc-per-node 8 train.py ${HF}`, 'torchrun | null | train.py | -'],
    [
      `deepspeed --num_gpus 4 --module openrlhf.cli.train_sft --max_len 2048`,
      'deepspeed | openrlhf | openrlhf.cli.train_sft | -',
    ],
    [
      'ray job submit --address=x -- python3 -m openrlhf.cli.train_ppo_ray --a 1',
      'python | openrlhf | openrlhf.cli.train_ppo_ray | -',
    ],
    ['oumi train -c configs/a.yaml --training.max_steps 5', 'command | oumi | oumi train | configs/a.yaml'],
    ['oumi distributed torchrun -m oumi train -c a.yaml', 'torchrun | oumi | oumi | a.yaml'],
    ['trl dpo --config dpo.yaml', 'command | trl | trl dpo | dpo.yaml'],
    [
      'FORCE_TORCHRUN=1 llamafactory-cli train a/b.yaml lr=1',
      'command | llama-factory | llamafactory-cli train | a/b.yaml',
    ],
    ['CUDA_VISIBLE_DEVICES=0,1 swift sft --model m', 'command | ms-swift | swift sft | -'],
    ['megatron pt --model m', 'command | ms-swift | megatron pt | -'],
    ['swift rlhf --rlhf_type dpo', 'command | ms-swift | swift rlhf | -'],
    [
      'tune run --nproc_per_node 4 lora_finetune_distributed --config llama3/8B_lora batch_size=2',
      'tune run | torchtune | tune run | llama3/8B_lora',
    ],
    ['litgpt finetune_lora m --config c.yaml', 'command | litgpt | litgpt finetune_lora | c.yaml'],
    ['python3 -u -m verl.trainer.main_ppo data.train_batch_size=8', 'python | verl | verl.trainer.main_ppo | -'],
    [
      'torchrun --standalone -m verl.trainer.fsdp_sft_trainer a=1',
      'torchrun | verl | verl.trainer.fsdp_sft_trainer | -',
    ],
    [
      'accelerate launch --multi_gpu open_instruct/finetune.py --model_name_or_path m',
      'accelerate launch | open-instruct | open_instruct/finetune.py | -',
    ],
    [`srun -N 2 --gres=gpu:8 torchrun train.py ${HF}`, 'torchrun | null | train.py | -'],
    [
      `srun --label singularity exec -B /a:/b image.sif ./launch.sh pretrain_gpt.py ${MEGATRON}`,
      'python | megatron-lm | pretrain_gpt.py | -',
    ],
    [`sbatch --wrap x python finetune.py ${HF}`, 'python | null | finetune.py | -'],
    [
      `python -u -m torch.distributed.launch --nproc_per_node 8 pretrain_gpt.py ${MEGATRON}`,
      'torchrun | megatron-lm | pretrain_gpt.py | -',
    ],
    [
      '"${CONDA_BIN}python" -m recipe.dapo.main_dapo data.train_batch_size=8',
      'python | verl | recipe.dapo.main_dapo | -',
    ],
    [`torchrun patched_start.py ${MEGATRON}`, 'torchrun | megatron-lm | patched_start.py | -'],
    ['python3 -m agents.main actor_rollout_ref.model.path=m data.train_files=x', 'python | verl | agents.main | -'],
    [
      'python3 -m rl.ppo.main --pretrain m --micro_train_batch_size 2 --train_batch_size 8',
      'python | openrlhf | rl.ppo.main | -',
    ],
    [
      'accelerate launch spin/run_spin.py configs/a.yaml',
      'accelerate launch | null | spin/run_spin.py | configs/a.yaml',
    ],
    ['python train.py --config configs/a.yaml', 'python | null | train.py | configs/a.yaml'],
    [`env A=1 nohup python train.py ${HF} > log &`, 'python | null | train.py | -'],
  ])('%s', (text, expected) => {
    expect(training(text)).toEqual([expected])
  })

  test.each([
    'pip install trl accelerate',
    'swift infer --model m',
    'swift export --adapters a --merge_lora true',
    'llamafactory-cli chat a.yaml',
    'llamafactory-cli export merge.yaml',
    'axolotl preprocess a.yml',
    'oumi evaluate -c a.yaml',
    'oumi launch up -c job.yaml',
    'oumi distributed torchrun -m oumi evaluate -c a.yaml',
    'axolotl inference a.yml',
    'tune download meta-llama/x',
    'tune ls',
    'litgpt generate m',
    'python3 -m verl.trainer.main_generation data.path=x',
    'python3 -m verl.trainer.main_eval data.path=x',
    `python evaluate.py ${HF}`,
    `torchrun tools/run_text_generation_server.py ${MEGATRON}`,
    `python tools/checkpoint/convert.py ${MEGATRON}`,
    'python train.py',
    'docker build -t train .',
    'echo accelerate launch train.py --config a.yaml',
    'git clone https://github.com/x/train.py --config a.yaml',
    'accelerate config',
    'accelerate test',
    'python -c "import torch"',
    'pytest tests/test_train.py --config a.yaml',
  ])('not training: %s', text => {
    expect(training(text)).toEqual([])
  })
})
