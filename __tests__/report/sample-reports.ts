import { finding } from '../../src/plan/finding-texts.ts'
import { GIB } from '../../src/plan/units.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { Report, RunReport } from '../../src/report/report.ts'

/** Components of a run, in GiB, as [name, bytes at the head, bytes at the base]. */
type Parts = readonly (readonly [name: string, head: number, base: number])[]

const LLAMA: Parts = [
  ['weights', 1.87, 1.87],
  ['master weights and optimizer states', 13.09, 13.09],
  ['checkpoints', 4, 1],
  ['logits and loss', 19.57, 4.89],
  ['gathered layers', 1.79, 1.79],
  ['recompute', 2.5, 0.63],
  ['CUDA context', 1.504, 1.504],
]
const QWEN: Parts = [
  ['weights', 20.3, 20.3],
  ['activations', 40.2, 40.2],
  ['CUDA context', 1.3, 1.3],
]

interface SampleRun {
  readonly path: string
  readonly parts: Parts
  readonly usableGib: number
  readonly gpuName: string
  readonly hours: readonly [head: number, base: number]
  readonly cost: readonly [head: number, base: number]
  readonly overrides?: Partial<RunReport>
}

export function sampleRun({ path, parts, usableGib, gpuName, hours, cost, overrides }: SampleRun): RunReport {
  const total = (index: 1 | 2): number => parts.reduce((sum, part) => sum + part[index], 0) * GIB
  const seconds = hours[0] * 3600
  return {
    path,
    format: 'axolotl',
    name: null,
    verdict: 'pass',
    change: 'changed',
    previousPath: null,
    preExisting: false,
    plan: null,
    gpuName,
    memory: {
      deviceBytes: total(1),
      lowBytes: total(1) * 0.95,
      highBytes: total(1) * 1.06,
      requiredBytes: total(1),
      requiredHighBytes: total(1) * 1.06,
      reservedBytes: total(1) * 0.96,
      allocatedBytes: total(1) * 0.93,
      usableBytes: usableGib * GIB,
      hostBytes: 0,
      peakAt: 'loss',
      components: parts.map(([name, head]) => ({
        name,
        bytes: head * GIB,
        note: '8.03e+9 parameters × 2 B ÷ 8',
        source: 'sample',
      })),
      moments: [],
    },
    time: {
      stepSeconds: 27.5,
      lowStepSeconds: 23.9,
      highStepSeconds: 34.4,
      floorStepSeconds: 12,
      steps: Math.round(seconds / 27.5),
      tokensPerSecondPerGpu: 2382,
      samplesPerSecond: 1,
      modelFlopsUtilization: 0.39,
      runSeconds: seconds,
      totalSeconds: seconds,
      energyKwh: 11.9,
      stepComponents: [],
      components: [{ name: 'training steps', seconds, note: '', source: 'sample' }],
    },
    cost: {
      currency: 'USD',
      pricePerGpuHour: 1.8,
      gpuHours: hours[0] * 8,
      run: cost[0],
      total: cost[0],
      priceSource: 'stated price',
      formula: `${hours[0].toFixed(2)} h × 8 GPUs × $1.80 = $${cost[0].toFixed(2)}`,
    },
    ruleOfThumb: {
      fixedBytes: 64.2e9,
      dynamicBytes: 4.3e9,
      peakBytes: 68.5e9,
      steps: 5625,
      seconds: 8437.5,
      billedHours: 3,
      cost: 43.2,
      currency: 'USD',
    },
    parameters: { total: 8.03e9, trainable: 8.03e9, active: 8.03e9 },
    limits: [
      {
        kind: 'memory',
        level: 'pass',
        value: '80 %',
        limit: 'fail above 100 %, warn above 90 %',
        overridden: false,
        preExisting: false,
      },
    ],
    findings: [],
    fixes: [],
    alternatives: [],
    assumptions: [
      {
        key: 'stage',
        planKey: 'stage',
        value: 'sft',
        from: 'default',
        path: null,
        line: null,
        note: 'supervised without `rl`',
      },
      {
        key: 'attention',
        planKey: 'attention',
        value: 'flash',
        from: 'assumed',
        path: null,
        line: null,
        note: 'set `flash_attention` to be sure',
      },
      { key: 'sequence_len', planKey: 'sequenceLength', value: 8192, from: 'file', path, line: 6, note: '' },
    ],
    base: {
      verdict: 'pass',
      memoryBytes: total(2),
      usableBytes: usableGib * GIB,
      runSeconds: hours[1] * 3600,
      cost: cost[1],
      components: parts.map(([name, , base]) => ({ name, bytes: base * GIB })),
      readable: true,
    },
    causes: [],
    dependencies: [path],
    ...overrides,
  }
}

const FAILING = sampleRun({
  path: 'configs/sft/llama31-8b.yaml',
  parts: LLAMA,
  usableGib: 39.4,
  gpuName: 'A100 SXM4 40GB',
  hours: [15.3, 14.4],
  cost: [221, 208],
  overrides: {
    verdict: 'fail',
    findings: [
      finding('over-memory', {
        path: 'configs/sft/llama31-8b.yaml',
        line: 6,
        column: 1,
        message: 'Needs 44.3 GiB per GPU, 112 % of the 39.4 GiB usable; the limit is 100 %.',
      }),
    ],
    causes: [
      {
        key: 'sequence_len',
        from: 4096,
        to: 8192,
        memoryBytes: 6.6 * GIB,
        runSeconds: null,
        cost: null,
        fitsWithout: true,
      },
      {
        key: 'micro_batch_size',
        from: 1,
        to: 2,
        memoryBytes: 6.5 * GIB,
        runSeconds: null,
        cost: null,
        fitsWithout: true,
      },
      {
        key: 'together',
        from: null,
        to: null,
        memoryBytes: 6.5 * GIB,
        runSeconds: null,
        cost: null,
        fitsWithout: null,
      },
    ],
    fixes: [
      {
        title: 'fuse the loss with the head so that logits are never stored (Liger)',
        changes: [
          {
            path: 'configs/sft/llama31-8b.yaml',
            line: null,
            key: 'plugins',
            from: null,
            to: ['axolotl.integrations.liger.LigerPlugin'],
          },
          {
            path: 'configs/sft/llama31-8b.yaml',
            line: null,
            key: 'liger_fused_linear_cross_entropy',
            from: null,
            to: true,
          },
        ],
        memoryBytes: 25.1 * GIB,
        components: [
          { name: 'weights', bytes: 14.96 * GIB },
          { name: 'checkpoints', bytes: 10.14 * GIB },
        ],
        runSeconds: 15.3 * 3600,
        cost: 221,
        tooTight: false,
      },
      {
        title: 'keep the optimizer states in 8 bit',
        changes: [
          { path: 'configs/sft/llama31-8b.yaml', line: 9, key: 'optimizer', from: 'adamw_torch', to: 'adamw_bnb_8bit' },
        ],
        memoryBytes: 38.7 * GIB,
        components: [],
        runSeconds: 15.3 * 3600,
        cost: 221,
        tooTight: true,
      },
    ],
    alternatives: [
      {
        gpu: 'h100-sxm-80gb',
        gpuName: 'H100 SXM5 80GB',
        gpus: 4,
        memoryBytes: 59.3 * GIB,
        usableBytes: 79.1 * GIB,
        runSeconds: 10.1 * 3600,
        cost: 121,
        currency: 'USD',
        fits: true,
        note: 'cheapest that fits',
      },
    ],
    limits: [
      {
        kind: 'memory',
        level: 'fail',
        value: '112 %',
        limit: 'fail above 100 %, warn above 90 %',
        overridden: false,
        preExisting: false,
      },
    ],
  },
})

const PASSING = sampleRun({
  path: 'configs/dpo/qwen3-32b-qlora.yaml',
  parts: QWEN,
  usableGib: 79.1,
  gpuName: 'H100 SXM5 80GB',
  hours: [12.8, 6.4],
  cost: [38, 19],
})

const NEW = sampleRun({
  path: 'configs/cpt/mistral-7b.yaml',
  parts: QWEN,
  usableGib: 79.1,
  gpuName: 'A100 SXM4 80GB',
  hours: [22, 22],
  cost: [185, 185],
  overrides: { change: 'new', base: null },
})

const UNREADABLE: RunReport = {
  ...PASSING,
  path: 'configs/exp/custom.yaml',
  verdict: 'unknown',
  memory: null,
  time: null,
  cost: null,
  ruleOfThumb: null,
  gpuName: null,
  limits: [],
  assumptions: [],
  base: null,
  findings: [
    finding('invalid-value', {
      path: 'configs/exp/custom.yaml',
      line: 14,
      column: 18,
      message: '`lora_r` is `sixteen`; expected a positive whole number.',
    }),
  ],
}

const CLOSE: RunReport = {
  ...PASSING,
  verdict: 'warn',
  findings: [
    finding('too-close-to-call', {
      path: PASSING.path,
      line: 4,
      message: 'Needs 61.8 GiB per GPU, 78 % of the 79.1 GiB usable; the interval reaches 80.2 GiB.',
    }),
  ],
}

const OLD: RunReport = {
  ...FAILING,
  verdict: 'warn',
  preExisting: true,
  fixes: [],
  alternatives: [],
  causes: [],
  findings: FAILING.findings.map(own => ({ ...own, severity: 'warning' as const })),
}

const SHRUNK = sampleRun({
  path: PASSING.path,
  parts: QWEN.map(([name, head, base]) => [name, head, name === 'activations' ? base + 26.4 : base] as const),
  usableGib: 79.1,
  gpuName: 'H100 SXM5 80GB',
  hours: [12.8, 12.8],
  cost: [38, 38],
})
const FIXED: RunReport = { ...SHRUNK, base: SHRUNK.base && { ...SHRUNK.base, verdict: 'fail' } }

export function sampleReport(runs: readonly RunReport[], overrides: Partial<Report> = {}): Report {
  const amount = (verdict: RunReport['verdict']): number => runs.filter(run => run.verdict === verdict).length
  const costs = runs.flatMap(({ cost }) => (cost ? [cost.total] : []))
  const deltas = runs.flatMap(({ cost, base, change }) =>
    cost ? [cost.total - (change === 'new' ? 0 : (base?.cost ?? cost.total))] : [],
  )
  const sum = (values: readonly number[]): number | null =>
    values.length > 0 ? values.reduce((total, value) => total + value, 0) : null
  const verdict = (['fail', 'warn', 'unknown'] as const).find(level => amount(level) > 0) ?? 'pass'
  return {
    version: 1,
    verdict,
    estimator: createPolicySet(null).forPath('').estimator,
    findings: [],
    totals: {
      checked: runs.length,
      failed: amount('fail'),
      warned: amount('warn'),
      unknown: amount('unknown'),
      unaffected: 9,
      maxMemoryBytes: null,
      hours: null,
      gpuHours: null,
      cost: sum(costs),
      costDelta: sum(deltas),
      currency: costs.length > 0 ? 'USD' : null,
    },
    runs,
    unaffectedPaths: [],
    ...overrides,
  }
}

/** Every state of a comment. */
export const STATES: Readonly<Record<string, Report>> = {
  failing: sampleReport([FAILING, { ...CLOSE }, UNREADABLE, NEW]),
  nothing: sampleReport([], { verdict: 'pass' }),
  'all-good': sampleReport([NEW, PASSING]),
  'pre-existing': sampleReport([OLD]),
  fixed: sampleReport([FIXED]),
  unreadable: sampleReport([UNREADABLE]),
  'too-close': sampleReport([CLOSE]),
  'policy-change': sampleReport([FAILING], {
    findings: [
      finding('policy-preview', {
        path: '.github/preflop.yml',
        message: 'This pull request changes the policy. Judged by the limits of the base: fail; by the new ones: pass.',
      }),
    ],
  }),
  'not-compared': sampleReport([NEW, PASSING].map(run => ({ ...run, change: 'not-compared' as const, base: null }))),
  huge: sampleReport(
    Array.from({ length: 120 }, (_, index) => ({ ...FAILING, path: `configs/sweep/run-${index + 100}.yaml` })),
  ),
}
