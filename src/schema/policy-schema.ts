import { GPUS } from '../hardware/gpu-catalogue.ts'
import { FRAMEWORKS } from '../plan/vocabulary.ts'
import { amount, count, DIALECT, flag, list, mapping, names, oneOf, type Schema, table, text } from './json-schema.ts'

const gpu: Schema = {
  type: 'string',
  description: 'GPU by the id or an alias of `preflop gpus`.',
  examples: GPUS.filter(({ vendor }) => vendor === 'nvidia').map(({ id }) => id),
}
const share = (description: string): Schema => ({
  type: ['number', 'string'],
  pattern: '^\\s*\\d+(\\.\\d+)?\\s*%?\\s*$',
  description,
})
const limit = (of: (description: string) => Schema, what: string): Schema =>
  mapping(
    { warn: of(`Above this ${what} a warning.`), fail: of(`Above this ${what} the check fails.`) },
    `Limit on ${what}.`,
  )

/** Keys of the policy that a rule may set too, each with its type and what it does. */
const SETTINGS: Readonly<Record<string, Schema>> = {
  hardware: mapping(
    {
      gpu,
      gpus: count('Number of GPUs of a run.'),
      price: mapping(
        {
          per_gpu_hour: amount('Price of one GPU for an hour; belongs to `hardware.gpu`.'),
          currency: text('Three letters; USD when absent.'),
          provider: text('Provider whose catalogue price is taken where no price is stated (`preflop prices`).'),
          region: text('Region of the provider.'),
          spot: flag('Interruptible machines.'),
        },
        'What the GPUs cost.',
      ),
    },
    'GPU, number and price of runs whose config and launch files do not say.',
  ),
  currency: text('Currency of every sum and cost limit, e.g. CNY.'),
  exchange_rates: table(
    { type: 'number', exclusiveMinimum: 0 },
    'Value of one unit of another currency in `currency`, e.g. `{ USD: 7.1 }`.',
  ),
  prices: oneOf(
    ['embedded', 'live'],
    'Catalogue prices: of this release (embedded), or read today from SkyPilot’s catalogue (live), falling back with a notice.',
  ),
  billing: mapping(
    {
      unit: oneOf(['second', 'minute', 'hour'], 'Started units are billed whole, for every attempt.'),
      discounts: table(share('Share off.'), 'Discounts off catalogue prices by provider; `*` is any other.'),
      reserved: table(
        count('Number of GPUs.', 0),
        'GPUs that are paid for already, by GPU: runs within them cost nothing more.',
      ),
      negotiated: list(
        mapping(
          {
            gpu,
            per_gpu_hour: amount('Price of one GPU for an hour.'),
            per_instance_hour: amount('Or of a whole instance.'),
            instance_gpus: count('GPUs of one instance; they are billed whole.'),
            instance: text('Name of the instance type, for the report.'),
            currency: text('Three letters; USD when absent.'),
            provider: text('Only for runs at this provider.'),
            region: text('Only for runs in this region.'),
            spot: flag('Only for spot runs.'),
          },
          'One negotiated price.',
        ),
        'Your own prices; the first that matches a run wins over the catalogue.',
      ),
    },
    'How money is counted.',
  ),
  retries: count('How often a run is started before it succeeds; multiplies hours and cost.'),
  overheads: mapping(
    {
      start_up_seconds: amount(
        'Seconds from start to the first step, instead of the estimate (warm machines, image pulls).',
      ),
      spot_interruptions: share('Share of a spot run that interruptions cost.'),
    },
    'Time beyond the steps.',
  ),
  calibration: list(
    mapping(
      {
        gpu,
        training: oneOf(
          ['full', 'adapter', 'quantized-adapter', 'mixture-of-experts', 'offload'],
          'Only for this kind of training.',
        ),
        framework: oneOf(FRAMEWORKS, 'Only for this framework.'),
        step_factor: { type: 'number', exclusiveMinimum: 0, description: 'Measured ÷ estimated time of a step.' },
        low: { type: 'number', description: 'Lowest factor measured.' },
        high: { type: 'number', description: 'Highest factor measured.' },
        runs: count('Runs it was measured in.'),
      },
      'One factor; the most particular that matches a run is used.',
    ),
    'What `preflop calibrate --write` learnt from finished runs.',
  ),
  estimator: oneOf(['detailed', 'rule-of-thumb'], 'What limits are held against.'),
  budget: mapping(
    {
      cost: limit(amount, 'cost of a run'),
      cost_increase: limit(
        description => ({
          ...share(description),
          description: `${description} An amount, or a percentage such as 25%.`,
        }),
        'growth of cost against the base',
      ),
      hours: limit(amount, 'wall-clock hours, all attempts'),
      gpu_hours: limit(amount, 'GPU-hours, all attempts'),
      memory: limit(share, 'share of the usable GPU memory'),
    },
    'Limits of one run.',
  ),
  fail_on: oneOf(['new', 'any'], 'new: only what the pull request broke or made worse by more than 1 %.'),
  on_unknown: oneOf(['pass', 'warn', 'fail'], 'How a run counts that cannot be judged.'),
  on_refusal: oneOf(
    ['pass', 'warn', 'fail'],
    'How a run counts whose framework refuses its settings at start; fail when absent.',
  ),
  override_label: text('Label that turns failed cost, time and increase limits into warnings; memory still fails.'),
  datasets: table(
    mapping(
      {
        samples: count('Number of samples.', 0),
        mean_tokens: {
          type: 'number',
          minimum: 1,
          description: 'Mean tokens of a sample; of a prompt where the run generates the answers.',
        },
        mean_completion_tokens: {
          type: 'number',
          minimum: 1,
          description: 'Mean tokens of an answer that PPO or GRPO generates; else each is taken at its full length.',
        },
      },
      'Size of one data set.',
    ),
    'Sizes of data sets by the name that configs use; they win over a count.',
  ),
  models: table(
    { type: ['string', 'object'] },
    'Models by id: path of a config.json in the repository, or its fields.',
  ),
}

/** JSON Schema of `.github/preflop.yml`. */
export function policySchema(): Schema {
  return {
    $schema: DIALECT,
    title: 'Preflop policy',
    type: 'object',
    properties: {
      version: { const: 1, description: 'Version of the format.' },
      ...SETTINGS,
      configs: list(
        {
          ...mapping(
            {
              paths: names('Globs of configs; `!` excludes.'),
              ignore: flag('Configs that are not looked at.'),
              ...SETTINGS,
            },
            'Settings for some configs; the first rule that matches is merged over the defaults above.',
          ),
          required: ['paths'],
        },
        'Rules by path.',
      ),
    },
    additionalProperties: false,
  }
}
