import data from '../../data/efficiency.json' with { type: 'json' }

export type ConstantName = keyof typeof data.constants

/** The constants of the time model by name; data/efficiency.json holds unit, origin and error of each. */
export type Efficiency = Readonly<Record<ConstantName, number>>

export const CONSTANT_NAMES: readonly ConstantName[] = Object.keys(data.constants).filter(isConstantName)

/** As shipped. */
export const EFFICIENCY: Efficiency = withValues(name => data.constants[name].value)

/** A full set of constants with each value from `value`. */
export function withValues(value: (name: ConstantName) => number): Efficiency {
  const entries = CONSTANT_NAMES.map(name => [name, value(name)] as const)
  return Object.fromEntries(entries) as Efficiency
}

/** docs/time.md says what each means. */
const ORIGINS: ReadonlyMap<string, string> = new Map([
  ['P', 'from first principles'],
  ['D', 'datasheet'],
  ['M', 'measured'],
  ['F', 'fitted on measured runs'],
  ['A', 'assumed'],
])

/** Unit and origin of a constant, for reports. */
export function constantSource(name: ConstantName): string {
  const { value, unit, origin } = data.constants[name]
  return `data/efficiency.json ${name} = ${value} ${unit}, ${ORIGINS.get(origin) ?? origin}`
}

/** Step time of adapters against LoRA on the same projections; 1 for what is not listed. */
export function adapterMultiplier(type: string): number {
  return ADAPTER_MULTIPLIERS.get(type) ?? 1
}

export const INTERVALS: Readonly<Record<string, { readonly low: number; readonly high: number }>> = data.intervals
export const UNSEEN_FACTOR = data.unseen.factor
export const SEEN_GPUS: ReadonlySet<string> = new Set(data.seenGpus)

const ADAPTER_MULTIPLIERS = new Map(Object.entries(data.adapterMultipliers.values))

function isConstantName(name: string): name is ConstantName {
  return name in data.constants
}
