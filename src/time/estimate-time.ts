import type { Gpu } from '../hardware/gpu.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { TimeItem } from '../plan/item.ts'
import type { Run } from '../plan/run.ts'
import { calibrationOf, describeCalibration, trainingKind } from './calibration.ts'
import { EFFICIENCY, type Efficiency } from './efficiency.ts'
import { energyKwh } from './energy.ts'
import { hasOpenFusion } from './expert-software.ts'
import { floorStepSeconds, peakFlops } from './floor.ts'
import { intervalOf } from './interval.ts'
import { modelFlopsPerStep } from './model-flops.ts'
import { reinforcementTerms } from './reinforcement.ts'
import { interruptions, runPhases } from './run-phases.ts'
import { type StepContext, stepContext } from './step-context.ts'
import { stepTerms } from './step-terms.ts'
import { stepCount } from './steps.ts'
import { describeTerm } from './term-notes.ts'
import type { TimeEstimate } from './time-estimate.ts'

/**
 * Seconds of one optimizer step and of the whole run, itemised. null: the GPU is not known.
 * A calibration of the plan scales the step: measured ÷ estimated of the user's own stack.
 */
export function estimateTime(
  run: Run,
  { constants = EFFICIENCY }: { readonly constants?: Efficiency } = {},
): TimeEstimate | null {
  const { gpu } = run
  if (gpu === null) return null
  const context = stepContext({ ...run, gpu }, constants)
  const { plan, counts, dataRanks, length } = context
  const calibration = calibrationOf(context)
  const factor = calibration?.stepFactor ?? 1
  const step = stepTerms(context)
  const extra = reinforcementTerms(context, step.microBatchSeconds)
  const stepComponents = [...step.terms, ...extra].map(term => describeTerm(context, term, factor))
  const stepSeconds = total(stepComponents)
  const interval = intervalOf(context)
  const floor = floorStepSeconds(context)
  const count = stepCount(plan, dataRanks, length)
  const components =
    count === null
      ? []
      : runComponents(
          context,
          { steps: count.steps, note: `${count.note}${calibration ? `; ${describeCalibration(calibration)}` : ''}` },
          stepSeconds,
          step.microBatchSeconds * factor,
        )
  const runSeconds = count === null ? null : total(components)
  const perStep = context.sequences * plan.gradientAccumulationSteps * dataRanks
  const processed = perStep * (plan.packing ? length.computed : length.real)
  return {
    stepSeconds,
    lowStepSeconds: Math.max(floor, stepSeconds * interval.low),
    highStepSeconds: stepSeconds * interval.high,
    floorStepSeconds: floor,
    steps: count?.steps ?? null,
    tokensPerSecondPerGpu: processed / stepSeconds / plan.gpus,
    samplesPerSecond: perStep / stepSeconds,
    modelFlopsUtilization: modelFlopsPerStep(context) / (stepSeconds * plan.gpus * peakFlops(context)),
    runSeconds,
    totalSeconds: runSeconds === null ? null : runSeconds * plan.retries,
    stepComponents,
    components,
    energyKwh:
      runSeconds === null ? null : energyKwh({ gpu, gpus: plan.gpus, seconds: runSeconds, busyShare: step.busyShare }),
    intervalClass: interval.name,
    training: trainingKind(context),
    findings: [
      ...hardwareFindings({ context, gpu, floor }),
      ...sizeFindings(context, count !== null, counts.total),
      ...fusionFindings(context),
    ],
  }
}

function runComponents(
  context: StepContext,
  { steps, note }: { readonly steps: number; readonly note: string },
  stepSeconds: number,
  microBatchSeconds: number,
): readonly TimeItem[] {
  const training: TimeItem = {
    name: 'training steps',
    seconds: steps * stepSeconds,
    note: `${steps} steps (${note}) × ${stepSeconds.toPrecision(4)} s`,
    source: 'time model',
  }
  const [startUp, ...others] = runPhases({ context, steps, microBatchSeconds })
  const items = startUp === undefined ? [training] : [startUp, training, ...others]
  const lost = interruptions(context.plan, total(items))
  return lost === null ? items : [...items, lost]
}

/** The article's step time, used where a plan gives none. */
const DEFAULT_STEP_SECONDS = 1.5

/** A given speed that no software reaches on this GPU. */
function hardwareFindings({
  context,
  gpu,
  floor,
}: {
  readonly context: StepContext
  readonly gpu: Gpu
  readonly floor: number
}): readonly Finding[] {
  const given = context.plan.ruleOfThumb.stepSeconds
  if (given >= floor) return []
  const peak = (peakFlops(context) / 1e12).toFixed(0)
  return [
    finding('faster-than-hardware', {
      // nobody chose the rule of thumb's own default
      severity: given === DEFAULT_STEP_SECONDS ? 'notice' : 'warning',
      message:
        `${given} s per step needs ${(floor / given).toFixed(1)} × the ${peak} TFLOP/s datasheet peak of ${gpu.name}; ` +
        `the floor is ${floor.toPrecision(3)} s per step.`,
    }),
  ]
}

function sizeFindings({ plan }: StepContext, known: boolean, parameters: number): readonly Finding[] {
  if (known || parameters === 0) return []
  const names = [...new Set(plan.dataset.names)]
  const named = names.length > 0 ? ` of ${names.join(', ')}` : ''
  const message = `The number of samples${named} is not known, so that only the time of one step is.`
  return [finding('unknown-dataset-size', { message })]
}

function fusionFindings(context: StepContext): readonly Finding[] {
  if (!hasOpenFusion(context)) return []
  const message =
    'Whether all experts of a layer are one product is not known (Megatron’s `use_transformer_engine_op_fuser`, on in the ' +
    'performance recipes of Megatron-Bridge since 26.06): in MXFP8 a step is then up to 1.7 times faster. It is taken as off.'
  const hint =
    'Set `fused_experts` in the plan, or pin `megatron-bridge` in the requirements or its image in the Dockerfile.'
  return [finding('assumed-default', { message, hint })]
}

function total(items: readonly TimeItem[]): number {
  let seconds = 0
  for (const item of items) seconds += item.seconds
  return seconds
}
