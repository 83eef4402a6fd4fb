import type { Report, RunReport } from '../report/report.ts'
import { SCHEMA_URL } from '../schema/json-schema.ts'

/** A first policy for a repository, from what its configs and launch files say; what they leave open is written as a comment. */
export function policyDraft(report: Report): string {
  const { runs } = report
  const gpu = mostCommon(runs.flatMap(({ plan }) => (plan?.hardware.gpu ? [plan.hardware.gpu] : [])))
  const ofGpu = runs.filter(({ plan }) => plan?.hardware.gpu === gpu)
  const gpus = gpu === null ? null : mostCommon(ofGpu.flatMap(({ plan }) => (plan ? [String(plan.gpus)] : [])))
  return `# yaml-language-server: $schema=${SCHEMA_URL}/policy.schema.json
# What a training run may need and cost. On a pull request it is taken from the base branch, so that a change cannot
# raise its own limit. Every key: https://github.com/preflop/preflop/blob/v0/docs/policy.md
${found(runs)}version: 1

# For configs that do not say which GPU they run on, and what it costs:
${hardware(gpu, gpus)}
# hardware: { price: { provider: aws, region: us-east-1 } }   # or a provider's catalogue price (preflop prices)
# currency: CNY                                               # of every sum and limit, with
# exchange_rates: { USD: 7.1 }
# retries: 2                                                  # how often a run is started before it succeeds

budget:
  memory: { warn: 90%, fail: 100% }      # of the usable GPU memory
  # cost: { warn: 80, fail: 100 }        # of a run, all attempts
  # cost_increase: { fail: 25% }         # against the base
  # hours: { fail: 24 }

fail_on: new        # only what the pull request broke or made worse; any: every broken limit
on_unknown: warn    # a config that cannot be estimated: pass, warn or fail
on_refusal: fail    # settings that the framework refuses at start: pass, warn or fail
# override_label: preflop-approved       # turns failed cost and time limits into warnings; memory still fails
${unsized(runs)}${unknownModels(runs)}
# configs:                               # other settings for some configs; the first match wins
#   - paths: ["${exampleGlob(runs)}"]
#     budget: { cost: { fail: 500 } }
#   - paths: ["**/archive/**"]
#     ignore: true
`
}

const MOST_LISTED = 12

function found(runs: readonly RunReport[]): string {
  const byFormat = new Map<string, string[]>()
  for (const run of runs) {
    const framework = run.plan?.framework ?? run.format
    const name = framework === 'other' ? run.format : framework
    byFormat.set(name, [...(byFormat.get(name) ?? []), configOf(run)])
  }
  const lines = [...byFormat].slice(0, MOST_LISTED).map(([format, paths]) => {
    const unique = [...new Set(paths)]
    const shown = unique.slice(0, 3).map(comment).join(', ')
    return `#   ${format}: ${shown}${unique.length > 3 ? ` and ${unique.length - 3} more` : ''}\n`
  })
  return lines.length > 0 ? `#\n# Found in this repository:\n${lines.join('')}` : ''
}

function hardware(gpu: string | null, gpus: string | null): string {
  if (gpu === null) return '# hardware: { gpu: a100-sxm-80gb, gpus: 8, price: { per_gpu_hour: 1.80, currency: USD } }'
  return `hardware: { gpu: ${gpu}, gpus: ${gpus ?? '1'} }   # as most launch files here; add price: { per_gpu_hour: 1.80, currency: USD }`
}

/** The file that has the run's keys: a launcher names the config that its trainer reads. */
function configOf({ path, assumptions }: RunReport): string {
  return assumptions.find(({ planKey }) => planKey === 'model')?.path ?? path
}

/** Data sets whose size no file tells. */
function unsized(runs: readonly RunReport[]): string {
  const open = runs.filter(({ findings }) => findings.some(({ code }) => code === 'unknown-dataset-size'))
  return block('datasets', 'sizes that no file here tells', namesOf(open), '{ samples: 10000, mean_tokens: 500 }')
}

function unknownModels(runs: readonly RunReport[]): string {
  const open = runs.filter(({ findings }) => findings.some(({ code }) => code === 'unknown-model'))
  const models = open.flatMap(({ plan }) => (plan?.model ? [plan.model] : []))
  return block('models', 'config.json of models that are not public', models, './models/NAME/config.json')
}

function namesOf(runs: readonly RunReport[]): readonly string[] {
  return runs.flatMap(({ plan }) => plan?.dataset.names ?? [])
}

function block(key: string, what: string, names: readonly string[], value: string): string {
  const rows = [...new Set(names)]
    .slice(0, MOST_LISTED)
    .map(name => `#   ${JSON.stringify(name.slice(0, 100))}: ${value}\n`)
  return rows.length === 0 ? '' : `\n# ${key}:   # ${what}\n${rows.join('')}`
}

function exampleGlob(runs: readonly RunReport[]): string {
  const folder = mostCommon(runs.map(({ path }) => path.split('/').slice(0, -1).join('/')).filter(Boolean))
  return folder !== null && /^[\w./-]+$/.test(folder) ? `${folder}/**` : 'configs/prod/**'
}

/** A path of the repository inside a comment: one line, whatever its name. */
function comment(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, '?').slice(0, 100)
}

function mostCommon(values: readonly string[]): string | null {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? null
}
