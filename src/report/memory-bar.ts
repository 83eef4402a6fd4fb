import { GIB } from '../plan/units.ts'
import { gib, percent, roundedParts } from './figures.ts'

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

const GROUPS = [
  {
    name: 'weights, gradients, optimizer',
    glyph: '█',
    ascii: '#',
    matches: /weight|gradient|optimizer|adapter|parameter|state|master/i,
  },
  { name: 'activations', glyph: '▓', ascii: '+', matches: /activation|checkpoint|recompute|hidden|saved|layer/i },
  { name: 'logits and loss', glyph: '▒', ascii: '=', matches: /logit|loss|entropy|head/i },
  {
    name: 'buffers',
    glyph: '░',
    ascii: '-',
    matches: /buffer|gather|bucket|shard|dequant|temporar|workspace|communication/i,
  },
  { name: 'allocator, CUDA, NCCL', glyph: '·', ascii: '.', matches: /./ },
] as const

/** Memory as bars of one character per GiB (fewer when the scale is long), with the usable limit as a wall. */
export function memoryBars({ rows, usableBytes, ascii = false, columns = 60 }: BarOptions): readonly string[] {
  const totals = rows.map(({ components }) => components.reduce((sum, { bytes }) => sum + bytes, 0))
  const longest = Math.max(usableBytes ?? 0, ...totals)
  const unit = Math.max(GIB / 4, longest / columns)
  const wall = usableBytes === null ? null : Math.floor(usableBytes / unit)
  const width = Math.max(0, ...rows.map(({ label }) => label.length))
  const lines = rows.map(({ label, components }, index) => {
    const total = totals[index] ?? 0
    const groups = GROUPS.map(() => 0)
    for (const { name, bytes } of components) {
      const at = GROUPS.findIndex(({ matches }) => matches.test(name))
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
  const legend = GROUPS.map(group => `${ascii ? group.ascii : group.glyph} ${group.name}`).join('   ')
  const head = `${'GiB per GPU'.padEnd(width + 8)}   ${usableBytes === null ? '' : `${' '.repeat(Math.max(0, (wall ?? 0) - 12))}${gib(usableBytes)} usable`}`
  return [head.trimEnd(), ...lines, '', legend]
}
