import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import { byDefault } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { EvaluationPlan } from '../../plan/training-plan.ts'
import type { Fields } from '../fields.ts'
import { readEvaluation } from '../hugging-face/transformers-arguments.ts'
import { positive } from '../key-rows.ts'

const SFT = 'ms-swift 4.6 arguments/sft_args.py _init_eval_strategy'

/** A validation set is evaluated as often as checkpoints are written, unless `eval_strategy` or `eval_steps` say otherwise. */
export function readSwiftEvaluation(fields: Fields, libraries: Libraries): Sourced<EvaluationPlan | null> {
  const share = fields.isSet('split_dataset_ratio')
    ? (fields.number('split_dataset_ratio', { min: 0, max: 1 })?.value ?? 0)
    : unstatedShare(fields, libraries)
  const validates = share > 0 || fields.isSet('val_dataset')
  if (!validates) return byDefault(null, `${SFT}: no validation set`)
  if (fields.isSet('eval_strategy') || fields.isSet('evaluation_strategy'))
    return readEvaluation(fields, { batchSize: 1, share, loggingSteps: 500, note: SFT })
  const strategy = fields.raw('save_strategy')?.scalar
  if (strategy === 'no' || strategy === false) return byDefault(null, `${SFT}: like save_strategy`)
  const steps = ['eval_steps', 'save_steps']
    .filter(key => fields.isSet(key))
    .map(key => fields.number(key, { min: 0 }))
    .find(read => read !== undefined)
  const batch = fields.isSet('per_device_eval_batch_size') ? positive(fields, 'per_device_eval_batch_size') : undefined
  const everyEpoch = strategy === 'epoch'
  const epochs = fields.isSet('num_train_epochs') ? (fields.number('num_train_epochs')?.value ?? 3) : 3
  return {
    ...(steps ?? byDefault(null, `${SFT}: every save_steps`)),
    value: {
      everySteps: everyEpoch ? null : Math.max(1, Math.round(steps?.value ?? 500)),
      timesTotal: everyEpoch ? Math.ceil(epochs) : null,
      microBatchSize: batch?.value ?? 1,
      samples: null,
      share,
    },
  }
}

/** data_args.py __post_init__: a stream or a validation set of its own leaves nothing to split off. */
function unstatedShare(fields: Fields, libraries: Libraries): number {
  if (fields.isSet('val_dataset') || (fields.isSet('streaming') && fields.boolean('streaming')?.value === true))
    return 0
  return versionDefault('ms-swift.split_dataset_ratio', libraries).value
}
