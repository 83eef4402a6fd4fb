/** A program that trains: how a command names it and where its configuration stands. */
export interface TrainerProgram {
  /** Format whose reader knows the arguments; null: whichever reader recognises them. */
  readonly format: string | null
  /**
   * Matched against the program as written: `swift sft` for a console script with its subcommand, `a/b/train.py` for a
   * script, `a.b.train` for a module.
   */
  readonly program: RegExp
  /** Flags that name a config file. */
  readonly configFlags: readonly string[]
  /** A positional argument may name the config file. */
  readonly positionalConfig: boolean
  /** Arguments that must be there, for programs whose name says little. */
  readonly requires?: readonly (readonly string[])[]
  /** The name says nothing: a run only where a reader knows the config that is named. */
  readonly onlyKnownConfig?: true
  /** A positional argument that must be there: the script that a wrapper starts. */
  readonly starts?: RegExp
  /** What may stand before a path of the framework's own repository. */
  readonly scheme?: string
  readonly source: string
}

const HUGGING_FACE = [
  ['model_name_or_path', 'model_id', 'model', 'model_name'],
  ['per_device_train_batch_size', 'num_train_epochs', 'max_steps', 'gradient_accumulation_steps', 'learning_rate'],
  ['output_dir', 'per_device_train_batch_size'],
] as const

const MEGATRON = [
  ['tensor_model_parallel_size', 'num_layers', 'micro_batch_size'],
  ['hidden_size', 'global_batch_size', 'train_iters', 'train_samples'],
] as const

const CONFIG_FLAGS = ['config', 'config_file', 'config-file', 'config_path', 'cfg', 'c', 'job.config_file'] as const

/** A script or module of whatever name: forks name their trainers anew and keep the arguments. */
const ANY_PROGRAM = /\.py$|^\w+(?:\.\w+)+$/

/** First match wins. Programs that only evaluate, serve, merge, convert or tokenise are in none of the rows. */
export const TRAINER_PROGRAMS: readonly TrainerProgram[] = [
  {
    format: 'ms-swift',
    program:
      /^(?:swift|megatron) (?:sft|pt|rlhf)$|(?:^|\/)swift\/cli\/(?:_megatron\/)?(?:sft|pt|rlhf)\.py$|^swift\.cli\.(?:_megatron\.)?(?:sft|pt|rlhf)$/,
    configFlags: ['config'],
    positionalConfig: true,
    source: 'ms-swift 4.6 swift/cli/main.py',
  },
  {
    format: 'llama-factory',
    program:
      /^(?:llamafactory-cli|lmf) train$|^llamafactory\.(?:cli|launcher)$|(?:^|\/)(?:llamafactory\/launcher|src\/train(?:_bash)?)\.py$/,
    configFlags: ['config'],
    positionalConfig: true,
    source: 'LLaMA-Factory 0.9.6 src/llamafactory/cli.py',
  },
  {
    format: 'axolotl',
    program: /^axolotl train$|^axolotl\.cli\.train$|(?:^|\/)axolotl\/cli\/train\.py$|^(?:\.\/)?scripts\/finetune\.py$/,
    configFlags: ['config'],
    positionalConfig: true,
    source: 'Axolotl 0.18 src/axolotl/cli/main.py',
  },
  {
    format: 'trl',
    program:
      /^trl (?:sft|dpo|kto|orpo|cpo|reward|grpo|rloo|ppo|gkd|online_dpo)$|(?:^|\/)trl\/scripts\/(?:sft|dpo|kto|orpo|reward|grpo|rloo)\.py$|^trl\.scripts\.(?:sft|dpo|kto|orpo|reward|grpo|rloo)$/,
    configFlags: ['config'],
    positionalConfig: false,
    source: 'TRL 1.10 trl/cli/main.py',
  },
  {
    format: 'torchtune',
    program: /^tune run$/,
    configFlags: ['config'],
    positionalConfig: false,
    source: 'torchtune torchtune/_cli/run.py',
  },
  {
    format: 'litgpt',
    program:
      /^litgpt (?:finetune(?:_full|_lora|_adapter|_adapter_v2)?|pretrain)$|(?:^|\/)litgpt\/(?:finetune\/\w+|pretrain)\.py$/,
    configFlags: ['config'],
    positionalConfig: false,
    source: 'LitGPT 0.5.13 litgpt/__main__.py',
  },
  {
    format: 'verl',
    program:
      /^(?:verl|recipe|verl_recipe)\.(?:[\w.]+\.)?(?:main_(?!eval|generat)\w+|\w+_main|fsdp_sft_trainer|sft_trainer|sft_trainer_ray)$|(?:^|\/)main_ppo\w*\.py$/,
    configFlags: [],
    positionalConfig: false,
    source: 'verl 0.8 verl/trainer/main_ppo.py',
  },
  {
    format: 'openrlhf',
    program: /^openrlhf\.cli\.train_\w+$|(?:^|\/)openrlhf\/cli\/train_\w+\.py$/,
    configFlags: ['config'],
    positionalConfig: false,
    source: 'OpenRLHF 0.11 openrlhf/cli',
  },
  {
    format: 'open-instruct',
    program: /(?:^|\/)open_instruct\/(?:finetune|dpo|dpo_tune|dpo_tune_cache|grpo|grpo_fast|reward_modeling)\.py$/,
    configFlags: ['config', 'config_file'],
    positionalConfig: true,
    source: 'open-instruct open_instruct/utils.py ArgumentParserPlus',
  },
  {
    format: 'torchtitan',
    program: /(?:^|\/)torchtitan\/train\.py$|^torchtitan\.train$|^(?:\.\/)?(?:run_train|run_llama_train)\.sh$/,
    configFlags: ['job.config_file'],
    positionalConfig: false,
    source: 'torchtitan 0.2.2 run_train.sh',
  },
  {
    format: 'nemo-automodel',
    program: /^automodel\b.*$|^nemo_automodel\.[\w.]+$/,
    configFlags: ['config', 'c'],
    positionalConfig: true,
    source: 'NeMo Automodel 0.5 nemo_automodel/_cli/app.py',
  },
  {
    format: 'llm-foundry',
    program: /(?:^|\/)(?:scripts\/)?train\/train\.py$/,
    configFlags: [],
    positionalConfig: true,
    requires: [['<config file>']],
    source: 'LLM Foundry scripts/train/train.py',
  },
  {
    format: 'megatron-bridge',
    program: /(?:^|\/)(?:scripts\/training\/)?run_recipe\.py$/,
    configFlags: [],
    positionalConfig: false,
    requires: [['recipe', 'model']],
    source: 'Megatron-Bridge @067f987 scripts/training/run_recipe.py',
  },
  {
    format: 'gpt-neox',
    program: /(?:^|\/)deepy\.py$/,
    configFlags: [],
    positionalConfig: false,
    starts: /(?:^|\/)train\.py$/,
    source: 'GPT-NeoX @ea7aefd megatron/neox_arguments/arguments.py consume_deepy_args',
  },
  {
    format: 'ludwig',
    program: /^ludwig (?:train|experiment)$/,
    configFlags: ['config', 'c'],
    positionalConfig: false,
    source: 'Ludwig ludwig/train.py',
  },
  {
    format: 'autotrain',
    program: /^autotrain$/,
    configFlags: ['config'],
    positionalConfig: false,
    source: 'autotrain-advanced src/autotrain/cli/autotrain.py',
  },
  {
    format: 'oumi',
    program: /^oumi train$/,
    configFlags: ['config', 'c'],
    positionalConfig: false,
    scheme: 'oumi://',
    source: 'Oumi @d8ed077 src/oumi/cli/train.py',
  },
  {
    format: 'oumi',
    program: /^oumi$/,
    configFlags: ['config', 'c'],
    positionalConfig: false,
    starts: /^train$/,
    scheme: 'oumi://',
    source: 'Oumi @d8ed077 src/oumi/cli/train.py',
  },
  {
    format: 'megatron-lm',
    program: /(?:^|\/)(?:pretrain|finetune|train|sft|post_train)\w*\.py$/,
    configFlags: [],
    positionalConfig: false,
    requires: MEGATRON,
    source: 'Megatron-LM core 0.20 megatron/training/arguments.py',
  },
  {
    format: 'megatron-lm',
    program: ANY_PROGRAM,
    configFlags: [],
    positionalConfig: false,
    requires: [['num_layers'], ['hidden_size'], ['micro_batch_size'], ['train_iters', 'train_samples']],
    source: 'Megatron-LM core 0.20 megatron/training/arguments.py',
  },
  {
    format: 'verl',
    program: ANY_PROGRAM,
    configFlags: [],
    positionalConfig: false,
    requires: [
      ['actor_rollout_ref.model.path', 'model.partial_pretrain'],
      ['data.train_batch_size', 'data.train_files'],
    ],
    source: 'verl 0.8 verl/trainer/config/ppo_trainer.yaml',
  },
  {
    format: 'openrlhf',
    program: ANY_PROGRAM,
    configFlags: [],
    positionalConfig: false,
    requires: [
      ['pretrain', 'actor.model_name_or_path'],
      ['micro_train_batch_size', 'train.micro_batch_size'],
      ['max_epochs', 'train.max_epochs', 'train_batch_size', 'train.batch_size'],
    ],
    source: 'OpenRLHF 0.11 openrlhf/cli',
  },
  {
    format: null,
    program: ANY_PROGRAM,
    configFlags: ['config'],
    positionalConfig: false,
    requires: HUGGING_FACE,
    source: 'transformers 5.18 src/transformers/hf_argparser.py',
  },
  {
    format: null,
    program: /(?:^|[/._])(?:pre|re)?(?:train|finetune|fine_tune|sft|dpo|grpo|ppo|orpo|kto|rlhf)\w*(?:\.py)?$/,
    configFlags: CONFIG_FLAGS,
    positionalConfig: true,
    requires: [['<config file>']],
    source: 'a training script that names a config file',
  },
  {
    format: null,
    program: ANY_PROGRAM,
    configFlags: CONFIG_FLAGS,
    positionalConfig: true,
    requires: [['<config file>']],
    onlyKnownConfig: true,
    source: 'any script that names a training config of the repository',
  },
]

/** Scripts whose work is something else although their arguments look like a trainer's. */
export const NOT_TRAINING =
  /(?:^|[/._-])(?:eval\w*|infer\w*|generat\w*|predict\w*|convert\w*|export\w*|merge\w*|preprocess\w*|tokeni[sz]e\w*|serve\w*|server|deploy|bench(?:mark)?\w*|download\w*|setup|install|test_\w+|quantize|profile\w*)(?:[/._-]|$)/i
