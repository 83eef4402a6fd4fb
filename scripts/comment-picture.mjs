import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { marked } from 'marked'

/**
 * node scripts/comment-picture.mjs: docs/images/comment-{light,dark}.png, drawn from the golden of a failing pull request by the Chromium
 * that CHROMIUM names (else `chromium`). Renew the goldens first (`UPDATE_GOLDENS=1 npm test -- __tests__/report`), and look at both pictures.
 */
const WIDTH = 1000
const COLOURS = {
  light: {
    page: '#ffffff',
    text: '#1f2328',
    muted: '#59636e',
    line: '#d1d9e0',
    soft: '#f6f8fa',
    code: '#818b981f',
    link: '#0969da',
    caution: '#d1242f',
    added: '#dafbe1',
  },
  dark: {
    page: '#0d1117',
    text: '#f0f6fc',
    muted: '#9198a1',
    line: '#3d444d',
    soft: '#151b23',
    code: '#656c7633',
    link: '#4493f8',
    caution: '#f85149',
    added: '#2ea04326',
  },
}

const comment = await readFile(new URL('../__tests__/report/goldens/failing.md', import.meta.url), 'utf8')

const folder = await mkdtemp(join(tmpdir(), 'preflop-picture-'))
for (const [theme, colours] of Object.entries(COLOURS)) {
  const page = join(folder, `${theme}.html`)
  await writeFile(page, html(colours))
  const height = Number(
    /data-height="(\d+)"/.exec(chromium('--dump-dom', `--window-size=${WIDTH},100`, page).stdout)?.[1],
  )
  const picture = fileURLToPath(new URL(`../docs/images/comment-${theme}.png`, import.meta.url))
  chromium(`--screenshot=${picture}`, `--window-size=${WIDTH},${height}`, page)
  console.log(`${picture}: ${WIDTH} × ${height}`)
}
await rm(folder, { recursive: true, force: true })

function chromium(...args) {
  const page = pathToFileURL(args.pop()).href
  const flags = ['--headless', '--no-sandbox', '--hide-scrollbars', '--force-device-scale-factor=1']
  const ran = spawnSync(process.env['CHROMIUM'] || 'chromium', [...flags, ...args, page], { encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(`chromium failed: ${ran.error ?? ran.stderr}`)
  return ran
}

/** GitHub's look as far as a picture needs it: alerts, tables, code, folds. */
function html(colours) {
  const body = marked
    .parse(comment)
    .replaceAll(
      /<blockquote>\s*<p>\[!(\w)(\w+)\]\s*/g,
      (_, first, rest) => `<blockquote><p class="kind">${first}${rest.toLowerCase()}</p><p>`,
    )
    .replaceAll(
      /<code class="language-diff">([\s\S]*?)<\/code>/g,
      (_, text) => `<code>${text.replaceAll(/^\+.*$/gm, line => `<span class="added">${line}</span>`)}</code>`,
    )
    .replaceAll(/(<blockquote>[\s\S]*?<\/blockquote>)/g, block =>
      block.replaceAll('\n', '<br>').replaceAll(/(<\/?(?:p|blockquote)[^>]*>)<br>/g, '$1'),
    )
  return `<!doctype html><meta charset="utf-8"><style>
    body { margin: 16px; background: ${colours.page}; color: ${colours.text}; font: 15px/1.5 "Liberation Sans", "Noto Sans", "DejaVu Sans", sans-serif }
    article { border: 1px solid ${colours.line}; border-radius: 6px }
    header { padding: 8px 20px; background: ${colours.soft}; border-bottom: 1px solid ${colours.line}; color: ${colours.muted}; border-radius: 6px 6px 0 0 }
    main { padding: 20px } main > :first-child { margin-top: 0 } main > :last-child { margin-bottom: 0 }
    h3 { font-size: 19px } h4 { font-size: 15px } p, ul, pre, table, details { margin: 0 0 16px }
    code { font-family: "DejaVu Sans Mono", monospace; font-size: 85%; background: ${colours.code}; padding: .2em .4em; border-radius: 6px }
    pre { background: ${colours.soft}; padding: 16px; border-radius: 6px; overflow: hidden } pre code { background: none; padding: 0 }
    table { border-collapse: collapse } td, th { border: 1px solid ${colours.line}; padding: 6px 13px } tr:nth-child(2n) td { background: ${colours.soft} }
    a { color: ${colours.link}; text-decoration: none } sub { font-size: 12px }
    blockquote { margin: 0 0 16px; padding: 0 16px; border-left: 4px solid ${colours.caution} } blockquote p { margin: 0 0 8px } .kind { color: ${colours.caution}; font-weight: 500 }
    .added { background: ${colours.added}; display: inline-block; width: 100% }
    </style><body><article><header><b>github-actions</b> bot commented now</header><main>${body}</main></article>
    <script>document.body.dataset.height = document.documentElement.getBoundingClientRect().height + 32 | 0</script></body>`
}
