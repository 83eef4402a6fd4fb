import type { Finding, Severity } from './finding.ts'

/** Every finding code: how serious, what it is about, why it matters, what to do. docs/findings.md is written from this table. */
interface FindingText {
  readonly severity: Severity
  readonly title: string
  readonly why: string
  readonly hint: string
}

export const FINDING_TEXTS = {
  // reading
  'syntax-error': {
    severity: 'error',
    title: 'The file cannot be parsed',
    why: 'A trainer would stop here too.',
    hint: 'Fix the syntax at the named line.',
  },
  'duplicate-key': {
    severity: 'warning',
    title: 'A key is written twice',
    why: 'Trainers keep the last one and drop the first without a word.',
    hint: 'Remove one of the two.',
  },
  'unknown-key': {
    severity: 'error',
    title: 'A key is not known',
    why: 'A misspelt key means its default applies.',
    hint: 'Correct the key, or remove it.',
  },
  'ignored-key': {
    severity: 'notice',
    title: 'The trainer ignores this key',
    why: 'The value has no effect on the run.',
    hint: 'Remove it or use the key that works.',
  },
  'invalid-value': {
    severity: 'error',
    title: 'A value is outside what the key accepts',
    why: 'The trainer would refuse or misread it.',
    hint: 'Use a value of the named kind.',
  },
  'missing-key': {
    severity: 'error',
    title: 'A required key is missing',
    why: 'The trainer would not start.',
    hint: 'Add the key.',
  },
  'unsupported-option': {
    severity: 'warning',
    title: 'An option that matters is not modelled',
    why: 'The estimate does not include its effect.',
    hint: 'Treat the figures as approximate for this run.',
  },
  'unsupported-format': {
    severity: 'warning',
    title: 'A trainer that Preflop does not estimate',
    why: 'The file was recognised, but what it trains, or the compiler that plans its memory, is not modelled.',
    hint: 'Exclude it with `!pattern`, or describe the run in a native plan (docs/plan.md).',
  },
  'unrecognised-config': {
    severity: 'warning',
    title: 'The file is not a training config that Preflop reads',
    why: '`paths` or the command line names it. A part of a run (an Accelerate, DeepSpeed or adapter config, say) is read with the run that names it, and is a notice only.',
    hint: 'Exclude it with `!pattern`, or describe the run in a native plan (docs/plan.md).',
  },
  'unresolved-variable': {
    severity: 'warning',
    title: 'A variable has no value in the repository',
    why: 'The value is set only when the run is started.',
    hint: 'Write the value into the file, or give it where the run is started from a script of the repository.',
  },
  'missing-companion': {
    severity: 'warning',
    title: 'A file that the config refers to was not found',
    why: 'Its settings are missing from the estimate.',
    hint: 'Correct the path (from the repository root, the config’s folder or one above it) or commit the file.',
  },
  'outside-repository': {
    severity: 'error',
    title: 'A path leaves the repository',
    why: 'Preflop reads nothing outside the repository and follows no symlink.',
    hint: 'Use a path inside the repository.',
  },
  'input-limit': {
    severity: 'error',
    title: 'The input is larger than Preflop reads',
    why: 'Limits keep hostile input from stopping the check.',
    hint: 'Make the file smaller or exclude it.',
  },
  'encoding-error': {
    severity: 'error',
    title: 'The file is not readable text',
    why: 'Configs are read as UTF-8 text.',
    hint: 'Save the file as UTF-8.',
  },
  incomplete: {
    severity: 'warning',
    title: 'Not everything could be looked at',
    why: 'GitHub cut the list of files, or a limit was reached.',
    hint: 'Narrow `paths`, or run the check on a schedule as well.',
  },
  'swept-values': {
    severity: 'notice',
    title: 'A list of values to sweep',
    why: 'The figures are those of the most demanding value.',
    hint: 'Nothing to do.',
  },
  'will-not-start': {
    severity: 'error',
    title: 'The framework refuses these settings at start',
    why: 'The run waits for its GPUs and stops in the first minutes, before it trains anything; docs/formats.md lists every check. `on_refusal` in the policy says how it counts.',
    hint: 'Change one of the named settings.',
  },
  'conflicting-settings': {
    severity: 'warning',
    title: 'Parallel sizes and the number of GPUs contradict each other',
    why: 'The files do not settle how many GPUs the run has; on this number it would not start.',
    hint: 'Give the number of GPUs in the config or its launcher, or correct it in the policy.',
  },
  // model, hardware, data
  'unknown-model': {
    severity: 'warning',
    title: 'The model’s shape is not known',
    why: 'Without it nothing can be estimated.',
    hint: 'Name the model under `models:` in the policy, give `hf-token` for a private one, or describe the run in a native plan (docs/plan.md).',
  },
  'model-access': {
    severity: 'warning',
    title: 'The model’s config could not be read from the Hub',
    why: 'It is gated (its terms must be accepted), private or renamed, or the Hub did not answer.',
    hint: 'Give the input `hf-token` (`HF_TOKEN` on a command line), or add the model under `models:` in the policy.',
  },
  'assumed-architecture': {
    severity: 'warning',
    title: 'The model type is not known; its nearest family was assumed',
    why: 'Counts come from its fields read as that family; the interval is wider.',
    hint: 'Compare the parameter count with the model card.',
  },
  'parameter-mismatch': {
    severity: 'notice',
    title: 'The parameter count differs from the published one',
    why: 'Draft layers, duplicated heads and buffers are published but not trained; more than that means that the config does not describe the weights.',
    hint: 'Compare with the model card; give `models:` in the policy a mapping with `parameters` to settle it.',
  },
  'impossible-model': {
    severity: 'error',
    title: 'The model’s fields contradict each other',
    why: 'No model has this shape.',
    hint: 'Correct the named field.',
  },
  'unknown-target-module': {
    severity: 'warning',
    title: 'An adapter target matches no module',
    why: 'The library would refuse it, or train less than meant.',
    hint: 'Use one of the module names listed.',
  },
  'no-gpu': {
    severity: 'warning',
    title: 'No GPU is known for this run',
    why: 'Memory cannot be judged and time cannot be estimated.',
    hint: 'Set `hardware.gpu` in the policy, the input `gpu`, or `--gpu` on a command line; `preflop gpus` lists them.',
  },
  'no-gpu-count': {
    severity: 'warning',
    title: 'The number of GPUs is not known',
    why: 'A sharded run needs less memory on each GPU the more there are.',
    hint: 'Set `hardware.gpus` in the policy or the `gpus` input, or commit the launcher’s config.',
  },
  'unknown-gpu': {
    severity: 'error',
    title: 'The GPU is not in the catalogue',
    why: 'Its memory and speed are not known.',
    hint: 'Use an id that `preflop gpus` lists.',
  },
  'no-price': {
    severity: 'notice',
    title: 'No price is known',
    why: 'Hours are reported, money is not.',
    hint: 'Set `hardware.price` in the policy, the input `price-per-gpu-hour`, or `--price` on a command line.',
  },
  'stale-price': {
    severity: 'warning',
    title: 'The catalogue price is older than 90 days',
    why: 'GPU prices move.',
    hint: 'Set your own price in the policy, or update Preflop.',
  },
  'no-live-price': {
    severity: 'notice',
    title: 'Live prices could not be read',
    why: 'The embedded catalogue is used instead; it is as old as it says.',
    hint: 'Run again later, or set your own price in the policy.',
  },
  'no-exchange-rate': {
    severity: 'warning',
    title: 'No rate into the policy’s currency',
    why: 'Sums in different currencies cannot be added.',
    hint: 'Add the rate under `exchange_rates`.',
  },
  'unknown-dataset-size': {
    severity: 'notice',
    title: 'The number of samples is not known',
    why: 'Steps, hours and cost depend on it; the time of one step is reported instead.',
    hint: 'Add the data set under `datasets:` in the policy (`dataset.samples` in a native plan), or set a step limit.',
  },
  'assumed-default': {
    severity: 'notice',
    title: 'A value that matters was assumed',
    why: 'Neither the files nor the framework say it.',
    hint: 'Set the key that decides it, or take the figures as those of the assumed value.',
  },
  'unsupported-gpu-feature': {
    severity: 'warning',
    title: 'The GPU cannot run this option as written',
    why: 'The framework falls back or fails.',
    hint: 'Choose an option that this GPU supports, or another GPU.',
  },
  // judgement
  'over-memory': {
    severity: 'error',
    title: 'Out of GPU memory',
    why: 'The run would stop with an out-of-memory error.',
    hint: 'Apply a fix where one is listed; `preflop fit` says how much fits here, and which hardware holds the run.',
  },
  'near-memory': {
    severity: 'warning',
    title: 'Close to the memory limit',
    why: 'Little is left for fragmentation and longer batches.',
    hint: 'Leave more room: a smaller micro-batch, shorter sequences, or a larger GPU.',
  },
  'too-close-to-call': {
    severity: 'warning',
    title: 'It may not fit',
    why: 'The estimate is below the limit, but its interval crosses it; or it is above only because of a length that was assumed.',
    hint: 'Leave room for the high end of the interval, or measure a few steps; give the length where none is given.',
  },
  'over-host-memory': {
    severity: 'warning',
    title: 'Host memory may not suffice',
    why: 'Offloaded states live in the memory of the machine.',
    hint: 'Use a machine with more memory or offload less.',
  },
  'over-cost': {
    severity: 'error',
    title: 'Over the cost limit',
    why: 'The policy limits the cost of a run.',
    hint: 'Make the run cheaper or ask for the override label.',
  },
  'over-cost-increase': {
    severity: 'error',
    title: 'The cost grew by more than the limit',
    why: 'The policy limits how much a change may add.',
    hint: 'Make the change cheaper or ask for the override label.',
  },
  'over-hours': {
    severity: 'error',
    title: 'Over the time limit',
    why: 'The policy limits wall-clock hours.',
    hint: 'Make the run shorter or ask for the override label.',
  },
  'over-gpu-hours': {
    severity: 'error',
    title: 'Over the GPU-hours limit',
    why: 'The policy limits GPU-hours.',
    hint: 'Make the run shorter or ask for the override label.',
  },
  'faster-than-hardware': {
    severity: 'warning',
    title: 'The given speed is beyond the hardware',
    why: 'No software reaches it on this GPU, so that the rule of thumb is too fast by that much.',
    hint: 'Set `rule_of_thumb.step_seconds` to a measured step, or leave the rule aside.',
  },
  'unsharded-gpus': {
    severity: 'notice',
    title: 'Several GPUs do not add up',
    why: 'Without sharding every GPU holds a full copy.',
    hint: 'Use ZeRO, FSDP or tensor parallelism to share the load.',
  },
  // policy and platform
  'policy-error': {
    severity: 'error',
    title: 'The policy cannot be read',
    why: 'Limits in it are not in force.',
    hint: 'Correct the named key.',
  },
  'policy-preview': {
    severity: 'notice',
    title: 'The policy changes in this pull request',
    why: 'Limits are taken from the base; the new ones apply after the merge.',
    hint: 'Merge the policy change first if you need it.',
  },
  'override-applied': {
    severity: 'warning',
    title: 'A failed budget was overridden by a label',
    why: 'The policy allows it; memory is never overridden.',
    hint: 'Nothing to do; take the label off to have the limits fail again.',
  },
  'no-write-access': {
    severity: 'notice',
    title: 'The comment could not be written',
    why: 'The token may not write to this pull request (a fork).',
    hint: 'The report is in the job summary; docs/cookbook.md says how to comment on forks.',
  },
  'api-error': {
    severity: 'error',
    title: 'GitHub could not be read',
    why: 'The API refused or did not answer after retries.',
    hint: 'Run the job again; if it stays, check that the token may read contents and pull requests.',
  },
} as const satisfies Record<string, FindingText>

export type FindingCode = keyof typeof FINDING_TEXTS

interface FindingPlace {
  readonly path?: string | null
  readonly line?: number | null
  readonly column?: number | null
}

interface FindingDetails extends FindingPlace {
  readonly message: string
  readonly hint?: string
  readonly severity?: Severity
}

/** A finding with its table's severity and hint unless the caller knows better. */
export function finding(code: FindingCode, details: FindingDetails): Finding {
  const text = FINDING_TEXTS[code]
  return {
    code,
    severity: details.severity ?? text.severity,
    path: details.path ?? null,
    line: details.line ?? null,
    column: details.column ?? null,
    message: details.message,
    hint: details.hint ?? text.hint,
  }
}
