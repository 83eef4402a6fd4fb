export type LauncherName =
  | 'accelerate launch'
  | 'torchrun'
  | 'deepspeed'
  | 'python'
  | 'command'
  | 'tune run'
  | 'composer'

export interface Launcher {
  readonly name: LauncherName
  readonly words: readonly string[]
  /** Options without a value; all others take one. */
  readonly bare: ReadonlySet<string>
}

/** What is started is a Python module. */
export const MODULE_FLAGS = ['m', 'module']

/** accelerate 1.15 commands/launch.py, torch 2.13 distributed/run.py, DeepSpeed launcher/runner.py, Composer cli/launcher.py, CPython. */
export const LAUNCHERS: readonly Launcher[] = [
  {
    name: 'accelerate launch',
    words: ['accelerate', 'launch'],
    bare: new Set([
      ...MODULE_FLAGS,
      ...['cpu', 'multi_gpu', 'tpu', 'ipex', 'use_xpu', 'use_deepspeed', 'use_fsdp', 'use_megatron_lm', 'no_python'],
      ...['debug', 'same_network', 'quiet', 'q', 'enable_cpu_affinity', 'use_parallelism_config', 'tpu_use_sudo'],
      ...[
        'dynamo_use_dynamic',
        'dynamo_use_fullgraph',
        'use_tpu',
        'tpu_use_cluster',
        'no_tpu_cluster',
        'use_mps_device',
      ],
    ]),
  },
  {
    name: 'accelerate launch',
    words: ['accelerate-launch'],
    bare: new Set([...MODULE_FLAGS, 'multi_gpu', 'use_deepspeed', 'use_fsdp']),
  },
  { name: 'torchrun', words: ['torchrun'], bare: torchBare() },
  { name: 'torchrun', words: ['python', '-m', 'torch.distributed.run'], bare: torchBare() },
  { name: 'torchrun', words: ['python', '-m', 'torch.distributed.launch'], bare: torchBare() },
  { name: 'deepspeed', words: ['python', '-m', 'deepspeed.launcher.runner'], bare: deepspeedBare() },
  {
    name: 'accelerate launch',
    words: ['python', '-m', 'accelerate.commands.launch'],
    bare: new Set([...MODULE_FLAGS, 'multi_gpu', 'use_deepspeed', 'use_fsdp']),
  },
  { name: 'deepspeed', words: ['deepspeed'], bare: deepspeedBare() },
  { name: 'tune run', words: ['tune', 'run'], bare: new Set(['standalone']) },
  { name: 'composer', words: ['composer'], bare: new Set([...MODULE_FLAGS, 'command_mode', 'c', 'verbose', 'v']) },
  { name: 'python', words: ['python'], bare: new Set([...MODULE_FLAGS, 'u', 'O', 'B', 'I', 's', 'E', 'S', 'uB']) },
]

function deepspeedBare(): ReadonlySet<string> {
  return new Set([
    ...MODULE_FLAGS,
    ...['no_python', 'no_local_rank', 'no_ssh', 'no_ssh_check', 'force_multi', 'save_pid', 'bind_cores_to_rank'],
  ])
}

function torchBare(): ReadonlySet<string> {
  return new Set([...MODULE_FLAGS, 'standalone', 'no_python', 'run_path', 'use_env', 'virtual_local_rank'])
}
