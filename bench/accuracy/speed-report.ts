import type { Score, SpeedScores } from './speed.ts'

const percent = (value: number) => `${(100 * value).toFixed(1)} %`

const cell = (score: Score | undefined) => (score ? `${percent(score.median)} | ${percent(score.p90)}` : ' | ')

/** The score as a section of the accuracy page; `held` are rows that no constant was fitted on. */
export function speedReport(
  { slices, named, stated, utilisation, groups, intervals, wallClock }: SpeedScores,
  held: SpeedScores,
): string {
  return [
    '## Time of a step',
    '',
    'Error is |predicted ÷ measured − 1| of the step (of the run without start-up where only wall-clock is known). Median: over groups of the group medians; p90: rows weigh 1 ÷ rows of their group. The plans alone do not say all that their sources say. Release named: the same rows with the release of Megatron-Bridge, which is only in the name of the source’s table (a plan that says neither it nor whether its experts are fused is taken as without). As stated: also the schedule of validations inside the time (LitGPT), and a card of 500 W where the source has one (torchtitan). Beside it: 40 % of peak for every run, with 6 (adapters 4) FLOPs per parameter and token.',
    '',
    '| slice | rows | groups | plan alone: median | p90 | release named: median | p90 | as stated: median | p90 | 40 % of peak: median | p90 |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...Object.entries(slices).map(([name, s]) => {
      const cells = [s, named[name], stated[name], utilisation[name]].map(cell)
      return `| ${name} | ${s.rows} | ${s.groups} | ${cells.join(' | ')} |`
    }),
    '',
    '| group | rows | plan alone: median | as stated: median | p90 | bias of time |',
    '|---|---|---|---|---|---|',
    ...groups.map(g => {
      const figures = [g.alone, g.median, g.p90, g.bias].map(percent)
      return `| ${g.group} | ${g.rows} | ${figures.join(' | ')} |`
    }),
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
    ...HELD_REASONS,
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
  '- **megatron-bridge**, mixture of experts: 25.11 and 26.02 need about twice as long for Qwen3-30B as 25.09 and 26.02.01 for the same plans (24.8 and 12.5 s, 51.3 and 28.9 s). Since 26.06 the recipes fuse casts, activation and products of all experts in MXFP8 (`use_transformer_engine_op_fuser`, issue 2885) and run 1.2 to 1.6 times faster than 26.04. A plan that says neither is taken as without, the default of Megatron core, which is what the plans of 26.06 and later alone are wrong by; the report says so and names the key.',
  '- **megatron-bridge 26.06.01**, gpt-oss: a regression of its attention kernel that the source names (NVIDIA/cudnn-frontend issue 256); 26.06 and 26.08 are met within 11 %.',
  '- **megatron-bridge 26.04.01**, DeepSeek-V3 with experts over four nodes of B200: estimated half again too slow: its recipe has the dispatcher that sends a token once to each node (`expert_dispatcher: flex`), which the plan does not say.',
  '- **nemo-25.0x**: the first software for Blackwell; Mixtral with experts of two tensor ranks is estimated a quarter too fast.',
  '- **torchao**: 8B with one sample of 4,096 tokens per GPU. A step takes 0.2 s whatever its tokens; collectives, copies, what products lose to them and the optimizer explain 0.17 s. torchtitan’s own tables from the same cards, with more tokens, are met within 16 %, but for ring attention over four and eight GPUs, estimated 26 and 30 % too fast where one and two are within 3 %.',
  '- **deepspeed-a800**: the unit of the source is inferred. A800 and A100 reach the same rate in products (torch-performance-test-data), these runs 0.83 of what other sources reach on A100.',
  '- **mlperf-v4.0-deepspeed**: the same submitter takes 12.5 s per step on 8 and 9.9 s on 32 H100 with the same work per GPU.',
  '- **megatron-paper-2021**, ZeRO-3 on 1,120 and 2,240 GPUs: 180 s whatever the batch; its collectives ran one after the other.',
  '- **megatron-paper-2022**, **vtrain-multi**: GPT of 175B and more runs 15 to 25 % faster per FLOP than the small ones of the same tables; bigscience, the same code and sizes on a cluster with blocking launches, 10 % slower. vTrain’s tensor parallelism over two nodes is a third slower: its nodes have half the links that the estimate takes for granted.',
  '- **litgpt-hub-a10g**: the 4-bit Llama 3.2 lies 35 % low, the other 19 runs within 28 %. In long runs the card’s products reach 0.42 of their datasheet rate, in short ones 0.99 (torch-performance-test-data issue 126).',
  '- **qwen1-readme**, full fine-tuning of the 1.8B: 2.1 to 2.3 s for every length from 256 to 2,048 tokens.',
  '- **mlperf-v5.0**: one submission on 512 H200 needs 0.79 s where another has 0.57 s for the same plan.',
] as const

/** What holds the groups that were never fitted on, by what their sources say. */
const HELD_REASONS = [
  '- **dgxc-benchmarking**: all eight runs that fine-tune 8B on packs of 4,096 tokens are 18 to 22 % faster than estimated, in 16 and 8 bit, with and without adapters alike, as if the packs held five sixths of the stated tokens; those of 70B, whose pipeline needs full packs, lie between −13 and +12 %. Grok-1 on H100 (release 24.09) is estimated 12 to 14 % too fast in BF16 and 18 to 25 % in FP8, on GB200 (2025) it is met within 9 %. The layout of every run is the one of its table; targets of LoRA are those of the recipe’s performance mode.',
  '- **torchao-mi300x-b200**: 8B with one sample of 8,192 tokens per GPU. B200 in 16 bit needs 0.99 s where the same terms that meet torchtitan’s own table of GB200 within 6 % (torchtitan-blackwell) come to 0.55 s. The source gives neither power limit nor release; nothing known explains it, and nothing was changed for it.',
  '- **torchtitan-a100**: all eight are 8 to 19 % faster than estimated, on two generations of models: torchtitan’s stack reaches more of a card’s products than the mean of PyTorch trainers that the estimate takes.',
] as const
