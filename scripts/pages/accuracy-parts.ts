import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Accuracy, estimateRow, scoreMemory } from '../../bench/accuracy/memory.ts'
import { readMemoryRows } from '../../bench/accuracy/memory-rows.ts'
import { type Score, scoreHeldSpeed, scoreSpeed } from '../../bench/accuracy/speed.ts'
import { GIB } from '../../src/plan/units.ts'

/** Of the headline; the rest stands in docs/accuracy.md. */
const SHOWN = new Set([
  'allocated, high confidence',
  'reserved, high confidence',
  'device, high confidence',
  'everything, high and medium',
])

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

/** How far estimates are from measured runs, beside what simpler formulas say of the same runs. */
export function accuracySummary(root: string): string {
  const memory = scoreMemory(root)
  const { slices, stated, utilisation } = scoreSpeed(root)
  const simple = new Map(memory.published.map(entry => [entry.name, entry.median]))
  const best = Math.min(...memory.published.map(({ median }) => median))
  const figureOfMemory = (kind: string, { name, readings, median, p90 }: Accuracy) =>
    `| ${kind}: ${name} | ${readings} | ${percent(median)} | ${percent(p90)} |`
  const figures = memory.headline.filter(({ name }) => SHOWN.has(name)).map(entry => figureOfMemory('memory', entry))
  const held = memory.heldByFigure.map(entry => figureOfMemory('memory, nothing chosen on it', entry))
  const heldTime = scoreHeldSpeed(root).slices['all']
  const figureOf = (name: string, score: Score | undefined) =>
    score === undefined
      ? []
      : [`| time of a step: ${name} | ${score.rows} | ${percent(score.median)} | ${percent(score.p90)} |`]
  const times = [
    ...['all', 'adapters', 'single node'].flatMap(name => figureOf(name, slices[name])),
    ...figureOf(
      'all, with the release, power limit and validations that a source states beside its config',
      stated['all'],
    ),
  ]
  const { outcomes } = memory
  return [
    '| measured runs | readings | median error | 90th percentile |',
    '|---|---:|---:|---:|',
    ...figures,
    ...held,
    ...times,
    ...(heldTime === undefined
      ? []
      : [
          `| time of a step, nothing fitted on it: ${heldTime.groups} sources | ${heldTime.rows} | ${percent(heldTime.median)} | ${percent(heldTime.p90)} |`,
        ]),
    '',
    `On the same runs the rule of thumb is off by ${percent(simple.get('rule of thumb') ?? Number.NaN)} (median), the best of three published formulas by ${percent(best)}, and 40 % of the`,
    `peak for every run by ${percent(utilisation['all']?.median ?? Number.NaN)} of the step. Does it fit? Of ${outcomes.rows} runs with a known outcome ${outcomes.right} are right, ${outcomes.tooClose} too close to call,`,
    `${outcomes.falseFits.length} said to fit that ran out of memory, ${outcomes.falseAlarms.length} the other way.`,
  ].join('\n')
}

/** Measured against estimated for some rows of bench/memory.jsonl, each with what it shows. */
export function evidenceTable(root: string, rows: Readonly<Record<string, string>>): string {
  const all = new Map(readMemoryRows(readFileSync(join(root, 'bench/memory.jsonl'), 'utf8')).map(row => [row.id, row]))
  const lines = Object.entries(rows).map(([id, shows]) => {
    const row = all.get(id)
    const reading = row?.readings[0]
    if (row === undefined || reading === undefined) throw new Error(`bench/memory.jsonl has no reading of ${id}`)
    const { allocatedBytes, reservedBytes, deviceBytes } = estimateRow(row)
    const bytes = { allocated: allocatedBytes, reserved: reservedBytes, device: deviceBytes, unspecified: deviceBytes }
    const estimate = `${(bytes[reading.metric] / GIB).toFixed(1)} GiB`
    return `| \`${id}\` | ${shows} | ${reading.gib.toFixed(1)} GiB ${reading.metric} | ${estimate} |`
  })
  return ['| row | run | measured | estimated |', '|---|---|---:|---:|', ...lines].join('\n')
}

/** Rows of bench/memory.jsonl that docs/the-article.md leans on. */
export const ARTICLE_ROWS: Readonly<Record<string, string>> = {
  'litgpt-rt-lora-stablelm-bf16-mb1-1gpu': 'StableLM 3B, LoRA, pure bfloat16',
  'litgpt-lora-stablelm-bf16mixed-mb1': 'the same run with float32 weights under autocast',
  'litgpt-rt-lora-llama2-7b-bf16-mb1-1gpu': 'Llama 2 7B, LoRA, one sequence of 1,304 tokens, nothing re-computed',
  'litgpt-rt-lora-llama2-7b-bf16-mb2-1gpu': 'the same with two sequences',
  'hf-bertlarge-fp16': 'BERT large in full, four sequences of 512, nothing re-computed',
  'hf-bertlarge-fp16-ga4-gc': 'the same batch as four micro-steps with re-computation',
  'torchtune-ladder-3.2-3b-actoffload': 'Llama 3.2 3B in full, AdamW in 16 bit',
  'torchtune-ladder-3.2-3b-adamw8bit': 'the same with 8-bit AdamW',
}
