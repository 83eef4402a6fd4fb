import { gib, percent } from '../plan/figure-text.ts'
import { GIB } from '../plan/units.ts'
import { roundedParts } from './figures.ts'

interface BarRow {
  readonly label: string
  readonly components: readonly { readonly name: string; readonly bytes: number }[]
}

interface BarOptions {
  readonly rows: readonly BarRow[]
  readonly usableBytes: number | null
  readonly ascii?: boolean
  readonly columns?: number
}

/** Parts of a bar in drawing order. */
const GROUPS = [
  { name: 'weights, gradients, optimizer', glyph: '█', ascii: '#' },
  { name: 'activations', glyph: '▓', ascii: '+' },
  { name: 'logits and loss', glyph: '▒', ascii: '=' },
  { name: 'buffers', glyph: '░', ascii: '-' },
  { name: 'allocator, CUDA, NCCL', glyph: '·', ascii: '.' },
] as const

/** The legend's second line starts here: a comment is about ninety characters wide. */
const LEGEND_BREAK = 3

type GroupName = (typeof GROUPS)[number]['name']

/** The first row that matches a component's name decides; what no row matches is the allocator's. */
const GROUP_RULES: readonly { readonly matches: RegExp; readonly name: GroupName }[] = [
  { matches: /logit|loss/i, name: 'logits and loss' },
  {
    matches: /activation|checkpoint|re-comput|head input|layer input|active block|updates of adapted/i,
    name: 'activations',
  },
  { matches: /gather|bucket|de-quant|16-bit copies|workspace|cache/i, name: 'buffers' },
  {
    matches: /weight|gradient|optimizer|adapter|state|moment|model|engine/i,
    name: 'weights, gradients, optimizer',
  },
]

/** What a component is drawn as. */
export function groupOf(component: string): GroupName {
  return GROUP_RULES.find(({ matches }) => matches.test(component))?.name ?? 'allocator, CUDA, NCCL'
}

/** Memory as bars of one character per GiB (fewer when the scale is long), with the usable limit as a wall. */
export function memoryBars({ rows, usableBytes, ascii = false, columns = 44 }: BarOptions): readonly string[] {
  const totals = rows.map(({ components }) => components.reduce((sum, { bytes }) => sum + bytes, 0))
  const longest = Math.max(usableBytes ?? 0, ...totals)
  const unit = Math.max(GIB / 4, longest / columns)
  const wall = usableBytes === null ? null : Math.floor(usableBytes / unit)
  const width = Math.max(0, ...rows.map(({ label }) => label.length))
  const lines = rows.map(({ label, components }, index) => {
    const total = totals[index] ?? 0
    const groups = GROUPS.map(() => 0)
    for (const { name, bytes } of components) {
      const group = groupOf(name)
      const at = GROUPS.findIndex(own => own.name === group)
      groups[at] = (groups[at] ?? 0) + bytes
    }
    const cells = roundedParts(groups, unit)
    const bar = GROUPS.map((group, at) => (ascii ? group.ascii : group.glyph).repeat(cells[at] ?? 0)).join('')
    const wallGlyph = ascii ? '|' : '┃'
    const walled = wall === null ? bar : `${bar.slice(0, wall).padEnd(wall)}${wallGlyph}${bar.slice(wall)}`
    const share =
      usableBytes === null ? '' : `  ${percent(total / usableBytes)}${total > usableBytes ? '  out of memory' : ''}`
    return `${label.padEnd(width)}  ${gib(total).padStart(6)}   ${walled}${share}`.trimEnd()
  })
  const keys = GROUPS.map(group => `${ascii ? group.ascii : group.glyph} ${group.name}`)
  const legend = [keys.slice(0, LEGEND_BREAK), keys.slice(LEGEND_BREAK)].map(row => row.join('   '))
  const usable = usableBytes === null ? '' : `${gib(usableBytes)} usable`.padStart((wall ?? 0) + 1)
  const head = `${'GiB per GPU'.padEnd(width + 8)}   ${usable}`
  return [head.trimEnd(), ...lines, '', ...legend]
}
