import { describe, expect, test } from '@jest/globals'
import { decodeText } from '../../src/files/decode-text.ts'
import type { FileEntry, FileSource } from '../../src/files/file-source.ts'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import type { ModelSource } from '../../src/models/model-source.ts'
import { type PipelineOptions, runPipeline } from '../../src/pipeline.ts'
import { FINDING_TEXTS, type FindingCode } from '../../src/plan/finding-texts.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { PolicySettings } from '../../src/policy/read-policy.ts'
import type { Report } from '../../src/report/report.ts'
import { act } from '../action/act.ts'
import { pullRequest } from '../github-stand-in/pull-request.ts'
import type { StandIn } from '../github-stand-in/server.ts'

/** One input that makes the code appear. */
type Reach = PipelineReach | ActionReach

interface PipelineReach {
  readonly config: string
  readonly files?: Readonly<Record<string, string>>
  readonly settings?: PolicySettings
  readonly base?: string
  /** From the report without settings. */
  readonly settingsOf?: (report: Report) => PolicySettings
  readonly options?: Partial<PipelineOptions>
}

/** Seen by the Action's door alone. */
interface ActionReach {
  readonly head: Readonly<Record<string, string>>
  readonly prepare?: (standIn: StandIn) => void
}

const native = (rest: string, model = 'Qwen/Qwen2.5-0.5B') => `preflop: 1\nmodel: ${model}\n${rest}`
const A100 = 'hardware: { gpu: a100-sxm-80gb }\n'
const PRICED = 'hardware: { gpu: a100-sxm-80gb, price: { per_gpu_hour: 2, currency: USD } }\n'
const STEPS = 'dataset: { max_steps: 100 }\n'
const axolotl = (rest = '') =>
  `base_model: Qwen/Qwen2.5-0.5B\ndatasets: [{ path: a/b, type: alpaca }]\nsequence_len: 512\nmicro_batch_size: 1\ngradient_accumulation_steps: 1\nlearning_rate: 1e-5\n${rest}`
const foundry = (precision: string, batch = '4') =>
  `max_seq_len: 1024\nmodel: { name: hf_causal_lm, pretrained_model_name_or_path: Qwen/Qwen2.5-0.5B }\ntrain_loader: { name: finetuning, dataset: { hf_name: a/b } }\noptimizer: { name: decoupled_lionw }\nmax_duration: 10ba\nglobal_train_batch_size: 8\ndevice_train_microbatch_size: ${batch}\nprecision: ${precision}\n`
const bytes = (path: string, data: Uint8Array): FileSource => ({
  list: async () => [{ path, kind: 'file', size: data.length }],
  read: async () => decodeText(data),
})
const listed = (entries: readonly FileEntry[]): FileSource => ({
  list: async () => entries,
  read: async () => ({ status: 'missing' }),
})
const SHAPES = {
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 128,
  vocab_size: 100,
}
const model = (over: object) => JSON.stringify({ ...SHAPES, ...over })
/** The config's shapes make another number of parameters than the Hub counts. */
const odd: ModelSource = {
  config: async id => ({
    status: 'found',
    config: SHAPES,
    origin: 'a test',
    resolvedId: id,
    parameters: 7_000_000_000,
  }),
}
const denied: ModelSource = { config: async () => ({ status: 'denied', message: 'It is gated.' }) }
const limit = (budget: PolicySettings['budget']): PolicySettings => (budget === undefined ? {} : { budget })
const over = { warn: null, fail: 0.001 }

/** A memory limit between the estimate and the high end of its interval. */
function between({ runs }: Report): PolicySettings {
  const memory = runs[0]?.memory
  const share = ((memory?.deviceBytes ?? 0) + (memory?.highBytes ?? 0)) / 2 / (memory?.usableBytes ?? Number.NaN)
  return { budget: { memory: { warn: null, fail: share } } }
}

const REACHES: Readonly<Record<FindingCode, Reach>> = {
  'syntax-error': { config: 'preflop: [1' },
  'duplicate-key': { config: native('gpus: 1\ngpus: 2\n') },
  'unknown-key': { config: native('gpu: 1\n') },
  'ignored-key': { config: foundry('amp_fp8') },
  'invalid-value': { config: native('gpus: many\n') },
  'missing-key': { config: 'preflop: 1\ngpus: 1\n' },
  'unsupported-option': { config: native('name: !!python/name:os.system x\n') },
  'unsupported-format': {
    config:
      'base_config: "base.yml"\nrun_name: x\nmodel_name: llama2-7b\nper_device_batch_size: 4\nici_fsdp_parallelism: 4\nsteps: 10\n',
  },
  'unrecognised-config': { config: 'just: text\n' },
  'unresolved-variable': {
    config: '',
    options: {
      head: memoryFileSource(
        new Map([
          [
            'a.sh',
            'python3 -m verl.trainer.main_ppo data.train_batch_size=8 actor_rollout_ref.model.path=$ROOT/models/our-7B\n',
          ],
        ]),
      ),
      paths: ['a.sh'],
    },
  },
  'will-not-start': { config: axolotl('warmup_steps: 10\nwarmup_ratio: 0.1\n') },
  'missing-companion': { config: axolotl('deepspeed: none.json\n') },
  'outside-repository': { config: '', options: { head: listed([{ path: 'a.yml', kind: 'symlink', size: null }]) } },
  'input-limit': { config: '', options: { head: listed([{ path: 'a.yml', kind: 'file', size: 2 ** 30 }]) } },
  'encoding-error': { config: '', options: { head: bytes('a.yml', Buffer.from([0x61, 0xff, 0xfe, 0x0a])) } },
  incomplete: {
    config: '',
    options: {
      head: listed(Array.from({ length: 10_001 }, (_, index) => ({ path: `${index}/a.yml`, kind: 'file', size: 1 }))),
      paths: ['**/a.yml'],
    },
  },
  'swept-values': {
    config: 'resources: { accelerators: [A100:8, H100:8] }\nrun: axolotl train run.yml\n',
    files: { 'run.yml': axolotl() },
  },
  'conflicting-settings': {
    config: native('parallelism: { tensor: 2 }\n'),
    settings: { gpus: 3 },
  },
  'unknown-model': { config: native(A100, 'nobody/nothing-7b') },
  'model-access': { config: native(A100, 'nobody/gated-7b'), options: { models: denied } },
  'assumed-architecture': { config: native(A100, model({ model_type: 'brand_new' })) },
  'impossible-model': { config: native(A100, model({ num_hidden_layers: -2 })) },
  'parameter-mismatch': { config: native(A100, 'nobody/odd-7b'), options: { models: odd } },
  'unknown-target-module': { config: native(`${A100}adapter: { type: lora, target_modules: [no_such_proj] }\n`) },
  'no-gpu': { config: native('') },
  'unknown-gpu': { config: native('hardware: { gpu: a1000 }\n') },
  'no-price': { config: native(`${A100}${STEPS}`) },
  'stale-price': {
    config: native(`hardware: { gpu: a100-sxm-80gb, price: { provider: gcp } }\ngpus: 8\n${STEPS}`),
    options: { today: '2030-01-01' },
  },
  'no-live-price': {
    config: native(`hardware: { gpu: a100-sxm-80gb, price: { provider: aws } }\ngpus: 8\n${STEPS}`),
    settings: { prices: 'live' },
  },
  'no-exchange-rate': { config: native(`${PRICED}${STEPS}`), settings: { currency: 'EUR' } },
  'unknown-dataset-size': { config: native(A100) },
  'assumed-default': { config: foundry('amp_bf16', 'auto') },
  'unsupported-gpu-feature': {
    config: native('precision: { compute: bfloat16 }\nhardware: { gpu: v100-sxm-16gb }\n'),
  },
  'over-memory': { config: native(`${A100}micro_batch_size: 4096\n`) },
  'near-memory': { config: native(A100), settings: limit({ memory: { warn: 0.01, fail: null } }) },
  'too-close-to-call': { config: native(A100), settingsOf: between },
  'no-gpu-count': { config: native(`${A100}parallelism: { data: fsdp2 }\n`, 'Qwen/Qwen2.5-32B') },
  'over-host-memory': {
    config: native(
      `gpus: 4\nparallelism: { data: zero3, offload: parameters_and_optimizer }\nhardware: { gpu: l4, price: { provider: aws } }\n`,
      'Qwen/Qwen2.5-72B',
    ),
  },
  'over-cost': { config: native(`${PRICED}${STEPS}`), settings: limit({ cost: over }) },
  'over-cost-increase': {
    config: native(`${PRICED}dataset: { max_steps: 1000 }\n`),
    base: native(`${PRICED}${STEPS}`),
    settings: limit({ costIncrease: { warn: null, fail: { kind: 'share', share: 0.01 } } }),
  },
  'over-hours': { config: native(`${A100}${STEPS}`), settings: limit({ hours: over }) },
  'over-gpu-hours': { config: native(`${A100}${STEPS}`), settings: limit({ gpuHours: over }) },
  'faster-than-hardware': { config: native(`${A100}rule_of_thumb: { step_seconds: 0.000001 }\n`) },
  'unsharded-gpus': { config: native(`${A100}gpus: 4\nmicro_batch_size: 4096\n`) },
  'policy-error': { head: { '.github/preflop.yml': 'budgets: {}\n' } },
  'policy-preview': { head: { '.github/preflop.yml': 'version: 1\n' } },
  'override-applied': {
    config: native(`${PRICED}${STEPS}`),
    settings: { budget: { cost: over }, overrideLabel: 'ok' },
    options: { labels: ['ok'] },
  },
  'no-write-access': {
    head: {},
    prepare: standIn => {
      standIn.fault = request => (/^(POST \/repos|PATCH)/.test(request) ? { kind: 'status', status: 403 } : null)
    },
  },
  'api-error': {
    head: {},
    prepare: standIn => {
      standIn.fault = () => ({ kind: 'status', status: 403, message: 'Resource not accessible' })
    },
  },
}

async function codesOfPipeline(reach: PipelineReach): Promise<readonly string[]> {
  const settings = reach.settingsOf ? reach.settingsOf(await reportOf(reach, {})) : (reach.settings ?? {})
  const report = await reportOf(reach, settings)
  return [...report.findings, ...report.runs.flatMap(({ findings }) => findings)].map(({ code }) => code)
}

function reportOf(
  { config, files = {}, base, options = {} }: PipelineReach,
  settings: PolicySettings,
): Promise<Report> {
  const tree = (text: string) => memoryFileSource(new Map(Object.entries({ 'a.yml': text, ...files })))
  return runPipeline({
    head: tree(config),
    base: base === undefined ? null : tree(base),
    changes: null,
    paths: ['a.yml'],
    policy: createPolicySet(null, settings),
    policyPath: '.github/preflop.yml',
    models: createModelSource({ offline: true }),
    ...options,
  })
}

/** What the Action's report and annotations name. A policy with a fault is in the base, so that it is in force. */
async function codesOfAction({ head, prepare }: ActionReach): Promise<readonly string[]> {
  const isFaulty = head['.github/preflop.yml']?.startsWith('budgets') === true
  const fixture = pullRequest({ base: isFaulty ? head : {}, head: { 'configs/run.yml': native(PRICED), ...head } })
  return (await act(fixture, prepare ? { prepare } : {})).codes
}

describe('every finding code is reached by an input', () => {
  test.each(Object.entries(REACHES))('%s', async (code, reach) => {
    expect('config' in reach ? await codesOfPipeline(reach) : await codesOfAction(reach)).toContain(code)
  })

  test('the table is the whole of the texts', () => {
    expect(Object.keys(REACHES).toSorted()).toEqual(Object.keys(FINDING_TEXTS).toSorted())
  })
})
