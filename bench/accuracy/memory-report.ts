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
    '### Groups that nothing was chosen on',
    '',
    'Published runs that were tried after the formulas stood. No constant, default or interval is set by them; where they showed a term to be missing, it was added from the source of the library.',
    '',
    table('group · figure', scores.held),
    '',
    '### Where it is wrong, and why',
    '',
    ...KNOWN_RESIDUALS.map(line => `- ${line}`),
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

/** Errors whose cause is known from the source of the run but not in its plan, so that the model cannot follow it. */
const KNOWN_RESIDUALS = [
  '**liger-hf**, the Gemma rows: slope and intercept (0.58 MB per token, 17 GiB) are those of 16-bit shards, while the Llama and Qwen rows of the same script are float32 (Accelerate lifts what trains under mixed precision since 0.30, accelerator.py prepare_model). An older version would explain Gemma; its plan names none.',
  '**torchtune-readme**, 70B with offload: 13.9 GiB are of live tensors (15.0 estimated), while a figure of no stated kind is scored against what the card shows.',
  '**megatron-bridge**, fine-tuning 70B with 4 tensor-parallel ranks: its weights are stored in 8 bit (`fp8_param_gather`), which the plan cannot say, and the row that re-computes the MLP is read like one that re-computes attention.',
  '**ms-swift**: a Mistral row of 8,192 tokens lies where eager attention would; 4-bit rows of 2024-01 lie where float32 embeddings and head would.',
  '**litgpt**, 4-bit rows without checkpointing lie up to 14 % low where no Gemma vocabulary dominates; the 16-bit rows of the same configs are within 1 %.',
  '**torchtitan-fsdp2-pr**: the trainer of 2024-03 held `pred` while it ran backward, 1.95 GiB that its commit does not date; FSDP1 reserves more there than two gathered layers.',
  '**axolotl-gpt-oss**: with the weights over eight GPUs, and offloaded, the card shows 6 GiB more than is accounted for; over four GPUs 1 GiB.',
  '**torchao-float8**: the tutorial of 2025-06 and the B200 rows lie 10 to 20 % below the same config on H100 and MI300X; cuDNN attention, whose output selective checkpointing does not keep, explains a third of it.',
  '**peft-methods**: prefix tuning and adaption prompts, whose attention reads a cache or a second set of keys, are not laid out; full fine-tuning empties the cache every ten steps, so that its optimizer step finds blocks of a pass.',
]
