import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle, importTypeScript, PACKED } from '../../scripts/bundle.mjs'

/** npm run bench:speed: whole processes against a bare `node -e 0` of the same run, parts inside one, and bytes by package. */
const folder = await mkdtemp(join(tmpdir(), 'preflop-speed-'))
const run = args => {
  const result = spawnSync(process.execPath, ['--import', PEAK, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  if (result.status !== 0) throw new Error(`node ${args.join(' ')} exited with ${result.status}: ${result.stderr}`)
  return Number(/PEAK (\d+)/.exec(String(result.stderr))?.[1])
}
const PEAK =
  "data:text/javascript,process.on('exit',()=>process.stderr.write('PEAK '+process.resourceUsage().maxRSS+' '))"

function median(args, runs) {
  const times = []
  let peak = 0
  for (let time = 0; time <= runs; time += 1) {
    const started = performance.now()
    peak = Math.max(peak, run(args))
    if (time > 0 || runs === 0) times.push(performance.now() - started)
  }
  return { milliseconds: times.sort((a, b) => a - b)[Math.floor(times.length / 2)], megabytes: (peak * 1024) / 1e6 }
}

const root = new URL('../..', import.meta.url)
spawnSync(process.execPath, [new URL('scripts/build.mjs', root).pathname, folder])
const cli = join(folder, 'cli.js')
for (const [name, count] of [
  ['one', 1],
  ['thousand', 1000],
  ['ten-thousand', 10_000],
])
  await writePlans(join(folder, name), count)

async function writePlans(target, count) {
  await mkdir(target)
  for (let index = 0; index < count; index += 1)
    await writeFile(
      join(target, `${index}.yml`),
      `preflop: 1\nname: run-${index}\nmodel: Qwen/Qwen2.5-7B\nmicro_batch_size: ${1 + (index % 8)}\nhardware: { gpu: a100-sxm-80gb }\ndataset: { max_steps: 100 }\n`,
    )
}

const { milliseconds: bare } = median(['-e', '0'], 5)
const rows = [
  ['--version', median([cli, '--version'], 5), '≤ 1.3 ×'],
  ['estimate, one file', median([cli, 'estimate', join(folder, 'one'), '--offline'], 5), '≤ 1.8 ×'],
  ['estimate, 1,000 files', median([cli, 'estimate', join(folder, 'thousand'), '--offline'], 1), ''],
  [
    'estimate, 10,000 files',
    median([cli, 'estimate', join(folder, 'ten-thousand'), '--offline'], 0),
    '≤ 6,000 ms, 250 MB',
  ],
]
const { timeAction } = await importTypeScript('bench/speed/action.ts')
rows.push(['Action, three configs', { milliseconds: await timeAction(join(folder, 'index.js'), 5) }, ''])
console.log(`node ${process.version}, bare ${bare.toFixed(0)} ms\n`)
for (const [name, { milliseconds, megabytes }, target] of rows)
  console.log(
    `${name.padEnd(24)} ${milliseconds.toFixed(0).padStart(7)} ms ${(milliseconds / bare).toFixed(2).padStart(8)} × ${megabytes ? `${megabytes.toFixed(0).padStart(6)} MB` : '         '}   ${target}`,
  )
const { timeCore } = await importTypeScript('bench/speed/core.ts')
const core = await timeCore()
console.log(`\nmemory and time of a plan ${core.coreMicroseconds.toFixed(0).padStart(6)} µs   ≤ 60 µs`)
console.log(`text to report, one file  ${core.runMicroseconds.toFixed(0).padStart(6)} µs`)
console.log(`comment of twenty runs    ${core.commentMicroseconds.toFixed(0).padStart(6)} µs`)

for (const [name, entry, target] of [
  ['dist/commands.js', 'src/commands/run-cli.ts', 700],
  ['dist/index.js', 'src/action.ts', 1500],
]) {
  const { metafile } = await bundle(entry, join(folder, 'measured.js'), PACKED)
  const [{ bytes, inputs }] = Object.values(metafile.outputs)
  console.log(`\n${name} ${(bytes / 1000).toFixed(0)} kB   ≤ ${target} kB`)
  const parts = {}
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const part = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path.split('/').slice(0, 2).join('/')
    parts[part] = (parts[part] ?? 0) + bytesInOutput
  }
  for (const [part, size] of Object.entries(parts)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 16))
    console.log(`  ${part.padEnd(36)} ${(size / 1000).toFixed(0).padStart(5)} kB`)
}
await rm(folder, { recursive: true, force: true })
