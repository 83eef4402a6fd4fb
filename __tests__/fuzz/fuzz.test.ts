import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { estimate } from '../../bench/fuzz/fuzz.ts'
import { reportFaults } from '../../bench/fuzz/report-faults.ts'
import { runFuzz } from '../../bench/fuzz/run-fuzz.ts'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'

test('changed configs and policies neither stop anything nor act in any output', async () => {
  const { inputs, failures } = await runFuzz({ inputs: 55, milliseconds: 60_000, seed: 20_261_125 })
  expect(failures).toEqual([])
  expect(inputs).toBeGreaterThan(50)
}, 120_000)

const POLICY = createPolicySet(null, { gpu: 'h100-sxm-80gb', gpus: 8 })

/** Any valid plan, in the native format. */
const plans = fc.record({
  model: fc.constantFrom('Qwen/Qwen2.5-7B', 'meta-llama/Llama-3.1-8B', 'mistralai/Mixtral-8x7B-v0.1', 'gpt2'),
  adapter: fc.option(fc.record({ type: fc.constantFrom('lora', 'dora'), rank: fc.integer({ min: 1, max: 256 }) })),
  quantization: fc.constantFrom('none', 'nf4', 'nf4-double', 'int8'),
  optimizer: fc.constantFrom('adamw', 'adafactor', 'sgd', 'lion', 'muon'),
  optimizer_implementation: fc.constantFrom('fused', 'foreach', 'loop'),
  micro_batch_size: fc.integer({ min: 1, max: 64 }),
  gradient_accumulation_steps: fc.integer({ min: 1, max: 64 }),
  sequence_length: fc.integer({ min: 16, max: 32_768 }),
  gradient_checkpointing: fc.constantFrom('none', 'full', 'selective'),
  attention: fc.constantFrom('eager', 'sdpa', 'flash'),
  loss: fc.constantFrom('full_logits', 'full_logits_float32', 'chunked', 'fused_linear'),
  gpus: fc.constantFrom(1, 2, 8, 64),
  parallelism: fc.record({ data: fc.constantFrom('none', 'ddp', 'zero1', 'zero2', 'zero3', 'fsdp1', 'fsdp2') }),
  dataset: fc.record({ samples: fc.integer({ min: 1, max: 1e6 }), epochs: fc.integer({ min: 1, max: 5 }) }),
})

async function deviceBytes(plan: object): Promise<number> {
  const text = JSON.stringify({ preflop: 1, ...plan })
  const report = await estimate(memoryFileSource(new Map([['plan.json', text]])), ['plan.json'], POLICY, false)
  expect(reportFaults(report)).toEqual([])
  const memory = report.runs[0]?.memory
  if (!memory) throw new Error(JSON.stringify(report.runs[0]?.findings))
  return memory.deviceBytes
}

test('any valid plan has finite figures, and needs no less for a larger batch or a longer sequence', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async ({ adapter, ...rest }) => {
      const plan = adapter === null ? { ...rest, quantization: 'none' } : { ...rest, adapter }
      const bytes = await deviceBytes(plan)
      expect(await deviceBytes({ ...plan, micro_batch_size: plan.micro_batch_size + 1 })).toBeGreaterThanOrEqual(bytes)
      expect(await deviceBytes({ ...plan, sequence_length: 2 * plan.sequence_length })).toBeGreaterThanOrEqual(bytes)
    }),
    { numRuns: 60, seed: 7 },
  )
}, 120_000)
