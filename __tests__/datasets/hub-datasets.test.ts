import { expect, test } from '@jest/globals'
import { createHubDatasets } from '../../src/datasets/hub-datasets.ts'

interface Asked {
  readonly url: string
  readonly token: string | undefined
}

/** A Hub that answers by address; null is a network that fails. */
function hub(answers: Readonly<Record<string, unknown>>, endpoint = 'https://huggingface.co') {
  const asked: Asked[] = []
  const source = createHubDatasets({
    endpoint,
    token: 'secret',
    timeoutMs: 1000,
    attempts: 1,
    sleep: async () => undefined,
    async fetch(url, { headers }) {
      asked.push({ url, token: headers['authorization'] })
      const known = answers[url]
      if (known === null) throw new Error('no network')
      return known === undefined ? new Response('', { status: 404 }) : new Response(JSON.stringify(known))
    },
  })
  return { source, asked }
}

const CARD = 'https://huggingface.co/api/datasets/org/data'
const VIEWER = 'https://datasets-server.huggingface.co/size?dataset=org%2Fdata'
const splits = (...rows: readonly (readonly [string, number])[]) =>
  rows.map(([name, num_examples]) => ({ name, num_examples }))
const card = (dataset_info: unknown) => ({ cardData: { dataset_info } })
const viewed = (rows: readonly (readonly [string, string, number])[], partial = false) => ({
  partial,
  size: { splits: rows.map(([config, split, num_rows]) => ({ config, split, num_rows })) },
})

test.each([
  ['the card’s training split', { [CARD]: card({ splits: splits(['train', 900], ['test', 100]) }) }, 900],
  ['the only split', { [CARD]: card({ splits: splits(['all', 50]) }) }, 50],
  [
    'the default of several configurations',
    {
      [CARD]: card([
        { config_name: 'raw', splits: splits(['train', 1]) },
        { config_name: 'default', splits: splits(['train', 2]) },
      ]),
    },
    2,
  ],
  [
    'several configurations, none the default',
    {
      [CARD]: card([
        { config_name: 'en', splits: splits(['train', 1]) },
        { config_name: 'de', splits: splits(['train', 2]) },
      ]),
    },
    null,
  ],
  ['several splits, none for training', { [CARD]: card({ splits: splits(['a', 1], ['b', 2]) }) }, null],
  ['the viewer’s count', { [CARD]: {}, [VIEWER]: viewed([['default', 'train', 77]]) }, 77],
  ['a partial count of the viewer', { [CARD]: {}, [VIEWER]: viewed([['default', 'train', 77]], true) }, null],
  ['neither card nor viewer', { [CARD]: {} }, null],
  ['an answer of another shape', { [CARD]: card('many') }, null],
  ['no such data set', {}, null],
  ['no network', { [CARD]: null }, null],
])('%s', async (_name, answers, samples) => {
  const { source, asked } = hub(answers)
  const result = await source.size('org/data')
  expect(result.status === 'found' ? result.size.samples : null).toBe(samples)
  expect(asked.filter(({ token, url }) => token !== undefined && !url.startsWith('https://huggingface.co/'))).toEqual(
    [],
  )
})

test('a mirror is asked for the card and nobody for the rest', async () => {
  const { source, asked } = hub({ 'https://mirror.example/api/datasets/org/data': {} }, 'https://mirror.example')
  expect((await source.size('org/data')).status).toBe('unknown')
  expect(asked.map(({ url }) => new URL(url).host)).toEqual(['mirror.example'])
})

test('asks once for an id, never for what is none, and gives up after a network failure', async () => {
  const { source, asked } = hub({ [CARD]: card({ splits: splits(['train', 9]) }) })
  await source.size('org/data')
  await source.size('org/data')
  for (const id of ['../x', 'a b', 'data/deep/train.jsonl', 'https://x', 'a'.repeat(200)]) await source.size(id)
  expect(asked).toHaveLength(1)
  const broken = hub({ 'https://huggingface.co/api/datasets/org/a': null })
  await broken.source.size('org/a')
  await broken.source.size('org/b')
  expect(broken.asked).toHaveLength(1)
})
