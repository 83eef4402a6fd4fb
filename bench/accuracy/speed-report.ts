import type { SpeedScores } from './speed.ts'

const percent = (value: number) => `${(100 * value).toFixed(1)} %`

/** The score as markdown tables. */
export function speedReport({ slices, groups, intervals }: SpeedScores): string {
  return [
    '| slice | rows | groups | median of groups | p90 |',
    '|---|---|---|---|---|',
    ...Object.entries(slices).map(
      ([name, s]) => `| ${name} | ${s.rows} | ${s.groups} | ${percent(s.median)} | ${percent(s.p90)} |`,
    ),
    '',
    '| group | rows | median | p90 | bias of time |',
    '|---|---|---|---|---|',
    ...groups.map(g => `| ${g.group} | ${g.rows} | ${percent(g.median)} | ${percent(g.p90)} | ${percent(g.bias)} |`),
    '',
    '| class | rows | inside its interval |',
    '|---|---|---|',
    ...intervals.map(i => `| ${i.name} | ${i.rows} | ${percent(i.inside)} |`),
  ].join('\n')
}
