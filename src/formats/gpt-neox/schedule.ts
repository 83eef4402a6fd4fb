import { assumed, byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Optimizer, OptimizerImplementation } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { mapped, orDefault } from '../section.ts'

const ARGS = 'GPT-NeoX @ea7aefd megatron/neox_arguments/neox_args.py'
const DEEPSPEED = 'GPT-NeoX @ea7aefd megatron/neox_arguments/deepspeed_args.py'
const DERIVED = 'GPT-NeoX @ea7aefd megatron/neox_arguments/arguments.py'

/** arguments.py calculate_batch_parameters: accumulation is 1 unless written, so the micro-batch or the whole follows. */
export function readBatch(top: Fields): MutablePlanDraft {
  const micro = top.integer('train_micro_batch_size_per_gpu', { min: 1 })
  const whole = top.integer('train_batch_size', { min: 1 })
  const steps = orDefault(top.integer('gradient_accumulation_steps', { min: 1 }), 1, `${DEEPSPEED}: 1`)
  if (micro) return { microBatchSize: micro, gradientAccumulationSteps: steps }
  const ranks = (gpus: number): number =>
    Math.max(
      1,
      gpus /
        (top.integer('model_parallel_size', { min: 1 })?.value ?? 1) /
        Math.max(1, top.integer('pipe_parallel_size', { min: 0 })?.value ?? 1),
    )
  if (whole)
    return {
      microBatchSize: facts => mapped(whole, total => Math.max(1, Math.floor(total / ranks(facts.gpus) / steps.value))),
      gradientAccumulationSteps: steps,
    }
  return {
    microBatchSize: assumed(1, 'set train_micro_batch_size_per_gpu'),
    gradientAccumulationSteps: steps,
  }
}

interface OptimizerRow {
  readonly optimizer: Optimizer
  readonly implementation: OptimizerImplementation
}

/** megatron/training.py get_optimizer: FusedAdam of apex or DeepSpeed. */
const OPTIMIZERS: Readonly<Record<string, OptimizerRow>> = {
  adam: { optimizer: 'adamw', implementation: 'fused' },
  onebitadam: { optimizer: 'adamw', implementation: 'loop' },
  cpu_adam: { optimizer: 'adamw', implementation: 'fused' },
  cpu_torch_adam: { optimizer: 'adamw', implementation: 'foreach' },
  sm3: { optimizer: 'adagrad', implementation: 'loop' },
  madgrad_wd: { optimizer: 'other', implementation: 'loop' },
  sgd: { optimizer: 'sgd', implementation: 'foreach' },
  lion: { optimizer: 'lion', implementation: 'fused' },
}

export function readOptimizer(top: Fields): MutablePlanDraft {
  const block = top.isSet('optimizer') ? top.mapping('optimizer') : undefined
  const type = orDefault(block?.string('type'), 'Adam', `${DERIVED}: Adam`)
  const name = type.value.toLowerCase()
  const row = Object.hasOwn(OPTIMIZERS, name) ? OPTIMIZERS[name] : undefined
  if (!row) block?.invalid('type', `one of ${Object.keys(OPTIMIZERS).join(', ')}`)
  const eight = top.boolean('use_bnb_optimizer')
  return {
    optimizer: mapped(type, () => row?.optimizer ?? 'other'),
    optimizerImplementation: mapped(type, () => row?.implementation ?? 'loop'),
    ...(eight?.value ? { 'precision.optimizerStates': mapped(eight, () => 'int8' as const) } : {}),
  }
}

export function readGpus(top: Fields): MutablePlanDraft {
  const perNode = top.integer('num_gpus', { min: 1 })
  const all = top.integer('global_num_gpus', { min: 1 })
  const nodes = top.integer('num_nodes')?.value ?? 1
  if (all) return { gpus: all }
  return perNode ? { gpus: mapped(perNode, count => count * Math.max(1, nodes)), gpusPerNode: perNode } : {}
}

export function readIntervals(top: Fields): MutablePlanDraft {
  const every: Sourced<number> = orDefault(top.integer('eval_interval', { min: 1 }), 1000, `${ARGS}: 1000`)
  const batches = orDefault(top.integer('eval_iters', { min: 0 }), 100, `${ARGS}: 100`)
  const micro = top.integer('train_micro_batch_size_per_gpu', { min: 1 })?.value ?? 1
  const steps = top.integer('gradient_accumulation_steps', { min: 1 })?.value ?? 1
  const save = top.isSet('save') ? top.integer('checkpoint_factor', { min: 1 }) : undefined
  const includesOptimizer = top.boolean('no_save_optim')?.value !== true
  return {
    evaluation: facts =>
      batches.value === 0
        ? mapped(batches, () => null)
        : mapped(every, everySteps => ({
            everySteps,
            timesTotal: null,
            microBatchSize: micro,
            samples: batches.value * micro * steps * facts.gpus,
            share: 0,
          })),
    checkpoints: save
      ? mapped(save, everySteps => ({ everySteps, timesTotal: null, includesOptimizer }))
      : byDefault(null, `${ARGS}: save None`),
  }
}
