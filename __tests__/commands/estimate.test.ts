import { describe, expect, test } from '@jest/globals'
import { runCommand } from './run-command.ts'

const run = (args: readonly string[], input = '') => runCommand(args, process.cwd(), input)

describe('estimate', () => {
  test.each([
    ['3', '3 billed hours, 81.24 CNY'],
    ['2', '2 billed hours, 54.16 CNY'],
  ])('reproduces the article with %s attempts', async (retries, bill) => {
    const { code, out } = await run(['estimate', 'examples/article-7b.yml', '--set', `retries=${retries}`])
    expect(code).toBe(0)
    expect(out).toContain(`56.0 GB fixed + 8.6 GB dynamic = 64.6 GB, 939 steps, 1,408.5 s, ${bill}`)
    expect(out).toContain('datasheet peak')
  })

  test('json sums to the peak and names every origin', async () => {
    const { out } = await run(['estimate', 'examples/article-7b.yml', '--format', 'json'])
    const report: unknown = JSON.parse(out)
    expect(report).toMatchObject({
      version: 1,
      runs: [{ path: 'examples/article-7b.yml', format: 'preflop' }],
    })
    const [first] = JSON.parse(out).runs
    const sum = first.memory.components.reduce((total: number, part: { bytes: number }) => total + part.bytes, 0)
    expect(Math.abs(sum - first.memory.deviceBytes)).toBeLessThan(1)
    for (const { from, note, path } of first.assumptions)
      expect(Boolean(path) || from === 'file' || note !== '').toBe(true)
  })

  test.each([
    [[], 1, 1],
    [['--gpus', '8'], 8, 8],
    [['--gpus', '16'], 16, 8],
    [['--gpus', '8', '--set', 'gpus_per_node=4'], 8, 4],
  ])('a config of one machine with %j', async (options, gpus, gpusPerNode) => {
    const plan = 'preflop: 1\nmodel: Qwen/Qwen2.5-0.5B\ngpus: 1\ngpus_per_node: 1\nhardware: { gpu: t4 }\n'
    const { out } = await run(['estimate', '-', '--format', 'json', ...options], plan)
    expect(JSON.parse(out).runs[0].plan).toMatchObject({ gpus, gpusPerNode })
  })

  test('reads standard input', async () => {
    const plan = 'preflop: 1\nmodel: Qwen/Qwen2.5-0.5B\nhardware: { gpu: t4 }\ndataset: { max_steps: 10 }\n'
    const { code, out } = await run(['estimate', '-', '--format', 'json'], plan)
    expect(code).toBe(0)
    expect(JSON.parse(out).runs[0].parameters.total).toBe(494032768)
  })

  test.each([
    [['estimate'], 'no file given'],
    [['estimate', 'no-such-file.yml'], 'does not exist'],
    [['estimat', 'x.yml'], 'Did you mean `estimate`'],
    [['estimate', 'examples/article-7b.yml', '--gpu', 'a1000'], 'is not a GPU'],
    [['estimate', 'examples/article-7b.yml', '--set', 'micro_batch=2'], 'Did you mean `micro_batch_size`'],
    [['estimate', 'examples/article-7b.yml', '--gpus', 'many'], 'expected a number'],
    [['estimate', 'examples/article-7b.yml', '--format', 'xml'], 'expected one of table, json, markdown'],
    [['schema', 'thing'], 'expected plan, policy or report'],
  ])('%j is misuse', async (args, message) => {
    const { code, out, err } = await run(args)
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain(message)
  })

  test.each(['estimate', 'check', 'diff', 'fit', 'explain', 'gpus', 'prices', 'models', 'calibrate', 'init', 'schema'])(
    '%s --help shows an example',
    async name => {
      const { code, out } = await run([name, '--help'])
      expect(code).toBe(0)
      expect(out).toContain(`preflop ${name}`)
      expect(out).toContain('Examples:')
    },
  )
})

describe('check', () => {
  test('exits 1 over memory and offers fixes that pass', async () => {
    const args = ['examples/article-7b.yml', '--gpu', 'a100-sxm-40gb']
    const { code, out } = await run(['check', ...args, '--format', 'json'])
    expect(code).toBe(1)
    const [first] = JSON.parse(out).runs
    expect(first.findings.map((finding: { code: string }) => finding.code)).toContain('over-memory')
    const fix = first.fixes.find(({ tooTight }: { tooTight: boolean }) => !tooTight)
    const settings = fix.changes.flatMap(({ key, to }: { key: string; to: unknown }) => [
      '--set',
      `${key}=${typeof to === 'string' ? to : JSON.stringify(to)}`,
    ])
    const fixed = await run(['check', ...args, ...settings, '--format', 'json'])
    expect(fixed.code).toBe(0)
    expect(JSON.parse(fixed.out).runs[0].memory.deviceBytes).toBe(fix.memoryBytes)
  })
})

describe('fit', () => {
  const plan = 'preflop: 1\nmodel: Qwen/Qwen2.5-0.5B\n'

  test('knows the length of a run whose GPU is not known', async () => {
    const known = await run(['fit', '-'], `${plan}dataset: { max_steps: 500 }\n`)
    expect(known.code).toBe(0)
    expect(known.out).toContain('no GPU is known')
    expect(known.out).toContain('Hardware for the run, same global batch')
    const open = await run(['fit', '-'], plan)
    expect(open.out).toContain('Hardware for 1000 steps (its length is not known)')
  })

  test('says what keeps the run from starting', async () => {
    const sizes = 'gpus: 4\nhardware: { gpu: h100-80gb, gpus: 4 }\nparallelism: { tensor: 3 }\n'
    const { out } = await run(['fit', '-'], plan + sizes)
    expect(out).toContain('  error: -:4: `hardware.gpus` is not a key of the plan format.')
    expect(out).toMatch(/ {2}error: -:5: Tensor × pipeline × context parallelism is 3 and the run has 4 GPUs: .*/)
    expect(out).not.toContain('over-memory')
  })
})

describe('models', () => {
  test('--explain shows modules with their layers, and sums', async () => {
    const { code, out, err } = await run(['models', '--explain', 'deepseek-ai/DeepSeek-V3', '--offline'])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/mlp\.gate_proj +linear +7168 → 18432 +132,120,576 +3 \(0-2\) +396,361,728/)
    expect(out).toMatch(/mlp\.experts\.down_proj +experts, one parameter +256 × 2048 → 7168 .* 58 \(3-60\)/)
    expect(out).toMatch(/total +671,026,404,352/)
    expect(out).toMatch(/used per token +37,\d{3},\d{3},\d{3}/)
  })

  test('--explain says on the error stream what was assumed', async () => {
    const { out, err } = await run(['models', '--explain', 'google/gemma-3n-E2B-it', '--offline'])
    expect(err).toContain('not counted')
    expect(out).not.toContain('not counted')
  })
})

describe('explain', () => {
  test('gives formula and source of every number', async () => {
    const { out } = await run(['explain', 'examples/configs/axolotl-lora.yml', '--gpu', 'h100', '--price', '2.5'])
    expect(out).toContain('Moments of one step')
    expect(out.match(/source: /g)?.length ?? 0).toBeGreaterThan(10)
    expect(out).toContain('← peak')
  })
})
