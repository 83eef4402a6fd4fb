/** Arguments of ms-swift 4.6 (arguments/*.py, trainers/arguments.py) that change memory or time and have no place in the plan. */
export const SWIFT_UNMODELLED = {
  lisa_activated_layers: 'a few layers train at a time',
  freeze_parameters_ratio: 'the first part of the parameters is frozen',
  offload_model: 'the model waits on the host while completions are generated',
  zero_hpz_partition_size: 'a second copy of the weights in each node',
  optimizer_offload_fraction: 'a part of the optimizer lives on the host',
} as const

/** A model beside the one that trains, of any size. */
export const SWIFT_UNCOUNTED = { teacher_model: 'a teacher model in the same GPUs' } as const
