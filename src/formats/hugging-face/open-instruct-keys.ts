import type { ConfigNode } from '../config-document.ts'

/** Arguments that only open-instruct's scripts take; the others it shares with TrainingArguments and alignment-handbook. */
const OWN = [
  'with_tracking',
  'use_slow_tokenizer',
  'dataset_mix_dir',
  'dataset_mixer_list',
  'try_launch_beaker_eval_jobs',
]
const SHARED = ['checkpointing_steps', 'dataset_mixer', 'preprocessing_num_workers', 'exp_name', 'tokenizer_name']

/** open-instruct names its arguments like TrainingArguments but trains with its own loop (open_instruct/finetune.py). */
export function hasOpenInstructKeys(root: ConfigNode): boolean {
  const written = new Set(root.entries.keys())
  if (!OWN.some(key => written.has(key))) return false
  if (!written.has('model_name_or_path') && !written.has('use_slow_tokenizer')) return false
  if (written.has('dataset_mixer_list')) return true
  return [...OWN, ...SHARED].filter(key => written.has(key)).length >= 2
}
