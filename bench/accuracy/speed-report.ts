import type { SpeedScores } from './speed.ts'

const percent = (value: number) => `${(100 * value).toFixed(1)} %`

/** The score as a section of the accuracy page; `held` are rows that no constant was fitted on. */
export function speedReport(
  { slices, utilisation, groups, intervals, wallClock }: SpeedScores,
  held: SpeedScores,
): string {
  return [
    '## Time of a step',
    '',
    'Error is |predicted ÷ measured − 1| of the step (of the run without start-up where only wall-clock is known). Median: over groups of the group medians; p90: rows weigh 1 ÷ rows of their group. Beside it: 40 % of peak for every run, with 6 (adapters 4) FLOPs per parameter and token.',
    '',
    '| slice | rows | groups | median | p90 | 40 % of peak: median | p90 |',
    '|---|---|---|---|---|---|---|',
    ...Object.entries(slices).map(([name, s]) => {
      const simple = utilisation[name]
      const beside = simple ? `${percent(simple.median)} | ${percent(simple.p90)}` : ' | '
      return `| ${name} | ${s.rows} | ${s.groups} | ${percent(s.median)} | ${percent(s.p90)} | ${beside} |`
    }),
    '',
    '| group | rows | median | p90 | bias of time |',
    '|---|---|---|---|---|',
    ...groups.map(g => `| ${g.group} | ${g.rows} | ${percent(g.median)} | ${percent(g.p90)} | ${percent(g.bias)} |`),
    '',
    '### Groups that nothing was fitted on',
    '',
    'Published runs that were tried after the constants stood. They are scored only.',
    '',
    '| group | rows | median | p90 | bias of time |',
    '|---|---|---|---|---|',
    ...held.groups.map(
      g => `| ${g.group} | ${g.rows} | ${percent(g.median)} | ${percent(g.p90)} | ${percent(g.bias)} |`,
    ),
    '',
    '### Intervals and whole runs',
    '',
    '| class | rows | inside its interval |',
    '|---|---|---|',
    ...intervals.map(i => `| ${i.name} | ${i.rows} | ${percent(i.inside)} |`),
    '',
    'Wall-clock with everything a run does. MLPerf: logged start-up and evaluation, a typical number of steps. PEFT: the longest answer of a batch is not stated and taken as 400 tokens.',
    '',
    '| source | rows | median | p90 | bias of time |',
    '|---|---|---|---|---|',
    ...wallClock.map(w => `| ${w.name} | ${w.rows} | ${percent(w.median)} | ${percent(w.p90)} | ${percent(w.bias)} |`),
    '',
  ].join('\n')
}
