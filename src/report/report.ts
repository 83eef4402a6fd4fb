import type { Finding } from '../plan/finding.ts'
import type { Origin } from '../plan/provenance.ts'
import type { TrainingKind, TrainingPlan } from '../plan/training-plan.ts'
import type { Bytes, Seconds } from '../plan/units.ts'
import type { LimitKind, LimitReport, Verdict } from '../policy/verdict.ts'

export type { LimitKind, LimitReport, Verdict } from '../policy/verdict.ts'

/** The versioned JSON of DESIGN §7. Add fields, rename none. Bytes are per GPU unless named otherwise. */
export interface Report {
  readonly version: 1
  readonly verdict: Verdict
  readonly estimator: 'detailed' | 'rule-of-thumb'
  /** Findings about no single run: policy, API, limits. */
  readonly findings: readonly Finding[]
  readonly totals: ReportTotals
  /** Failing first, then warning, unknown, passing; inside by path. */
  readonly runs: readonly RunReport[]
  /** Training configs known at the head that the change does not affect; empty without a comparison. */
  readonly unaffectedPaths: readonly string[]
  /** Training configs that the change removes. Absent in older reports. */
  readonly removedPaths?: readonly string[]
}

export interface ReportTotals {
  readonly checked: number
  readonly failed: number
  readonly warned: number
  readonly unknown: number
  /** Training configs known at the head that the change does not affect; null without a comparison. */
  readonly unaffected: number | null
  readonly maxMemoryBytes: Bytes | null
  readonly hours: number | null
  readonly gpuHours: number | null
  readonly cost: number | null
  readonly costDelta: number | null
  readonly currency: string | null
}

export interface RunReport {
  readonly path: string
  readonly format: string
  readonly name: string | null
  readonly verdict: Verdict
  /** How the run stands to the base: unknown without one. */
  readonly change: 'new' | 'changed' | 'unchanged' | 'removed' | 'not-compared'
  /** Path at the base when renamed. */
  readonly previousPath: string | null
  /** The failure was there at the base and did not get worse by more than 1 %. */
  readonly preExisting: boolean
  readonly plan: TrainingPlan | null
  readonly gpuName: string | null
  readonly memory: MemoryReport | null
  readonly time: TimeReport | null
  readonly cost: CostReport | null
  readonly ruleOfThumb: RuleOfThumbReport | null
  readonly parameters: { readonly total: number; readonly trainable: number; readonly active: number } | null
  /** The rule of the policy that applied; null: its defaults. Absent in older reports. */
  readonly policyRule?: { readonly paths: readonly string[]; readonly line: number | null } | null
  /** Each limit of the policy that was held against the run. */
  readonly limits: readonly LimitReport[]
  readonly findings: readonly Finding[]
  readonly fixes: readonly FixReport[]
  readonly alternatives: readonly AlternativeReport[]
  /** Hardware by cost, where it was searched for (`preflop fit`). */
  readonly hardware?: readonly HardwareReport[]
  readonly assumptions: readonly AssumptionReport[]
  readonly base: BaseReport | null
  readonly causes: readonly CauseReport[]
  /** Repository paths the run depends on, its own first. */
  readonly dependencies: readonly string[]
}

export interface ReportItem {
  readonly name: string
  readonly note: string
  readonly source: string
}

export interface MemoryReport {
  readonly deviceBytes: Bytes
  /** What must fit, and the verdict is about: the device figure without the cache that PyTorch gives back before an allocation fails. */
  readonly requiredBytes: Bytes
  readonly requiredHighBytes: Bytes
  readonly lowBytes: Bytes
  readonly highBytes: Bytes
  readonly reservedBytes: Bytes
  readonly allocatedBytes: Bytes
  readonly usableBytes: Bytes | null
  readonly hostBytes: Bytes
  readonly peakAt: string
  readonly components: readonly (ReportItem & { readonly bytes: Bytes })[]
  readonly moments: readonly { readonly name: string; readonly bytes: Bytes }[]
}

export interface TimeReport {
  readonly stepSeconds: Seconds
  readonly lowStepSeconds: Seconds
  readonly highStepSeconds: Seconds
  readonly floorStepSeconds: Seconds
  readonly steps: number | null
  readonly tokensPerSecondPerGpu: number
  readonly samplesPerSecond: number
  readonly modelFlopsUtilization: number
  readonly runSeconds: Seconds | null
  readonly totalSeconds: Seconds | null
  readonly energyKwh: number | null
  /** full, adapter …: what a calibration is for. */
  readonly training?: TrainingKind
  readonly stepComponents: readonly (ReportItem & { readonly seconds: Seconds })[]
  readonly components: readonly (ReportItem & { readonly seconds: Seconds })[]
}

export interface CostReport {
  readonly currency: string
  readonly pricePerGpuHour: number
  /** run × retries. */
  readonly gpuHours: number
  readonly run: number
  readonly total: number
  readonly priceSource: string
  /** `5.10 h × 8 GPUs × $1.80 × 2 attempts = $146.88`. */
  readonly formula: string
}

export interface RuleOfThumbReport {
  readonly fixedBytes: Bytes
  readonly dynamicBytes: Bytes
  readonly peakBytes: Bytes
  readonly steps: number | null
  readonly seconds: Seconds | null
  readonly billedHours: number | null
  readonly cost: number | null
  readonly currency: string | null
}

export interface ChangeReport {
  readonly path: string
  /** Line of the key; null when the key has to be added. */
  readonly line: number | null
  readonly key: string
  readonly from: unknown
  readonly to: unknown
  /** How a command line has it; absent: the file is YAML, JSON or TOML. */
  readonly style?: 'flag' | 'item' | 'assignment' | 'variable'
}

export interface FixReport {
  readonly title: string
  readonly changes: readonly ChangeReport[]
  readonly memoryBytes: Bytes
  /** Sum to `memoryBytes`. */
  readonly components: readonly { readonly name: string; readonly bytes: Bytes }[]
  readonly runSeconds: Seconds | null
  readonly cost: number | null
  /** The interval still crosses the limit. */
  readonly tooTight: boolean
  /** Limits that the run still breaks with it; absent: none. */
  readonly remaining?: readonly LimitKind[]
}

export interface AlternativeReport {
  readonly gpu: string
  readonly gpuName: string
  readonly gpus: number
  readonly memoryBytes: Bytes
  readonly usableBytes: Bytes
  readonly runSeconds: Seconds | null
  readonly cost: number | null
  readonly currency: string | null
  readonly fits: boolean
  /** What differs from the config beside the GPUs; absent: nothing. */
  readonly strategy?: readonly string[]
  /** Whose price the cost is counted with, where it is a catalogue's or negotiated; null: the stated one, or none. */
  readonly provider?: string | null
  readonly note: string
}

/** One kind and number of GPUs that run the plan, with the fastest strategy found on them. Retries are not in the times. */
export interface HardwareReport {
  readonly gpu: string
  readonly gpuName: string
  readonly gpus: number
  readonly memoryBytes: Bytes
  readonly usableBytes: Bytes
  /** What differs from the config; empty: nothing. */
  readonly strategy: readonly string[]
  readonly runSeconds: Seconds
  readonly lowRunSeconds: Seconds
  readonly highRunSeconds: Seconds
  /** With retries; null: no price. */
  readonly cost: number | null
  readonly lowCost: number | null
  readonly highCost: number | null
  readonly currency: string | null
  readonly billing: string
  readonly formula: string
  readonly priceSource: string
  /** Who rents it out at that price; null: the price was stated, or there is none. */
  readonly provider: string | null
  /** Steps that were compared because the length of the run is not known; null: the whole run. */
  readonly comparedSteps: number | null
  readonly note: string
}

export interface AssumptionReport {
  /** The user's key where there is one, else the plan's. */
  readonly key: string
  /** The plan's own key: one line of a file may settle several. */
  readonly planKey: string
  readonly value: unknown
  readonly from: Origin
  readonly path: string | null
  readonly line: number | null
  readonly note: string
}

export interface BaseReport {
  readonly verdict: Verdict
  readonly memoryBytes: Bytes | null
  readonly usableBytes: Bytes | null
  readonly runSeconds: Seconds | null
  readonly cost: number | null
  readonly components: readonly { readonly name: string; readonly bytes: Bytes }[]
  readonly readable: boolean
}

export interface CauseReport {
  /** The user's key where known, else the plan key. */
  readonly key: string
  /** The file that has it, where that is not the config itself. */
  readonly path?: string
  readonly from: unknown
  readonly to: unknown
  /** This change alone against the base; the interaction has the key `together`. */
  readonly memoryBytes: Bytes | null
  readonly runSeconds: Seconds | null
  readonly cost: number | null
  /** The run fits with this change undone and the others kept. */
  readonly fitsWithout: boolean | null
}
