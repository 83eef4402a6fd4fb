import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { asStated, readSpeedRows } from '../../bench/accuracy/speed-rows.ts'

const text = readFileSync(join(import.meta.dirname, '../../bench/speed.jsonl'), 'utf8')
const statedRow = (id: string) => {
  const [row] = readSpeedRows(text.split('\n').find(line => line.includes(`"id": "${id}"`)) ?? '').rows
  if (row === undefined) throw new Error(`${id} was not read`)
  return { alone: row, stated: asStated(row) }
}

describe('what a source says beside its plan', () => {
  test('the release that was measured', () => {
    const { alone, stated } = statedRow('speed-mbridge-273')
    expect(alone.run.plan.libraries['megatron-bridge']).toBeUndefined()
    expect(stated.run.plan.libraries['megatron-bridge']).toBe('25.09')
  })

  test('validations inside the time: every 25 steps, 77 samples, one answer', () => {
    const { alone, stated } = statedRow('speed-litgpt-hub-005')
    // LitGPT's own schedule
    expect(alone.run.plan.evaluation).toMatchObject({ everySteps: 100 })
    expect(stated.run.plan.evaluation).toMatchObject({ everySteps: 25, samples: 77, atEnd: true, answers: 1 })
  })

  test('a card of 500 W', () => {
    expect(statedRow('speed-torchao-013').stated.run.gpu.id).toBe('h100-sxm-96gb')
    expect(statedRow('speed-torchao-001').stated.run.gpu.id).toBe('h100-sxm-80gb')
  })

  test('nothing else', () => {
    const { alone, stated } = statedRow('speed-llmfoundry-001')
    expect(stated.run.plan).toEqual(alone.run.plan)
    expect(stated.run.gpu).toBe(alone.run.gpu)
  })
})
