import type { Architecture, ParameterTensor } from '../models/architecture.ts'
import { checkedArchitecture } from '../models/checked-architecture.ts'
import { countedTensors } from '../models/counted-tensors.ts'
import type { CountedTensor } from '../models/model-counts.ts'
import { type CommandInput, EXIT, UsageError } from './command.ts'
import { modelSource } from './estimate-files.ts'
import { textTable } from './text-table.ts'

/** The parameter table of one model by module, its sums, and where its shapes come from. */
export async function explainModel(input: CommandInput, id: string): Promise<number> {
  const result = await modelSource(input).config(id)
  if (result.status !== 'found') throw new UsageError(result.message)
  const parameters = result.parameters ?? null
  const { architecture, findings } = checkedArchitecture(result.config, { name: result.resolvedId, parameters })
  if (!architecture) throw new UsageError(findings[0]?.message ?? `\`${id}\` cannot be read.`)
  for (const { message } of findings) input.io.err(`${message}\n`)
  const rows = countedTensors(architecture)
  input.io.out(
    `${[`${result.resolvedId} (${architecture.wholeType ?? architecture.modelType}), from the ${result.origin}`, '', moduleTable(rows), sumTable(architecture, rows)].join('\n')}`,
  )
  return EXIT.ok
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US')

/** One line a module: layers of several kinds that share it are added up. */
function moduleTable(rows: readonly CountedTensor[]): string {
  const merged = new Map<string, { tensor: ParameterTensor; layers: number; places: readonly number[] }>()
  for (const { tensor, layers, places = [] } of rows) {
    const key = `${tensor.path} ${tensor.inFeatures} ${tensor.outFeatures}`
    const known = merged.get(key)
    merged.set(key, { tensor, layers: (known?.layers ?? 0) + layers, places: [...(known?.places ?? []), ...places] })
  }
  return textTable(
    ['module', 'kind', 'shape', 'each', 'layers', 'parameters'],
    [...merged.values()].map(({ tensor, layers, places }) => [
      tensor.path,
      tensor.kind === 'expert' ? (tensor.fused ? 'experts, one parameter' : 'experts') : tensor.kind,
      shapeText(tensor),
      count(tensor.parameters),
      places.length === 0 ? '' : `${layers} (${ranges(places)})`,
      count(layers * tensor.parameters),
    ]),
  )
}

function shapeText({ kind, count: copies, inFeatures, outFeatures, bias }: ParameterTensor): string {
  const times = copies > 1 ? `${copies} × ` : ''
  if (kind === 'norm' || kind === 'parameter' || kind === 'convolution') return `${times}${inFeatures}`
  return `${times}${inFeatures} → ${outFeatures}${bias ? ' + bias' : ''}`
}

/** `0-2, 5`; patterns of many ranges are cut. */
function ranges(places: readonly number[]): string {
  const parts: [number, number][] = []
  for (const place of places.toSorted((a, b) => a - b)) {
    const last = parts.at(-1)
    if (last && place === last[1] + 1) last[1] = place
    else parts.push([place, place])
  }
  const text = parts.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`))
  return text.length > 5 ? `${text.slice(0, 4).join(', ')} …` : text.join(', ')
}

function sumTable(architecture: Architecture, rows: readonly CountedTensor[]): string {
  const sum = (wanted: (counted: CountedTensor) => boolean): number =>
    rows.filter(wanted).reduce((total, { tensor, layers }) => total + layers * tensor.parameters, 0)
  const idle = architecture.layers.reduce((total, { count: layers, layer: { moe, tensors } }) => {
    const experts = tensors.filter(({ kind }) => kind === 'expert').reduce((all, { parameters }) => all + parameters, 0)
    return moe ? total + layers * experts * (1 - Math.min(1, moe.topK / moe.experts)) : total
  }, 0)
  const total = sum(() => true)
  const isTower = ({ tensor: { part } }: CountedTensor): boolean => part === 'vision' || part === 'projector'
  const isMatrix = ({ tensor: { kind, part } }: CountedTensor): boolean =>
    part !== 'head' && (kind === 'linear' || kind === 'conv1d')
  const isExpert = ({ tensor: { kind } }: CountedTensor): boolean => kind === 'expert'
  return textTable(
    ['sum', 'parameters'],
    [
      ['total', count(total)],
      ...(idle > 0 ? [['used per token', count(total - idle)]] : []),
      ...(architecture.vision ? [['vision tower and projector', count(sum(isTower))]] : []),
      ['linear layers', count(sum(isMatrix))],
      ...(idle > 0 ? [['experts', count(sum(isExpert))]] : []),
      ['embeddings', count(sum(({ tensor: { part } }) => part === 'embedding'))],
      ['head', architecture.tiedEmbeddings ? 'the embedding' : count(sum(({ tensor: { part } }) => part === 'head'))],
    ],
  )
}
