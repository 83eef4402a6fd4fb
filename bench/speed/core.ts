import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { estimateMemory } from '../../src/memory/estimate-memory.ts'
import { findInCatalogue } from '../../src/models/catalogue.ts'
import { countModel } from '../../src/models/count-parameters.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { runPipeline } from '../../src/pipeline.ts'
import type { Run } from '../../src/plan/run.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import { renderComment } from '../../src/report/render-comment.ts'
import type { Report } from '../../src/report/report.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'

const MODEL = 'Qwen/Qwen2.5-7B'
const TEXT = `preflop: 1\nmodel: ${MODEL}\nmicro_batch_size: 8\ngradient_checkpointing: full\ndataset: { max_steps: 100 }\n`

function estimate(count: number): Promise<Report> {
  const files = new Map(Array.from({ length: count }, (_, index) => [`configs/${index}.yml`, TEXT]))
  return runPipeline({
    head: memoryFileSource(files),
    base: null,
    changes: null,
    paths: [],
    named: [...files.keys()],
    policy: createPolicySet(null, { gpu: 'a100-sxm-80gb', gpus: 8 }),
    policyPath: 'policy',
    models: createModelSource({ offline: true }),
    today: '2026-01-01',
  })
}

export interface CoreTimes {
  /** Memory and time of one resolved plan whose model is read. */
  readonly coreMicroseconds: number
  /** From text to report, fixes included. */
  readonly runMicroseconds: number
  /** The comment of a report with twenty runs. */
  readonly commentMicroseconds: number
}

/** Times inside one process, after warming up: medians. */
export async function timeCore(): Promise<CoreTimes> {
  const { plan } = (await estimate(1)).runs[0] ?? {}
  const config = findInCatalogue(MODEL)?.config
  const { architecture } = readArchitecture(config, { name: MODEL, transformersMajor: 5 })
  if (!plan || !architecture) throw new Error('the sample is not estimated')
  const run: Run = { plan, architecture, counts: countModel(architecture, plan).counts, gpu: findGpu('a100-sxm-80gb') }
  const twenty = await estimate(20)
  return {
    coreMicroseconds: await median(2000, () => {
      estimateMemory(run)
      estimateTime(run)
    }),
    runMicroseconds: await median(100, () => estimate(1)),
    commentMicroseconds: await median(50, () => renderComment(twenty, { version: '0' })),
  }
}

async function median(times: number, work: () => unknown): Promise<number> {
  const taken: number[] = []
  for (let time = -times / 4; time < times; time += 1) {
    const started = performance.now()
    await work()
    if (time >= 0) taken.push(1000 * (performance.now() - started))
  }
  return taken.sort((a, b) => a - b)[Math.floor(taken.length / 2)] ?? 0
}
