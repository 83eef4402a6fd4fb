import { readdir } from 'node:fs/promises'
import { importTypeScript } from '../../scripts/bundle.mjs'

/**
 * npm run test:corpus -- DIR [--list]: a folder of real configs, one folder per framework. Prints what was understood and
 * exits 1 when a limit is broken: recognised as their own at least 99.5 %, none mistaken, no crash, no unknown without a
 * reason, memory and time for at least 97 % of what is resolvable.
 */
const LIMITS = { own: 0.995, memory: 0.97, time: 0.97, seconds: 5 }
const root = process.argv[2]
if (!root || root.startsWith('--')) {
  console.log('No corpus folder given; nothing was read. Usage: npm run test:corpus -- DIR')
} else {
  const { readFolder } = await importTypeScript('bench/corpus/corpus.ts')
  const folders = (await readdir(root, { withFileTypes: true }))
    .filter(item => item.isDirectory())
    .map(item => item.name)
  const started = performance.now()
  const rows = await Promise.all(folders.sort().map(folder => readFolder(root, folder)))
  const seconds = (performance.now() - started) / 1000
  const sum = key => rows.reduce((total, row) => total + row[key], 0)
  const share = (part, whole) => (whole === 0 ? 1 : part / whole)
  const show = formats =>
    Object.entries(formats)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  console.log('| folder | files | training | own | runs | model known | memory | steps known | time | read as |')
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |')
  const columns = ['files', 'training', 'own', 'runs', 'resolvable', 'withMemory', 'knownSteps', 'withTime']
  for (const row of rows)
    console.log(`| ${[row.folder, ...columns.map(key => row[key]), show(row.formats) || '—'].join(' | ')} |`)
  console.log(`| ${['all', ...columns.map(sum), ''].join(' | ')} |`)
  const lists = ['missed', 'mistaken', 'crashed', 'unexplained', 'noMemory', 'noTime']
  for (const key of lists) {
    const items = rows.flatMap(row => row[key].map(item => `${row.folder}/${item}`))
    console.log(`${key}: ${items.length}`)
    for (const item of process.argv.includes('--list') ? items : items.slice(0, 10)) console.log(`    ${item}`)
  }
  const broken = [
    share(sum('own'), sum('training')) < LIMITS.own && 'recognised',
    ...['mistaken', 'crashed', 'unexplained'].map(key => rows.some(row => row[key].length > 0) && key),
    share(sum('withMemory'), sum('resolvable')) < LIMITS.memory && 'memory',
    share(sum('withTime'), sum('knownSteps')) < LIMITS.time && 'time',
    seconds > LIMITS.seconds && 'seconds',
  ].filter(Boolean)
  const percent = value => `${(100 * value).toFixed(1)} %`
  console.log(
    `own ${percent(share(sum('own'), sum('training')))}, memory ${percent(share(sum('withMemory'), sum('resolvable')))}, time ${percent(share(sum('withTime'), sum('knownSteps')))}, ${seconds.toFixed(1)} s${broken.length > 0 ? `; broken: ${broken.join(', ')}` : ''}`,
  )
  if (broken.length > 0) process.exitCode = 1
}
