interface MarkdownTable {
  /** Header texts; a `>` in front aligns the column right, `^` centres it. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

const ALIGNMENTS: ReadonlyMap<string, string> = new Map([
  ['>', '--:'],
  ['^', ':-:'],
])

/** A GitHub table whose cells cannot break out of it. */
export function markdownTable({ columns, rows }: MarkdownTable): string {
  const heads = columns.map(column => (ALIGNMENTS.has(column.charAt(0)) ? column.slice(1) : column))
  const rule = columns.map(column => ALIGNMENTS.get(column.charAt(0)) ?? ':--')
  return [line(heads), `|${rule.join('|')}|`, ...rows.map(line)].join('\n')
}

function line(cells: readonly string[]): string {
  return `|${cells.map(cell => (cell === '' ? ' ' : ` ${escapePipes(cell)} `)).join('|')}|`
}

/** A bar ends a cell even in a code span; backslashes before it would cancel the escape. */
function escapePipes(cell: string): string {
  return cell.replaceAll(/\\*\|/g, '\\|')
}
