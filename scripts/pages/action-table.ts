import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

interface Described {
  readonly description: string
}

/** Inputs or outputs of action.yml as a Markdown table. */
export function actionTable(root: string, part: 'inputs' | 'outputs'): string {
  const {
    [part]: entries,
  }: Record<string, Readonly<Record<string, Described>>> = parse(readFileSync(join(root, 'action.yml'), 'utf8'))
  const rows = Object.entries(entries ?? {}).map(
    ([name, { description }]) => `| \`${name}\` | ${description.replaceAll('|', '\\|')} |`,
  )
  return [`| ${part.slice(0, -1)} | |`, '|---|---|', ...rows].join('\n')
}
