import type { Accuracy, MemoryScores } from './memory.ts'

/** The memory part of docs/accuracy.md. */
export function memoryReport(scores: MemoryScores): string {
  const { outcomes } = scores
  return [
    '## Memory',
    '',
    `${scores.scored.length} readings of measured runs in \`bench/memory.jsonl\`. Each is compared with its own figure: allocated with allocated, reserved with reserved, device with device.`,
    'Error is predicted ÷ measured − 1; the median and the 90th percentile are of its absolute value, the bias is its median.',
    '',
    table('figure', scores.headline),
    '',
    `The interval is ± ${percent(scores.meanHalfWidth)} wide on average.`,
    '',
    '### Against published formulas, on the same rows',
    '',
    table('formula', scores.published, false),
    '',
    '### By group',
    '',
    table('group · figure', scores.groups),
    '',
    '### Interval by class of run',
    '',
    '| class | readings | inside | measured ÷ predicted, 5th to 95th percentile |',
    '|---|---:|---:|---:|',
    ...scores.classes.map(
      entry =>
        `| ${entry.name} | ${entry.readings} | ${percent(entry.inside)} | ${entry.low.toFixed(2)} to ${entry.high.toFixed(2)} |`,
    ),
    '',
    '### Does it fit?',
    '',
    `${outcomes.rows} runs whose outcome on a known GPU is recorded: ${outcomes.right} right, ${outcomes.tooClose} too close to call, ${outcomes.falseFits.length} said to fit that did not, ${outcomes.falseAlarms.length} said not to fit that did.`,
    ...(outcomes.falseFits.length > 0 ? ['', `Said to fit: ${outcomes.falseFits.join(', ')}.`] : []),
    ...(outcomes.falseAlarms.length > 0 ? ['', `Said not to fit: ${outcomes.falseAlarms.join(', ')}.`] : []),
    '',
  ].join('\n')
}

function table(title: string, rows: readonly Accuracy[], withInterval = true): string {
  return [
    `| ${title} | readings | median | 90th percentile | bias |${withInterval ? ' inside interval |' : ''}`,
    `|---|---:|---:|---:|---:|${withInterval ? '---:|' : ''}`,
    ...rows.map(
      row =>
        `| ${row.name} | ${row.readings} | ${percent(row.median)} | ${percent(row.p90)} | ${percent(row.bias)} |${withInterval ? ` ${percent(row.inside)} |` : ''}`,
    ),
  ].join('\n')
}

function percent(share: number): string {
  return Number.isNaN(share) ? '–' : `${(share * 100).toFixed(1)} %`
}
