import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Times whole processes against a bare `node -e 0` of the same run; medians of five. */
const cli = new URL('../../dist/cli.js', import.meta.url).pathname
const folder = await mkdtemp(join(tmpdir(), 'preflop-speed-'))
const plan = index =>
  `preflop: 1\nname: run-${index}\nmodel: Qwen/Qwen2.5-7B\nmicro_batch_size: ${1 + (index % 8)}\nhardware: { gpu: a100-sxm-80gb }\ndataset: { max_steps: 100 }\n`
const COUNT = 1000
for (let index = 0; index < COUNT; index += 1) await writeFile(join(folder, `plan-${index}.yml`), plan(index))

function median(args, runs) {
  const times = []
  for (let run = 0; run <= runs; run += 1) {
    const started = performance.now()
    const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) throw new Error(`node ${args.join(' ')} exited with ${status}`)
    if (run > 0) times.push(performance.now() - started)
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]
}

const bare = median(['-e', '0'], 5)
const rows = [
  ['node -e 0', bare],
  ['--version', median([cli, '--version'], 5)],
  ['estimate, one file', median([cli, 'estimate', join(folder, 'plan-0.yml'), '--offline'], 5)],
  [`estimate, ${COUNT} files`, median([cli, 'estimate', folder, '--format', 'json', '--offline'], 3)],
]
for (const [name, time] of rows)
  console.log(`${name.padEnd(24)} ${time.toFixed(0).padStart(6)} ms   ${(time / bare).toFixed(2)} × bare node`)
for (const file of ['cli.js', 'commands.js', 'index.js'])
  console.log(
    `dist/${file.padEnd(19)} ${((await stat(new URL(`../../dist/${file}`, import.meta.url))).size / 1000).toFixed(0).padStart(6)} kB`,
  )
await rm(folder, { recursive: true, force: true })
