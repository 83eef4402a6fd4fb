import { type ConfigNode, hasKeys } from '../config-document.ts'

/** open-instruct names its arguments like TrainingArguments but trains with its own loop (open_instruct/finetune.py). */
export function hasOpenInstructKeys(root: ConfigNode): boolean {
  return hasKeys(root, 'dataset_mixer_list') || hasKeys(root, 'use_slow_tokenizer', 'with_tracking')
}
