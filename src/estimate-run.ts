import type { CostEstimate } from './cost/estimate-cost.ts'
import type { RuleOfThumb } from './cost/rule-of-thumb.ts'
import { findRunPrice, type RunPrice } from './cost/run-price.ts'
import { costOf, ruleOfThumbOf } from './create-evaluator.ts'
import { type DatasetSource, NO_DATASETS } from './datasets/dataset-size.ts'
import { measureDatasets } from './datasets/measure-datasets.ts'
import type { FileSource } from './files/file-source.ts'
import type { Gpu } from './hardware/gpu.ts'
import { findGpu, nearestGpus } from './hardware/gpu-catalogue.ts'
import { gpuFeatureFindings } from './hardware/gpu-features.ts'
import type { LivePrices, PriceSource } from './hardware/live-prices/price-source.ts'
import type { PriceRow } from './hardware/price-catalogue.ts'
import { estimateMemory } from './memory/estimate-memory.ts'
import type { MemoryEstimate } from './memory/memory-estimate.ts'
import type { Architecture } from './models/architecture.ts'
import { countModel } from './models/count-parameters.ts'
import { findModel } from './models/find-model.ts'
import type { ModelSource } from './models/model-source.ts'
import { planRefusals } from './models/plan-refusals.ts'
import { architectureOfStage } from './models/score-head.ts'
import type { Finding } from './plan/finding.ts'
import { finding } from './plan/finding-texts.ts'
import { openGpuCount } from './plan/open-gpus.ts'
import { withParallelGpus } from './plan/parallel-gpus.ts'
import { overlayDrafts, type PlanDraft, statedValue } from './plan/plan-draft.ts'
import { type ResolvedPlan, resolvePlan } from './plan/resolve-plan.ts'
import type { Run } from './plan/run.ts'
import type { TrainingPlan } from './plan/training-plan.ts'
import { GIB } from './plan/units.ts'
import { applyPolicy } from './policy/apply-policy.ts'
import type { JudgedFigures } from './policy/judge.ts'
import type { Policy } from './policy/policy.ts'
import { estimateTime } from './time/estimate-time.ts'
import type { TimeEstimate } from './time/time-estimate.ts'

export interface RunEstimate {
  readonly resolved: ResolvedPlan
  /** null: the model is not known; nothing below is then. */
  readonly run: Run | null
  readonly modelOrigin: string
  readonly memory: MemoryEstimate | null
  /** The same for short samples where the length is assumed; absent or null: it is stated. */
  readonly shortest?: JudgedFigures['shortest']
  /** Where nobody says how many GPUs share a sharded run: what it needs on as few as it may have, and on more; else null. */
  readonly memoryByGpus: JudgedFigures['byGpus']
  readonly time: TimeEstimate | null
  readonly price: RunPrice | null
  readonly cost: CostEstimate | null
  readonly ruleOfThumb: RuleOfThumb | null
  /** Live rows that the price came from; absent: the embedded catalogue. */
  readonly priceRows?: readonly PriceRow[] | undefined
  readonly findings: readonly Finding[]
  readonly dependencies: readonly string[]
}

export interface EstimateOptions {
  readonly draft: PlanDraft
  readonly policy: Policy
  readonly policyPath: string
  /** What the caller insists on, above the file: CLI flags. */
  readonly overrides: PlanDraft
  readonly files: FileSource
  readonly models: ModelSource
  readonly path: string
  /** Published data sets; absent: none is asked for. */
  readonly datasets?: DatasetSource | undefined
  /** Prices of today, where the policy asks for them; absent: the embedded catalogue. */
  readonly prices?: PriceSource | undefined
  /** ISO date; ages of catalogue prices are held against it. */
  readonly today?: string | undefined
}

/** A run of one machine that is asked about with another number of GPUs is no run of as many machines. */
function overridden(draft: PlanDraft, overrides: PlanDraft): PlanDraft {
  const { gpusPerNode, ...others } = draft
  const isOneMachine = gpusPerNode !== undefined && statedValue(gpusPerNode) === statedValue(draft.gpus)
  return overlayDrafts(overrides.gpus !== undefined && isOneMachine ? others : draft, overrides)
}

/** Draft → plan → memory → time → cost. Never throws on user input: what cannot be known is null with a finding. */
export async function estimateRun(options: EstimateOptions): Promise<RunEstimate> {
  const policed = applyPolicy(options.draft, options.policy, options.policyPath)
  const stated = withParallelGpus(overridden(policed, options.overrides))
  const data = await measureDatasets(stated, {
    files: options.files,
    configPath: options.path,
    published: options.datasets ?? NO_DATASETS,
  })
  const { draft } = data
  const reference = draft.model
  const libraries = draft.libraries && typeof draft.libraries !== 'function' ? draft.libraries.value : {}
  const transformersMajor = libraries['transformers']?.startsWith('4') ? 4 : 5
  const found =
    reference && typeof reference !== 'function'
      ? await findModel({
          reference,
          known: options.policy.models,
          files: options.files,
          models: options.models,
          configPath: options.path,
          transformersMajor,
        })
      : null
  const gpuName =
    draft['hardware.gpu'] && typeof draft['hardware.gpu'] !== 'function' ? draft['hardware.gpu'].value : ''
  const gpu = gpuName ? findGpu(gpuName) : null
  const published = found?.architecture ?? null
  const facts = {
    checkpointDtype: published?.checkpointDtype ?? null,
    checkpointQuantization: published?.checkpointQuantization ?? null,
    modelType: published?.modelType ?? null,
    isMixtureOfExperts: published?.layers.some(({ layer }) => layer.moe !== null) ?? false,
    hasVision: published?.vision != null,
    tiedEmbeddings: published?.tiedEmbeddings ?? false,
    maxPositions: published?.maxPositions ?? null,
    gpuGeneration: gpu?.generation ?? null,
    bf16Supported: gpu?.bf16Supported ?? null,
  }
  const settled = gpu ? { ...draft, 'hardware.gpu': { ...provenanceOf(draft), value: gpu.id } } : draft
  const open = openGpuCount(settled, facts)
  const modelName = found?.name ?? null
  const planOn = (gpus?: number): ResolvedPlan =>
    resolvePlan({
      draft: open ? { ...settled, gpus: { ...open.gpus, value: gpus ?? open.gpus.value } } : settled,
      facts,
      modelName,
    })
  const resolved = planOn()
  const findings = [
    ...(found?.findings ?? []),
    ...resolved.findings,
    ...data.findings,
    ...gpuFindings({ gpuName, isKnown: gpu !== null, draft, path: options.path }),
  ]
  const dependencies = found?.dependencies ?? []
  const modelOrigin = found?.origin ?? 'none named'
  const refusals = planRefusals(resolved, published)
  const nothing = { memory: null, memoryByGpus: null, time: null, price: null, cost: null, ruleOfThumb: null }
  if (!published)
    return { resolved, run: null, modelOrigin, ...nothing, findings: [...findings, ...refusals], dependencies }
  const architecture = architectureOfStage(published, resolved.plan)
  const { counts, findings: countFindings } = countModel(architecture, resolved.plan)
  const run: Run = { plan: resolved.plan, architecture, counts, gpu }
  const memory = estimateMemory(run)
  const time = estimateTime(run)
  const memoryByGpus =
    open?.candidates.map(gpus => ({ gpus, bytes: requiredOn(architecture, planOn(gpus).plan, gpu) })) ?? null
  const live = await livePrices(resolved.plan, options)
  const priced = findRunPrice(resolved.plan, { today: options.today, rows: live.rows })
  const cost = costOf(resolved.plan, time, priced.price, options.policy)
  const ruleOfThumb = ruleOfThumbOf(run, priced.price)
  return {
    resolved,
    run,
    modelOrigin,
    memory,
    shortest: shortestOf(run, resolved),
    memoryByGpus,
    time,
    price: priced.price,
    cost,
    ruleOfThumb,
    priceRows: live.rows,
    findings: [
      ...findings,
      ...refusals,
      ...countFindings,
      ...memory.findings,
      ...timeFindings(time, resolved).filter(({ code }) => !findings.some(known => known.code === code)),
      ...priced.findings,
      ...live.findings,
      ...hostMemoryFindings(memory, priced.price),
      ...gpuFeatureFindings(resolved, gpu),
    ],
    dependencies,
  }
}

/** Instruction data runs from some 100 tokens a sample (HellaSwag, SQuAD) to thousands. */
const SHORT_SAMPLE_TOKENS = 128

/** Samples well below their limit, as a whole micro-batch of them is. */
const SHORT_SHARE = 1 / 4

/** Several samples without padding hold as many tokens as they have; all at the limit is the most. */
function fillsByLength({ microBatchSize, variableLength, packing, dataset }: TrainingPlan): boolean {
  return variableLength && !packing && dataset.padding === 'none' && microBatchSize > 1
}

/** What the run would need were the samples short; null: their length is stated. */
function shortestOf(run: Run, { provenance }: ResolvedPlan): JudgedFigures['shortest'] {
  const { sequenceLength } = run.plan
  const isAssumed = provenance.sequenceLength?.from === 'assumed'
  if (!isAssumed && !fillsByLength(run.plan)) return null
  const tokens = isAssumed ? SHORT_SAMPLE_TOKENS : Math.ceil(sequenceLength * SHORT_SHARE)
  if (sequenceLength <= tokens) return null
  const share = tokens / sequenceLength
  const { reinforcement } = run.plan
  const shorter = reinforcement && {
    ...reinforcement,
    promptLength: reinforcement.promptLength * share,
    completionLength: reinforcement.completionLength * share,
  }
  const plan = { ...run.plan, sequenceLength: tokens, reinforcement: shorter }
  return {
    bytes: estimateMemory({ ...run, plan }).requiredBytes,
    assumedTokens: sequenceLength,
    tokens,
  }
}

function requiredOn(architecture: Architecture, plan: TrainingPlan, gpu: Gpu | null): number {
  return estimateMemory({ plan, architecture, counts: countModel(architecture, plan).counts, gpu }).requiredBytes
}

/** The article's own seconds per step are held against the hardware only where somebody chose them. */
function timeFindings(time: TimeEstimate | null, { provenance }: ResolvedPlan): readonly Finding[] {
  const isChosen = provenance['ruleOfThumb.stepSeconds']?.from !== 'default'
  return (time?.findings ?? []).filter(({ code }) => isChosen || code !== 'faster-than-hardware')
}

interface LiveRows {
  readonly rows?: readonly PriceRow[]
  readonly findings: readonly Finding[]
}

/** Only for a provider that was named, and only where the policy wants it. */
async function livePrices({ hardware }: TrainingPlan, { policy, prices }: EstimateOptions): Promise<LiveRows> {
  const { price } = hardware
  if (policy.prices !== 'live' || price?.provider == null || price.perGpuHour !== null) return { findings: [] }
  const answer: LivePrices = prices
    ? await prices.prices({ provider: price.provider, region: price.region })
    : { status: 'failed', message: 'the network is not asked (offline)' }
  if (answer.status === 'found') return { rows: answer.rows, findings: [] }
  return { findings: [finding('no-live-price', { message: `Live prices could not be read: ${answer.message}.` })] }
}

/** What is offloaded lives on the machine that is rented. */
function hostMemoryFindings({ hostBytes }: MemoryEstimate, price: RunPrice | null): readonly Finding[] {
  const bytes = price?.instanceMemoryBytes ?? null
  if (bytes === null || hostBytes <= bytes) return []
  const gib = (value: number): string => `${(value / GIB).toFixed(0)} GiB`
  const message = `${gib(hostBytes)} a machine are offloaded to host memory; ${price?.instanceType ?? 'the instance'} has ${gib(bytes)}.`
  return [finding('over-host-memory', { message })]
}

function provenanceOf(draft: PlanDraft): {
  readonly from: 'file' | 'launch' | 'policy' | 'model' | 'default' | 'assumed'
} {
  const value = draft['hardware.gpu']
  return value && typeof value !== 'function' ? value : { from: 'assumed' }
}

interface GpuFindingOptions {
  readonly gpuName: string
  readonly isKnown: boolean
  readonly draft: PlanDraft
  readonly path: string
}

function gpuFindings({ gpuName, isKnown, draft, path }: GpuFindingOptions): readonly Finding[] {
  if (isKnown) return []
  if (gpuName === '')
    return [
      finding('no-gpu', {
        path,
        message: 'Neither the config, nor its launch files, nor the policy say which GPU the run uses.',
      }),
    ]
  const value = draft['hardware.gpu']
  const place =
    value && typeof value !== 'function'
      ? { path: value.path ?? path, line: value.line ?? null, column: value.column ?? null }
      : { path }
  const near = nearestGpus(gpuName)
  return [
    finding('unknown-gpu', {
      ...place,
      message: `\`${gpuName.slice(0, 100)}\` is not a GPU of the catalogue.`,
      ...(near.length > 0
        ? { hint: `Did you mean ${near.map(id => `\`${id}\``).join(', ')}? \`preflop gpus\` lists all.` }
        : {}),
    }),
  ]
}
