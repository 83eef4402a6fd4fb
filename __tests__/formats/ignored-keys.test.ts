import { describe, expect, test } from '@jest/globals'
import { ignoredNames } from '../../src/formats/ignored-keys.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { readText } from './read-text.ts'

const BASES: Readonly<Record<string, string>> = {
  axolotl:
    'base_model: org/model\ndatasets: [{ path: org/data, type: alpaca }]\nmicro_batch_size: 2\ngradient_accumulation_steps: 1\nsequence_len: 4096\n',
  'llama-factory':
    'model_name_or_path: org/model\nstage: sft\ndo_train: true\nfinetuning_type: lora\ndataset: identity\ncutoff_len: 1024\n',
  trl: 'model_name_or_path: org/model\ndataset_name: org/data\noutput_dir: out\nlearning_rate: 1e-5\n',
  transformers: 'model_name_or_path: org/model\nper_device_train_batch_size: 1\noutput_dir: out\n',
}
const LISTED = FORMAT_READERS.filter(({ ignored, format }) => ignored !== undefined && Object.hasOwn(BASES, format))

/** Keys that other rules look at together with these. */
const REFUSED = new Set(['will-not-start'])

describe.each(LISTED.map(reader => [reader.format, reader] as const))('%s', (format, { ignored = [], keys = [] }) => {
  const base = BASES[format] ?? ''
  const names = ignoredNames(ignored)

  test('no key is listed twice, nor among those that are read', () => {
    const read = keys.flatMap(({ key }) => key.split(', '))
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    expect(names.filter(name => read.includes(name))).toEqual([])
  })

  test.each([['true'], ['7'], ['word']])('a key that is left alone changes nothing at %s', async value => {
    const { plan, codes } = await readText(base)
    for (const name of names.filter(own => !base.includes(`${own}:`))) {
      const other = await readText(`${base}${name}: ${value}\n`)
      expect([name, other.format, other.plan]).toEqual([name, format, plan])
      expect([name, other.codes.filter(code => !REFUSED.has(code))]).toEqual([name, codes])
    }
  })
})

describe('a key that is nearly one of the framework’s', () => {
  test.each([
    ['axolotl', 'gradient_acumulation_steps: 8\n', 'gradient_accumulation_steps'],
    ['axolotl', 'sample_packin: true\n', 'sample_packing'],
    ['axolotl', 'learing_rate: 1e-5\n', 'learning_rate'],
    ['llama-factory', 'per_device_train_batchsize: 2\n', 'per_device_train_batch_size'],
    ['trl', 'gradient_checkpoiting: true\n', 'gradient_checkpointing'],
  ])('%s: %s', async (format, line, meant) => {
    const base = (BASES[format] ?? '').replace(`${meant}: 1\n`, '')
    const { findings } = await readText(`${base}${line}`)
    const [found] = findings.filter(({ code }) => code === 'unknown-key')
    expect(found).toMatchObject({ severity: 'warning', hint: `Did you mean \`${meant}\`?` })
    expect(found?.line).toBe(base.split('\n').length)
  })

  test.each([
    ['axolotl', 'my_plugin_option: 8\n'],
    ['axolotl', 'micro_batch_sizes: 8\n'],
    ['llama-factory', 'eval_dataset: a\nval_set_size: 0.1\n'],
    ['trl', 'system_prompt: a\n'],
  ])('is none of %s: %s', async (format, line) => {
    expect((await readText(`${BASES[format]}${line}`)).codes).not.toContain('unknown-key')
  })
})
