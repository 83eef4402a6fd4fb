import type { ComparedFigure, ComparedRun } from './compare-run.ts'

const WIDTH = 640
const HEIGHT = 420
const LEFT = 70
const BOTTOM = 60
const PLOT = { width: WIDTH - LEFT - 20, height: HEIGHT - BOTTOM - 30 }

interface Point {
  readonly label: string
  readonly measured: number
  readonly before: number
  readonly after: number
}

/**
 * An SVG of measured against predicted step times on logarithmic axes: hollow as estimated, filled once calibrated; on the
 * line they agree, in the band within ten percent.
 */
export function drawComparison(runs: readonly ComparedRun[], factorOf: (run: ComparedRun) => number): string {
  const points = runs.flatMap(run => {
    const step = run.figures.find(({ what }: ComparedFigure) => what === 'step')
    if (!step) return []
    return [{ label: run.path, measured: step.measured, before: step.estimated, after: step.estimated * factorOf(run) }]
  })
  const values = points.flatMap(({ measured, before, after }) => [measured, before, after])
  const ticks = ticksAround(Math.min(...values) / 1.15, Math.max(...values) * 1.15)
  const least = ticks[0] ?? 1
  const most = ticks.at(-1) ?? 10
  const at = (value: number): number => Math.log(value / least) / Math.log(most / least)
  const x = (value: number): string => (LEFT + at(value) * PLOT.width).toFixed(1)
  const y = (value: number): string => (HEIGHT - BOTTOM - at(value) * PLOT.height).toFixed(1)
  const band = [
    [least, least * 1.1],
    [most / 1.1, most],
    [most, most / 1.1],
    [least * 1.1, least],
  ].map(([measured = 0, predicted = 0]) => `${x(measured)},${y(predicted)}`)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>Measured against predicted step time</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<polygon points="${band.join(' ')}" fill="#0969da" fill-opacity="0.12"/>`,
    `<line x1="${x(least)}" y1="${y(least)}" x2="${x(most)}" y2="${y(most)}" stroke="#0969da"/>`,
    ...ticks.flatMap(value => [
      `<line x1="${x(value)}" y1="${y(least)}" x2="${x(value)}" y2="${y(most)}" stroke="#d0d7de" stroke-width="0.5"/>`,
      `<line x1="${x(least)}" y1="${y(value)}" x2="${x(most)}" y2="${y(value)}" stroke="#d0d7de" stroke-width="0.5"/>`,
      `<text x="${x(value)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#57606a">${value} s</text>`,
      `<text x="${LEFT - 8}" y="${y(value)}" text-anchor="end" dominant-baseline="middle" fill="#57606a">${value} s</text>`,
    ]),
    ...points.flatMap(point => pointMarks(point, x, y)),
    `<text x="${LEFT + PLOT.width / 2}" y="${HEIGHT - 16}" text-anchor="middle">measured seconds of a step</text>`,
    `<text x="16" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 ${HEIGHT / 2})">predicted</text>`,
    `<text x="${LEFT + 10}" y="24">○ as estimated   ● calibrated   band: within 10 %</text>`,
    '</svg>',
  ].join('\n')}\n`
}

function pointMarks(
  { label, measured, before, after }: Point,
  x: (value: number) => string,
  y: (value: number) => string,
): readonly string[] {
  const at = x(measured)
  return [
    `<line x1="${at}" y1="${y(before)}" x2="${at}" y2="${y(after)}" stroke="#57606a" stroke-dasharray="3 3"/>`,
    `<circle cx="${at}" cy="${y(before)}" r="5" fill="none" stroke="#57606a"/>`,
    `<circle cx="${at}" cy="${y(after)}" r="5" fill="#0969da"><title>${escapeXml(label)}</title></circle>`,
  ]
}

/** 1, 2, 5, 10 … from the last at or below `least` to the first at or above `most`. */
function ticksAround(least: number, most: number): readonly number[] {
  const first = Math.floor(Math.log10(least))
  const decades = Array.from({ length: Math.ceil(Math.log10(most)) - first + 1 }, (_, index) => first + index)
  const all = decades.flatMap(decade => [1, 2, 5].map(step => Number((step * 10 ** decade).toPrecision(3))))
  const from = all.findLastIndex(tick => tick <= least)
  const to = all.findIndex(tick => tick >= most)
  return all.slice(Math.max(0, from), to < 0 ? all.length : to + 1)
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
