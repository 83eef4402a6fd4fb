/** Settings of Axolotl 0.18 (utils/schemas, integrations) that change memory or time and have no place in the plan. */
export const AXOLOTL_UNMODELLED = {
  tiled_mlp: 'the MLP runs in pieces of the sequence',
  layer_offloading: 'frozen layers wait on the host',
  selective_checkpointing: 'recomputation of chosen operations',
  lisa_n_layers: 'a few layers train at a time',
  peft_layer_replication: 'layers are repeated',
  qat: 'fake-quantised copies of the weights',
  kd_trainer: 'logits of a teacher',
  spectrum_top_fraction: 'the layers that Spectrum freezes',
  eval_sequence_len: 'longer sequences in evaluation',
  diffusion: 'masked diffusion instead of next tokens',
} as const
