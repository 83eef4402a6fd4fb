import { GPUS } from '../hardware/gpu-catalogue.ts'
import {
  ADAPTER_TYPES,
  ATTENTION_KERNELS,
  COMPUTE_DTYPES,
  DATA_PARALLELISMS,
  EXPERT_DISPATCHERS,
  FRAMEWORKS,
  FSDP_WRAPS,
  FUSED_KERNELS,
  LOSSES,
  OFFLOADS,
  OPTIMIZER_IMPLEMENTATIONS,
  OPTIMIZER_STATE_DTYPES,
  OPTIMIZERS,
  QUANTIZATIONS,
  STAGES,
  STORAGE_DTYPES,
} from '../plan/vocabulary.ts'
import { amount, count, DIALECT, flag, list, mapping, names, oneOf, type Schema, table, text } from './json-schema.ts'

/** Each key of the native format with its type and meaning; DESIGN §2 in the words of an editor. */
export const PLAN_KEY_SCHEMAS: Readonly<Record<string, Schema>> = {
  preflop: { const: 1, description: 'Marks the file as a Preflop plan.' },
  name: text('Name of the run.'),
  model: {
    type: ['string', 'object'],
    description: 'Hub id, path of a config.json, or a mapping with the fields of one.',
  },
  framework: oneOf(FRAMEWORKS, 'Trainer that runs it.'),
  libraries: table({ type: 'string' }, 'Versions by package; they change defaults.'),
  stage: oneOf(STAGES, 'Kind of training.'),
  'adapter.type': oneOf(ADAPTER_TYPES, 'Kind of adapter; without an adapter every parameter trains.'),
  'adapter.rank': count('Rank.'),
  'adapter.target_modules': names('Module-name suffixes, `all-linear` or `default`.'),
  'adapter.exclude_modules': names('Modules left out.'),
  'adapter.target_parameters': names('Expert tensors that get an adapter.'),
  'adapter.modules_to_save': names('Modules trained in full beside the adapter.'),
  'adapter.layers_to_transform': list({ type: 'integer' }, 'Layers with an adapter.'),
  'adapter.dtype': oneOf(STORAGE_DTYPES, 'Storage of the adapter.'),
  'adapter.dropout': { type: 'number', minimum: 0, maximum: 1, description: 'Dropout.' },
  'adapter.bias': oneOf(['none', 'all', 'lora_only'], 'Biases that train.'),
  'adapter.virtual_tokens': count('Virtual tokens of prefix and prompt kinds.'),
  freeze: {
    description: 'What does not train.',
    anyOf: [
      { const: 'none' },
      mapping({ trainable_layers: count('Last layers that train.', 0) }, 'All but the last layers.'),
      mapping({ patterns: names('Module paths that do not train.') }, 'Modules by name.'),
    ],
  },
  quantization: oneOf(QUANTIZATIONS, 'Of frozen weights.'),
  'precision.weights': oneOf([...STORAGE_DTYPES, 'auto'], 'Storage of the parameters.'),
  'precision.outer_weights': oneOf(STORAGE_DTYPES, 'Storage of embeddings and head, where it differs.'),
  'precision.trained_weights': oneOf(STORAGE_DTYPES, 'Storage of what trains, where it differs.'),
  'precision.compute': oneOf([...COMPUTE_DTYPES, 'auto'], 'Matrix products.'),
  'precision.autocast': flag('torch.autocast around the forward pass.'),
  'precision.gradients': oneOf([...STORAGE_DTYPES, 'auto'], 'Gradients.'),
  'precision.optimizer_states': oneOf([...OPTIMIZER_STATE_DTYPES, 'auto'], 'Optimizer states.'),
  'precision.master_weights': flag('A float32 copy of trained weights.'),
  'precision.master_weight_bytes': count(
    'Bytes of a weight’s master copy: 4, or 2 where only the bits that bfloat16 lacks are kept.',
  ),
  optimizer: oneOf(OPTIMIZERS, 'Family of the optimizer.'),
  optimizer_implementation: oneOf(OPTIMIZER_IMPLEMENTATIONS, 'How its step is run.'),
  optimizer_paged: flag('States may move to the host.'),
  optimizer_rank: count('Projection rank of GaLore and its kind.'),
  micro_batch_size: count('Sequences per GPU and forward pass.'),
  gradient_accumulation_steps: count('Forward passes per optimizer step.'),
  sequence_length: count('Tokens per sequence as the GPU sees them at the peak.'),
  variable_length: flag('Batch shapes change from step to step.'),
  packing: flag('Samples share sequences.'),
  mean_sequence_length: { type: 'number', minimum: 1, description: 'Mean real tokens of a sample, for time.' },
  gradient_checkpointing: {
    description: 'Recomputation of activations.',
    anyOf: [
      { enum: ['none', 'full', 'selective'] },
      mapping({ every: count('Layers per checkpoint.') }, 'Some layers.'),
    ],
  },
  checkpointing_reentrant: flag('The re-entrant variant of torch.utils.checkpoint.'),
  activation_offload: flag('Activations wait in host memory.'),
  expandable_segments: flag('The allocator’s segments grow (`PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`).'),
  attention: oneOf(ATTENTION_KERNELS, 'Attention kernel.'),
  classification_labels: count('Labels of a sequence classification head in the place of the vocabulary head.'),
  loss: oneOf(LOSSES, 'How the loss is computed.'),
  fused_kernels: oneOf(FUSED_KERNELS, 'Library of fused kernels.'),
  compile: flag('torch.compile.'),
  compile_loss: flag('The loss is compiled too; as the framework does when absent.'),
  fused_experts: flag(
    'Products, casts and activation of all experts of a layer run as one (Megatron’s use_transformer_engine_op_fuser).',
  ),
  gpus: count('GPUs of the run.'),
  gpus_per_node: count('GPUs of one machine.'),
  'parallelism.data': oneOf(DATA_PARALLELISMS, 'Data parallelism and what it shards.'),
  'parallelism.shard_size': count('Ranks that share one copy; all when absent.'),
  'parallelism.reshard_after_forward': flag('Weights are dropped between forward and backward.'),
  'parallelism.tensor': count('Tensor-parallel ranks.'),
  'parallelism.sequence_parallel': flag('Megatron’s, with tensor > 1.'),
  'parallelism.pipeline': count('Pipeline stages.'),
  'parallelism.pipeline_interleave': count('Model chunks per stage.'),
  'parallelism.context': count('Context-parallel ranks.'),
  'parallelism.expert': count('Expert-parallel ranks.'),
  'parallelism.expert_tensor': count('Tensor-parallel ranks of one expert; those of the rest when absent.'),
  'parallelism.expert_dispatcher': oneOf(
    EXPERT_DISPATCHERS,
    'How tokens reach experts: everything to every rank, a copy for each expert, a copy for each node (DeepEP, HybridEP).',
  ),
  'parallelism.overlaps_experts': flag('Tokens travel to experts under the products of another micro-batch.'),
  'parallelism.offload': oneOf(OFFLOADS, 'What lives in host memory.'),
  'parallelism.wrap': oneOf(FSDP_WRAPS, 'Units of FSDP; outer: embedding and head are units beside the layers.'),
  'parallelism.no_sync': flag('Gradients are kept whole between micro-steps.'),
  'parallelism.loads_whole': flag('Every rank loads a quantised model whole onto its GPU before FSDP shards it.'),
  reinforcement: mapping(
    {
      reference_model: oneOf(['none', 'shared', 'separate', 'precomputed'], 'The frozen reference.'),
      generations: count('Completions per prompt.'),
      prompt_length: count('Tokens.', 0),
      completion_length: count('Tokens at which a completion is cut.', 0),
      iterations: count('Updates per batch.'),
      generation: oneOf(['none', 'transformers', 'vllm_colocate', 'vllm_server'], 'What generates.'),
      colocated_memory_share: { type: 'number', minimum: 0, maximum: 1, description: 'Share of the GPU it reserves.' },
      sleep_mode: flag('It gives its memory back during the update.'),
      reward_model: flag('A reward model is in GPU memory.'),
      value_model: flag('A value model is in GPU memory.'),
    },
    'Preference and reinforcement stages.',
  ),
  'reinforcement.mean_completion_length': amount('Mean tokens of a completion, for time; absent: `completion_length`.'),
  evaluation: mapping(
    {
      every_steps: count('Steps between evaluations.'),
      times_total: count('Evaluations in all.', 0),
      micro_batch_size: count('Sequences per GPU.'),
      samples: count('Samples of the set.', 0),
      share: { type: 'number', minimum: 0, maximum: 1, description: 'Share of the training data held out.' },
      new_tokens: count('Tokens that evaluation generates for a sample.', 0),
      answers: count('Samples that get an answer, one by one; absent: every batch.', 0),
      at_end: flag('Once more when the run ends.'),
    },
    'Evaluation during training.',
  ),
  'dataset.samples': count('Samples per epoch.', 0),
  'dataset.epochs': amount('Epochs.'),
  'dataset.max_steps': count('Optimizer steps; wins over epochs.', 0),
  'dataset.tokens': count('Tokens of the whole run.', 0),
  'dataset.drop_last': flag('The last incomplete batch is dropped.'),
  'dataset.padding': oneOf(['longest', 'fixed', 'none'], 'How samples share a micro-batch.'),
  'dataset.length_grouped': flag('Samples of like length share a batch.'),
  'dataset.names': names('Names or files; counted where the policy has no size.'),
  'hardware.gpu': {
    type: 'string',
    description: 'GPU by the id or an alias of `preflop gpus`.',
    examples: GPUS.filter(({ vendor }) => vendor === 'nvidia').map(({ id }) => id),
  },
  'hardware.price': mapping(
    {
      per_gpu_hour: amount('Price of one GPU for an hour.'),
      currency: text('Three letters.'),
      provider: text('Or the provider whose catalogue price is taken.'),
      region: text('Its region.'),
      spot: flag('Interruptible machines.'),
    },
    'What the GPUs cost.',
  ),
  retries: count('How often the run is started before it succeeds.'),
  'rule_of_thumb.step_seconds': amount('Seconds of a step in the rule of thumb.'),
}

function propertiesOf(schema: Schema | undefined): object {
  return Object(schema?.['properties'])
}

/** JSON Schema of a native plan. */
export function planSchema(): Schema {
  const properties = new Map<string, Schema>()
  const nested = new Map<string, Record<string, Schema>>()
  for (const [key, schema] of Object.entries(PLAN_KEY_SCHEMAS)) {
    const [parent = key, child] = key.split('.')
    if (child === undefined) properties.set(parent, schema)
    else nested.set(parent, { ...nested.get(parent), [child]: schema })
  }
  for (const [parent, children] of nested) {
    const whole = properties.get(parent)
    const inner = { ...propertiesOf(whole), ...children }
    properties.set(parent, { ...whole, type: 'object', properties: inner, additionalProperties: false })
  }
  return {
    $schema: DIALECT,
    title: 'Preflop plan',
    type: 'object',
    properties: Object.fromEntries(properties),
    required: ['preflop', 'model'],
    additionalProperties: false,
  }
}
