import type { ConfigNode } from '../config-document.ts'

/** One parameter of a sweep, flattened to a dotted name, and what it may be. */
export interface SweepParameter {
  readonly name: string
  readonly place: ConfigNode
  /** Texts to try, in order; one where it is fixed. */
  readonly values: readonly string[]
  /** All of them are numbers. */
  readonly isNumeric: boolean
  /** How the values are said in a message: `4, 8, 16`, `0.00001 to 0.001`. */
  readonly text: string
  /** Drawn from a range: there are more than `values` has. */
  readonly isDrawn: boolean
}

const MAX_PARAMETERS = 256
const MAX_DEPTH = 8
const MAX_SHOWN = 8

/** The parameters of a `parameters:` block, nested ones under dotted names (docs.wandb.ai, sweep configuration: parameters). */
export function sweepParameters(block: ConfigNode | undefined, prefix = '', depth = 0): readonly SweepParameter[] {
  if (block?.kind !== 'mapping' || depth > MAX_DEPTH) return []
  return [...block.entries].slice(0, MAX_PARAMETERS).flatMap(([key, node]) => {
    const name = `${prefix}${key}`
    const nested = node.entries.get('parameters')
    if (nested !== undefined) return sweepParameters(nested, `${name}.`, depth + 1)
    const parameter = readParameter(name, node)
    return parameter === null ? [] : [parameter]
  })
}

/** `value`, `values`, or the ends of a range; null: none of them. */
function readParameter(name: string, node: ConfigNode): SweepParameter | null {
  const fixed = node.entries.get('value')
  if (fixed !== undefined) return listed(name, node, [fixed])
  const values = node.entries.get('values')
  if (values?.kind === 'sequence' && values.items.length > 0) return listed(name, node, values.items)
  const [low, high] = ['min', 'max'].map(key => node.entries.get(key)?.scalar)
  if (typeof low !== 'number' || typeof high !== 'number') return drawnAroundMean(name, node)
  // log_uniform gives exponents of e; log_uniform_values the ends themselves
  const isExponent = /^(?:q_)?log_uniform$/.test(String(node.entries.get('distribution')?.scalar ?? ''))
  const [least, most] = isExponent ? [Math.exp(low), Math.exp(high)] : [low, high]
  return { name, place: node, values: [String(most)], isNumeric: true, text: `${least} to ${most}`, isDrawn: true }
}

function drawnAroundMean(name: string, node: ConfigNode): SweepParameter | null {
  const mean = node.entries.get('mu')?.scalar
  if (typeof mean !== 'number') return null
  return { name, place: node, values: [String(mean)], isNumeric: true, text: `around ${mean}`, isDrawn: true }
}

function listed(name: string, place: ConfigNode, nodes: readonly ConfigNode[]): SweepParameter {
  const values = nodes.map(valueText)
  const isNumeric = nodes.every(({ scalar }) => typeof scalar === 'number')
  const shown = values.slice(0, MAX_SHOWN).join(', ')
  return { name, place, values, isNumeric, text: values.length > MAX_SHOWN ? `${shown} …` : shown, isDrawn: false }
}

/** As the agent writes it behind the flag: Python's words, JSON for lists. */
function valueText({ kind, scalar, items }: ConfigNode): string {
  if (kind === 'sequence') return `[${items.map(item => JSON.stringify(item.scalar)).join(', ')}]`
  return typeof scalar === 'boolean' ? (scalar ? 'True' : 'False') : String(scalar ?? '')
}
