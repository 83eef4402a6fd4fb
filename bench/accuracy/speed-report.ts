import type { Score, SpeedScores } from './speed.ts'

const percent = (value: number) => `${(100 * value).toFixed(1)} %`

const cell = (score: Score | undefined) => (score ? `${percent(score.median)} | ${percent(score.p90)}` : ' | ')

/** The score as a section of the accuracy page; `held` are rows that no constant was fitted on. */
export function speedReport(
  { slices, released, utilisation, groups, intervals, wallClock }: SpeedScores,
  held: SpeedScores,
): string {
  return [
    '## Time of a step',
    '',
    'Error is |predicted ÷ measured − 1| of the step (of the run without start-up where only wall-clock is known). Median: over groups of the group medians; p90: rows weigh 1 ÷ rows of their group. Release named: the same with the release of Megatron-Bridge in the plan where the source states it. Beside it: 40 % of peak for every run, with 6 (adapters 4) FLOPs per parameter and token.',
    '',
    '| slice | rows | groups | median | p90 | release named: median | p90 | 40 % of peak: median | p90 |',
    '|---|---|---|---|---|---|---|---|---|',
    ...Object.entries(slices).map(([name, s]) => {
      const cells = [s, released[name], utilisation[name]].map(cell)
      return `| ${name} | ${s.rows} | ${s.groups} | ${cells.join(' | ')} |`
    }),
    '',
    '| group | rows | median | p90 | bias of time |',
    '|---|---|---|---|---|',
    ...groups.map(g => `| ${g.group} | ${g.rows} | ${percent(g.median)} | ${percent(g.p90)} | ${percent(g.bias)} |`),
    '',
    ...REASONS,
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

/** What holds the groups that make the 90th percentile, by what their sources say. */
const REASONS = [
  '#### Where it is wrong, and why',
  '',
  '- **megatron-bridge 26.06 and later**, mixture of experts in MXFP8: the release fused casts, activation and products of all experts (issue 2885). Plans do not name it, so the estimate lies between the generations: too slow for these groups, too fast for 26.02. With the release named they are as good as the others.',
  '- **megatron-bridge 25.11**, Qwen3-30B: 24.8 and 28.2 s where 25.09 reports 12.5 and 14.5 s for the same plans.',
  '- **torchao**: nine of eleven rows ran on H100 cards with 500 W and 2.4 TB/s (its notes), which the plan cannot name; they are left out of the fit. torchtitan’s own tables from such cards (8B and 70B, 8,192 tokens, 8 to 256 GPUs) are met within 15 %, those of an H200 at full power are 20 % faster than estimated.',
  '- **mlperf-v4.0-deepspeed**: the same submitter takes 12.5 s per step on 8 and 9.9 s on 32 H100 with the same work per GPU.',
  '- **megatron-paper-2021**, ZeRO-3 on 1,120 and 2,240 GPUs: a third to a half of the speed that its traffic allows.',
  '- **megatron-paper-2022**, **vtrain-multi**: GPT of 175B and more runs 15 to 25 % faster per FLOP than the small ones of the same tables; bigscience, the same code and sizes on a cluster with blocking launches, 10 % slower.',
  '- **litgpt-hub-a10g**: the Gemma rows, TinyLlama and the 4-bit Llama 3.2 row lie 25 to 49 % low, Falcon and full fine-tuning of the same Llama 26 and 23 % high, the other 13 within 18 %: 100-token micro-batches on a card that does not hold its clock.',
  '- **mlperf-v5.0**: one submission on 512 H200 needs 0.79 s where another has 0.57 s for the same plan.',
] as const
