/** What a folder of the corpus holds; folders are named after the framework whose public examples they are. */
export interface Expectation {
  /** Formats that are right for its training configs; a launcher and the trainer it starts are both. */
  readonly own: readonly string[]
  /** Files that start no training of their own: launch settings, evaluation, inference, fragments that a command completes. */
  readonly other: RegExp
}

const NOTHING = /^$/
const EVERYTHING = /^/

export const EXPECTATIONS: Readonly<Record<string, Expectation>> = {
  accelerate: { own: [], other: EVERYTHING },
  'alignment-handbook': { own: ['alignment-handbook'], other: /accelerate_configs\// },
  autotrain: { own: ['autotrain'], other: NOTHING },
  axolotl: { own: ['axolotl'], other: /^deepspeed_configs\// },
  deepspeed: { own: [], other: EVERYTHING },
  'deepspeed-examples': { own: [], other: EVERYTHING },
  // tasks that open an environment, build an image or start Ray train nothing; one folder ships a Trainer config
  dstack: {
    own: ['dstack', 'transformers'],
    other: /(trl\/amd|qlora)\/\.dstack\.yml$|build-flash-attention|misc\/ray\//,
  },
  // files that deepy.py adds to a model's file
  'gpt-neox': { own: ['gpt-neox'], other: /local_setup|slurm_local|sparse\.yml$/ },
  'gpt-oss-recipes': { own: ['trl'], other: NOTHING },
  // runtimes without a command, and a queue
  'kubeflow-trainer': { own: ['kubeflow'], other: /runtimes\/.*(mlx|xgboost|with_cache)|kueue/ },
  // optimizer fragments, and one file that only names a checkpoint and its data
  levanter: { own: ['levanter'], other: /config\/optim\/sophia-h_(large|xl)|sft_hf_llama3_ckpt/ },
  litgpt: { own: ['litgpt'], other: NOTHING },
  'llama-cookbook': { own: ['torchtune'], other: NOTHING },
  'llama-factory': {
    own: ['llama-factory', 'llama-factory-v1'],
    other: /merge_lora\/|inference\/|\/accelerate\/|deepspeed\//,
  },
  // a benchmark sweep that names no run
  'llm-foundry': { own: ['llm-foundry', 'mcli'], other: /mcli-benchmark-mpt/ },
  ludwig: { own: ['ludwig'], other: NOTHING },
  maxtext: { own: ['maxtext'], other: /lora_module_path/ },
  'megatron-bridge': { own: ['megatron-bridge'], other: NOTHING },
  // inference and checkpoint conversion tests
  'megatron-lm': { own: ['megatron-lm'], other: /ckpt_converter|gpt-nemo\// },
  'ms-swift': { own: ['ms-swift'], other: /^swift\/config\/|fsdp2\.json$|accelerate\/multi_node/ },
  nanotron: { own: ['nanotron'], other: NOTHING },
  nemo: { own: ['nemo'], other: /megatron_hiddens_base_config/ },
  'nemo-automodel': { own: ['nemo-automodel'], other: NOTHING },
  'nemo-rl': { own: ['nemo-rl'], other: /prefetch_\w+\.yaml$/ },
  olmo: { own: ['olmo'], other: NOTHING },
  'open-instruct': { own: ['open-instruct'], other: /configs\/ds_configs\// },
  'open-r1': { own: ['open-r1', 'trl'], other: /accelerate_configs\// },
  openrlhf: { own: ['openrlhf', 'shell'], other: NOTHING },
  peft: { own: [], other: EVERYTHING },
  // a task whose script keeps its settings in Python
  skypilot: { own: ['skypilot', 'llama-factory'], other: /gpt-oss-20b-sft/ },
  torchtitan: { own: ['torchtitan'], other: NOTHING },
  'torchtitan-legacy': { own: ['torchtitan'], other: NOTHING },
  torchtune: { own: ['torchtune'], other: /evaluation\.yaml$|generation/ },
  transformers: { own: [], other: EVERYTHING },
  trl: { own: [], other: EVERYTHING },
  // groups of Hydra's defaults, overlays without a model, environments
  verl: {
    own: ['verl', 'skypilot'],
    other:
      /trainer\/config\/(optim|engine|actor|critic|data|npu_profile|ref|reward_model)\/|trainer\/config\/sft_trainer_engine|sglang_multiturn\/config\/(?!geo3k)|runtime_env/,
  },
}
