import { FITTED } from './fit-speed.ts'
import { quantile } from './speed.ts'
import { readSpeedRows } from './speed-rows.ts'
import { ablate, scoreUnseen } from './unseen-speed.ts'

const percent = (value: number) => `${(100 * value).toFixed(1)} %`
const rows = readSpeedRows(new URL('../speed.jsonl', import.meta.url)).filter(row => row.confidence !== 'low')
const families = scoreUnseen(rows)
console.log(
  [
    '| family left out | rows | median | p90 | bias of time |',
    '|---|---|---|---|---|',
    ...families.map(f => `| ${f.family} | ${f.rows} | ${percent(f.median)} | ${percent(f.p90)} | ${percent(f.bias)} |`),
    '',
    `median of families ${percent(
      quantile(
        families.map(f => f.median),
        0.5,
      ),
    )}, worst ${percent(Math.max(...families.map(f => f.median)))}; ${FITTED.length} fitted constants`,
  ].join('\n'),
)
if (process.argv.includes('--ablate')) {
  console.log('\n| constant held at its prior | pooled median | pooled p90 | unseen median |\n|---|---|---|---|')
  for (const { name, unseen, pooled } of ablate(rows)) {
    console.log(`| ${name} | ${percent(pooled.median)} | ${percent(pooled.p90)} | ${percent(unseen)} |`)
  }
}
