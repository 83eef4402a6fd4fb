import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { nativeRun } from '../../bench/accuracy/native-run.ts'
import { comparePhases } from '../../bench/gpu/compare-phases.ts'
import { compareReport, errorOf } from '../../bench/gpu/compare-report.ts'
import { type KitRow, readKitRows } from '../../bench/gpu/kit-row.ts'
import { landRows, mayFit } from '../../bench/gpu/land-rows.ts'

const ROWS = readKitRows(readFileSync('bench/gpu/cpu-rows.jsonl', 'utf8'))
const defaults: { readonly plan: Record<string, unknown>; readonly adapter: Record<string, unknown> } = JSON.parse(
  readFileSync('bench/gpu/defaults.json', 'utf8'),
)
const MODEL = ROWS[0]?.plan.model ?? {}

/** Largest error of each phase: what is left are rotary tables, labels and one matrix's scratch in models of a few MiB. */
const TOLERANCES: Readonly<Record<string, number>> = {
  between_steps: 0.005,
  end_of_forward: 0.02,
  forward_peak: 0.02,
  backward_peak: 0.02,
  optimizer_peak: 0.02,
}

/** Where the model is coarser than that, and why. */
const COARSER: Readonly<Record<string, { readonly tolerance: number; readonly why: string }>> = {
  'kit-gemma2-dpo-full-ckpt-2x256': { tolerance: 0.07, why: 'the reference caps its logits too' },
  'kit-gpt2-lora-2x256': { tolerance: 0.04, why: 'the first of four layers needs no gradient of its input' },
  'kit-mixtral-lora-2x256': { tolerance: 0.065, why: 'factors of expert adapters under autocast' },
  'kit-mixtral-lora-ckpt-2x256': { tolerance: 0.035, why: 'expert adapters are not cast for the fold' },
  'kit-mixtral-lora-ckpt-2x128': { tolerance: 0.035, why: 'expert adapters are not cast for the fold' },
}

describe('rows recorded on a CPU', () => {
  test('cover the methods', () => {
    expect(ROWS.length).toBe(96) // docs/memory.md says so
    const words = (pick: (plan: Record<string, unknown>) => unknown) =>
      new Set(ROWS.map(({ plan }) => JSON.stringify(pick({ ...plan })) ?? 'absent'))
    expect(words(plan => plan['loss']).size).toBeGreaterThanOrEqual(4)
    expect(words(plan => plan['optimizer']).size).toBeGreaterThanOrEqual(5)
    expect(words(plan => plan['precision']).size).toBeGreaterThanOrEqual(4)
    expect(new Set(ROWS.map(({ plan }) => plan.model['model_type'])).size).toBeGreaterThanOrEqual(6)
  })

  test.each(ROWS.map(row => [row.id, row] as const))('%s agrees phase by phase', (_, row) => {
    const wrong = comparePhases(row)
      .map(entry => ({ ...entry, error: errorOf(entry) }))
      .filter(({ phase, error }) => !(Math.abs(error) <= (COARSER[row.id]?.tolerance ?? TOLERANCES[phase] ?? 0)))
    expect(wrong).toEqual([])
  })

  test('half of all peaks are within 0.2 %', () => {
    const errors = ROWS.flatMap(comparePhases)
      .map(entry => Math.abs(errorOf(entry)))
      .sort((left, right) => left - right)
    expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.002)
  })
})

describe('defaults of the kit', () => {
  const camel = (key: string) => key.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

  function expectSame(actual: unknown, stated: unknown, key: string): void {
    if (typeof stated === 'object' && stated !== null && !Array.isArray(stated)) {
      for (const [name, value] of Object.entries(stated))
        expectSame((actual as Record<string, unknown>)[camel(name)], value, `${key}.${name}`)
    } else if (stated === 'auto') {
      expect([key, actual]).toEqual([key, 'bfloat16'])
    } else if (key === 'plan.freeze') {
      expect(actual).toEqual({ kind: stated })
    } else {
      expect([key, actual]).toEqual([key, stated])
    }
  }

  test('are those of the plan format', () => {
    expectSame(nativeRun('plain', { model: MODEL, preflop: 1 } as KitRow['plan']).plan, defaults.plan, 'plan')
  })

  test('of an adapter are those of the plan format', () => {
    const native = { preflop: 1, model: MODEL, adapter: { type: 'lora' } } as KitRow['plan']
    expectSame(nativeRun('adapted', native).plan.adapter, defaults.adapter, 'adapter')
  })
})

describe('rows of a GPU', () => {
  const row: KitRow = {
    id: 'kit-x',
    group: 'kit-card',
    plan: { ...(ROWS[0]?.plan ?? { model: {} }) },
    measured: {
      gib: 1,
      fits: true,
      reserved_gib: 1.1,
      device_gib: 1.5,
      step_seconds: 0.5,
      tokens_per_second_per_gpu: 9,
    },
    environment: { gpu: 'NVIDIA L4' },
  }

  test('land in both benches, CPU rows in none', () => {
    const landed = landRows([row, ...ROWS])
    expect(landed.memory).toHaveLength(1)
    expect(landed.speed.map(line => JSON.parse(line).measured)).toEqual([
      { step_seconds: 0.5, tokens_per_second_per_gpu: 9, total_seconds: null, fitting: mayFit('kit-x') },
    ])
  })

  test('about two thirds may fit constants, always the same ones', () => {
    const chosen = Array.from({ length: 900 }, (_, index) => mayFit(`row-${index}`)).filter(Boolean).length
    expect(chosen).toBeGreaterThan(550)
    expect(chosen).toBeLessThan(650)
  })

  test('out of memory is a line of its own', () => {
    const report = compareReport([{ ...row, measured: { gib: null, fits: false } }])
    expect(report).toContain('| kit-x | out of memory |')
  })

  test('skipped plans are left out', () => {
    expect(readKitRows('{"id":"a","skipped":"compile: not here"}\n\n')).toEqual([])
  })
})
