import type { FileSource } from '../../src/files/file-source.ts'
import type { ActionStages } from '../../src/github/run-action.ts'
import type { Report, RunReport, Verdict } from '../../src/report/report.ts'

/**
 * Stages for tests of the door alone: every changed `configs/*.yml` is a run whose text is its verdict,
 * and a text that cannot be read is an unknown one.
 */
export const WORD_STAGES: ActionStages = {
  async estimate({ head, base, changes, findings, policy }) {
    const paths = (await head.list()).map(({ path }) => path).filter(path => /^configs\/.*\.yml$/.test(path))
    const wanted = paths.filter(path => changes === null || changes.some(change => change.path === path))
    await head.prefetch?.(wanted)
    await base?.prefetch?.(wanted)
    const runs: RunReport[] = []
    for (const path of wanted) {
      const verdict = await wordAt(head, path)
      const before = base === null ? null : await wordAt(base, path)
      const isLenient = policy.forPath(path).failOn === 'any'
      runs.push(wordRun(path, isLenient && verdict === 'fail' ? 'warn' : verdict, before))
    }
    const verdicts = runs.map(run => run.verdict)
    const verdict = (['fail', 'warn', 'unknown'] as const).find(level => verdicts.includes(level)) ?? 'pass'
    return wordReport(verdict === 'pass' && findings.length > 0 ? 'warn' : verdict, runs, findings)
  },
  render: report => ({
    comment: `### Preflop: ${report.verdict}\n${report.runs.map(({ path, verdict }) => `${path} ${verdict}`).join('\n')}`,
    summary: `# ${report.verdict}`,
    annotations: [],
  }),
}

const WORDS: readonly Verdict[] = ['pass', 'warn', 'fail']

async function wordAt(files: FileSource, path: string): Promise<Verdict> {
  const file = await files.read(path)
  const word = file.status === 'found' ? file.text.trim().split(/\W/)[0] : ''
  return WORDS.find(known => known === word) ?? 'unknown'
}

function wordReport(verdict: Verdict, runs: readonly RunReport[], findings: Report['findings']): Report {
  return {
    version: 1,
    verdict,
    estimator: 'detailed',
    findings,
    totals: {
      checked: runs.length,
      failed: runs.filter(run => run.verdict === 'fail').length,
      warned: runs.filter(run => run.verdict === 'warn').length,
      unknown: runs.filter(run => run.verdict === 'unknown').length,
      unaffected: null,
      maxMemoryBytes: null,
      hours: 1.5,
      gpuHours: 12,
      cost: 81.24,
      costDelta: null,
      currency: 'CNY',
    },
    runs,
    unaffectedPaths: [],
  }
}

function wordRun(path: string, verdict: Verdict, before: Verdict | null): RunReport {
  return {
    path,
    format: 'words',
    name: null,
    verdict,
    change: before === null ? 'new' : 'changed',
    previousPath: null,
    preExisting: verdict === 'fail' && before === 'fail',
    plan: null,
    gpuName: null,
    memory: null,
    time: null,
    cost: null,
    ruleOfThumb: null,
    parameters: null,
    limits: [],
    findings: [],
    fixes:
      verdict === 'fail'
        ? [
            {
              title: 'micro_batch_size 8 → 2',
              changes: [{ path, line: 2, key: 'micro_batch_size', from: 8, to: 2 }],
              memoryBytes: 1,
              components: [],
              runSeconds: null,
              cost: null,
              tooTight: false,
            },
          ]
        : [],
    alternatives: [],
    assumptions: [],
    base: null,
    causes: [],
    dependencies: [path],
  } as RunReport
}
