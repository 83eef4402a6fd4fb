import { describe, expect, test } from '@jest/globals'
import { readRunLog } from '../../src/calibration/read-run-log.ts'
import { median, settled } from '../../src/calibration/run-log.ts'

const GIB = 2 ** 30
const MIB = 2 ** 20
const STATE = JSON.stringify({
  global_step: 300,
  log_history: [
    { loss: 1.2, step: 150 },
    { train_runtime: 505.6061, train_steps_per_second: 0.593, step: 300 },
  ],
})

test.each([
  ['trainer_state.json', STATE, { steps: 300, loopSeconds: 505.6061, stepSeconds: null }],
  [
    'trainer_state.json of a run that was stopped',
    JSON.stringify({ global_step: 12, log_history: [{ loss: 1 }] }),
    { steps: 12, loopSeconds: null },
  ],
  [
    'all_results.json',
    '{"epoch": 1.0, "train_runtime": 505.6, "train_steps_per_second": 0.587, "total_flos": 1e17}',
    { steps: 297, loopSeconds: 505.6 },
  ],
  [
    'all_results.json with too coarse a rate for the steps',
    '{"train_runtime": 7200.0, "train_steps_per_second": 0.013}',
    { steps: null, loopSeconds: 7200 },
  ],
  [
    'wandb-summary.json of a Trainer',
    '{"_step": 300, "_runtime": 700, "train/global_step": 300, "train_runtime": 505.6, "_wandb": {"runtime": 700}}',
    { steps: 300, loopSeconds: 505.6 },
  ],
  [
    'wandb-summary.json of torchtune',
    '{"_step": 90, "_runtime": 300, "global_step": 90, "tokens_per_second_per_gpu": 2950, "peak_memory_alloc": 20, "peak_memory_reserved": 22}',
    {
      steps: 90,
      loopSeconds: null,
      tokensPerSecondPerGpu: 2950,
      peak: { allocatedBytes: 20 * GIB, reservedBytes: 22 * GIB, deviceBytes: null },
    },
  ],
  [
    'nvidia-smi',
    'timestamp, index, memory.used [MiB]\n2026/10/02 09:15:00, 0, 4000 MiB\n2026/10/02 09:15:00, 1, 16890 MiB\n',
    { peak: { allocatedBytes: null, reservedBytes: null, deviceBytes: 16890 * MIB } },
  ],
  [
    'nvidia-smi without units',
    'index, memory.used, utilization.gpu\n0, 4000, 90\n0, 5000, 91\n',
    { peak: { allocatedBytes: null, reservedBytes: null, deviceBytes: 5000 * MIB } },
  ],
  [
    'a console with a progress bar of hours',
    '10/100 [10:00<90:00, 60s/it]\n 20/100 [20:00<80:00]\n 99/100 [1:39:00<01:00]\n{"train_runtime": 6000.5}',
    { steps: 100, stepSeconds: 60, loopSeconds: 6000.5 },
  ],
  [
    'a progress bar too short to time a step',
    '1/10 [00:02<00:18]\n2/10 [00:04<00:16]\n9/10 [00:18<00:02]\n',
    { steps: 10, stepSeconds: null, loopSeconds: null },
  ],
  [
    'Axolotl’s memory figures, old and new',
    "{'train_runtime': '12.5', 'memory/max_mem_allocated(gib)': 14.5, 'memory/device_mem_reserved(gib)': 14.6}\n{'memory/max_allocated (GiB)': 15.5, 'memory/device_reserved (GiB)': 16}",
    { peak: { allocatedBytes: 15.5 * GIB, reservedBytes: 16 * GIB, deviceBytes: null } },
  ],
  [
    'trainer_log.jsonl',
    '{"current_steps": 10, "total_steps": 40, "elapsed_time": "0:01:00"}\n{"current_steps": 20, "total_steps": 40, "elapsed_time": "0:02:00"}\n{"current_steps": 40, "total_steps": 40, "elapsed_time": "1 day, 0:04:00"}\n',
    { steps: 40, loopSeconds: 86_640 },
  ],
  [
    'LitGPT: a step is several iterations',
    `${Array.from({ length: 40 }, (_, i) => `Epoch 1 | iter ${i + 1} step ${Math.floor((i + 1) / 4)} | loss train: 1.2, val: n/a | iter time: ${(i + 1) % 4 === 0 ? 700 : 500}.00 ms`).join('\n')}\nTraining time: 22.00s\nMemory used: 21.30 GB\n`,
    { steps: 10, loopSeconds: 22, peak: { allocatedBytes: 21.3e9, reservedBytes: null, deviceBytes: null } },
  ],
])('%s', (_name, text, expected) => {
  expect(readRunLog(text)).toMatchObject(expected)
})

test.each(['', 'hello', '{}', '[]', '{"a": 1}', '{"log_history": []}', 'a,b\n1,2\n', '\0'])('%j is no log', text => {
  expect(readRunLog(text)).toBeNull()
})

describe('figures', () => {
  test.each([
    [[], null],
    [[3], 3],
    [[1, 9, 2], 2],
    [[4, 1, 2, 3], 2.5],
  ])('median of %j', (values, middle) => expect(median(values)).toBe(middle))

  test('the first tenth is warm-up', () => {
    expect(settled([1])).toEqual([1])
    expect(settled([1, 2, 3])).toEqual([2, 3])
    expect(settled(Array.from({ length: 100 }, (_, index) => index))[0]).toBe(10)
  })
})
