import { FITTED } from './fit-speed.ts'
import { loadSpeedRows, quantile } from './speed.ts'
import { ablate, scoreUnseen } from './unseen-speed.ts'

const percent = (value: number) => `${(100 * value).toFixed(1)} %`

/** Errors on sources that the fit has not seen; `ablation` adds what each fitted constant is worth (a minute). */
export function unseenReport(root: string, { ablation }: { readonly ablation: boolean }): string {
  const { rows } = loadSpeedRows(root)
  const families = scoreUnseen(rows)
  const medians = families.map(family => family.median)
  const lines = [
    '### Sources that the fit has not seen',
    '',
    'Every source is left out whole, all constants are refitted from neutral priors, and its runs are predicted: what a new stack or cluster should expect. `npm run bench:accuracy -- --unseen` renews it.',
    '',
    '| family left out | rows | median | p90 | bias of time |',
    '|---|---|---|---|---|',
    ...families.map(f => `| ${f.family} | ${f.rows} | ${percent(f.median)} | ${percent(f.p90)} | ${percent(f.bias)} |`),
    '',
    `Median of families ${percent(quantile(medians, 0.5))}, worst ${percent(Math.max(...medians))}; ${FITTED.length} fitted constants.`,
  ]
  if (ablation) {
    lines.push(
      '',
      'What each fitted constant is worth: it is held at its prior and the others are refitted. Own rows: those it moves; a constant that only one source knows cannot help an unseen one and is judged by them.',
      '',
      '| constant held at its prior | own rows | their median, fitted | held | pooled median | pooled p90 | unseen mean of medians |',
      '|---|---|---|---|---|---|---|',
    )
    for (const { name, unseen, pooled, own } of ablate(rows)) {
      const medians = [own.fitted, own.held, pooled.median, pooled.p90, unseen].map(percent)
      lines.push(`| ${name ?? 'none'} | ${own.rows} | ${medians.join(' | ')} |`)
    }
  }
  return `${lines.join('\n')}\n`
}
