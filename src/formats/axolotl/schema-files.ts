/** Files of Axolotl 0.18 that write its defaults down. */
export const SCHEMA = 'axolotl 0.18 utils/schemas/config.py'
export const MODEL_SCHEMA = 'axolotl 0.18 utils/schemas/model.py'
export const PEFT_SCHEMA = 'axolotl 0.18 utils/schemas/peft.py'
export const TRAINING_SCHEMA = 'axolotl 0.18 utils/schemas/training.py'
