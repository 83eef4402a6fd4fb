import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readMemoryRows } from '../../bench/accuracy/memory-rows.ts'
import { scoreSpeed } from '../../bench/accuracy/speed.ts'
import { diskFileSource } from '../../src/files/disk-file-source.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'

/** Figures inside sentences, by the name that stands in `<!-- figure NAME -->8.1<!-- -->`. */
export type SentenceFigures = Readonly<Record<string, string>>

const MARK = /(<!-- figure ([\w-]+) -->)[^<]*(<!-- -->)/g

/** The page with every marked figure as it is now; a name that is not known is an error. */
export function withFigures(page: string, figures: SentenceFigures): string {
  return page.replaceAll(MARK, (_, start: string, name: string, end: string) => {
    const figure = Object.hasOwn(figures, name) ? figures[name] : undefined
    if (figure === undefined) throw new Error(`no figure is called ${name}`)
    return `${start}${figure}${end}`
  })
}

/** What pages say in passing and the program, its tables or the bench decide. */
export async function sentenceFigures(root: string): Promise<SentenceFigures> {
  return { ...(await articleFigures(root)), ...benchFigures(root), ...formatFigures(), ...recordingFigures(root) }
}

async function articleFigures(root: string): Promise<SentenceFigures> {
  const { runs } = await runPipeline({
    head: diskFileSource(root),
    base: null,
    changes: null,
    paths: [],
    named: ['examples/article-7b.yml'],
    policy: createPolicySet(null),
    policyPath: '.github/preflop.yml',
    models: createModelSource({ offline: true }),
    advice: false,
  })
  const [run] = runs
  const { memory, time, cost, ruleOfThumb: rule, plan } = run ?? {}
  if (!memory?.usableBytes || !time?.totalSeconds || !cost || !rule?.cost || !rule.billedHours || !plan)
    throw new Error('examples/article-7b.yml is not estimated')
  return {
    'article-hours': (time.totalSeconds / 3600).toFixed(1),
    'article-rule-hours': String(rule.billedHours),
    'article-speed-up': (time.floorStepSeconds / plan.ruleOfThumb.stepSeconds).toFixed(1),
    'article-rule-share': `${((100 * rule.cost) / cost.total).toFixed(0)} %`,
    'article-usable': `${(memory.usableBytes / 2 ** 30).toFixed(1)} GiB`,
  }
}

function benchFigures(root: string): SentenceFigures {
  const hybrids = scoreSpeed(root).groups.find(({ group }) => group === 'megatron-bridge-hybrid')
  const unseen = readFileSync(join(root, 'bench/accuracy/speed-unseen.md'), 'utf8')
  const torchtitan = /^\| torchao \| \d+ \| ([\d.]+ %) \|/m.exec(unseen)?.[1]
  const memoryRows = readMemoryRows(readFileSync(join(root, 'bench/memory.jsonl'), 'utf8'))
  const fragmented = memoryRows.find(({ id }) => id === 'mbridge-llama3-70b-sft-base')?.readings[0]
  if (!hybrids || !torchtitan || !fragmented) throw new Error('a row of the bench that a page names is gone')
  return {
    'hybrid-bias': `${(100 * Math.abs(hybrids.bias)).toFixed(1)} % too ${hybrids.bias < 0 ? 'fast' : 'slow'}`,
    'hybrid-rows': String(hybrids.rows),
    'torchtitan-unseen': torchtitan,
    'fragmented-allocated': `${fragmented.gib.toFixed(1)} GiB`,
  }
}

const CLUSTER_JOBS = new Set(['kubeflow', 'skypilot', 'dstack', 'mcli'])
const OWN = new Set(['preflop', 'shell', 'wandb-sweep'])

/** Declined formats have an empty table of keys. */
function formatFigures(): SentenceFigures {
  const named = FORMAT_READERS.filter(({ format, keys }) => !OWN.has(format) && keys?.length !== 0)
  const jobs = named.filter(({ format }) => CLUSTER_JOBS.has(format))
  return { frameworks: String(named.length - jobs.length), 'cluster-jobs': String(jobs.length) }
}

/** Sizes and the recorded bytes of a row; what is left tells block variants apart. */
const SIZES = new Set(['h', 'heads', 'kv', 'd', 'f', 'b', 's', 'bytes_per_token_layer'])

function recordingFigures(root: string): SentenceFigures {
  const rowsOf = (name: string): readonly Readonly<Record<string, unknown>>[] =>
    JSON.parse(readFileSync(join(root, `__tests__/memory/fixtures/${name}.json`), 'utf8')).rows
  const variants = rowsOf('saved-tensors-blocks').map(row =>
    JSON.stringify(Object.entries(row).filter(([key]) => !SIZES.has(key))),
  )
  return {
    'block-variants': String(new Set(variants).size),
    'llama-cases': String(rowsOf('saved-tensors').length),
  }
}
