import * as z from 'zod/mini'
import { isHubId } from '../models/hub-id.ts'
import { hubProblem, isMissingFile } from '../models/hub-problem.ts'
import { type HubOptions, requestJson } from '../models/hub-request.ts'
import type { DatasetSizeResult, DatasetSource } from './dataset-size.ts'

const COUNT = z.int().check(z.nonnegative())
const SPLIT = z.object({ name: z.string(), num_examples: COUNT })
const CONFIG = z.object({ config_name: z.optional(z.string()), splits: z.array(SPLIT) })
const CARD = z.object({
  cardData: z.optional(z.object({ dataset_info: z.optional(z.union([CONFIG, z.array(CONFIG)])) })),
})
const SERVER = z.object({
  partial: z.optional(z.boolean()),
  size: z.object({
    splits: z.array(z.object({ config: z.string(), split: z.string(), num_rows: COUNT })),
  }),
})

/** Hugging Face's dataset viewer, which counts what a card does not state; it serves the Hub alone, no mirror. */
const VIEWER = 'https://datasets-server.huggingface.co'
const HUB_HOST = 'huggingface.co'
/** A repository of configs never makes more look-ups than this. */
const MOST_LOOKUPS = 20

/** One failure stands for all: a machine without a network is not kept waiting for every name. */
const SILENT: DatasetSizeResult = { status: 'unknown', message: 'the Hub did not answer' }

/** Rows of a data set's training split from its card, else from the dataset viewer (without a token). Each id is asked once. */
export function createHubDatasets(options: HubOptions): DatasetSource {
  const cache = new Map<string, Promise<DatasetSizeResult>>()
  let isSilent = false
  return {
    size(id) {
      if (!isHubId(id)) return Promise.resolve({ status: 'missing' })
      const known = cache.get(id)
      if (known) return known
      if (cache.size >= MOST_LOOKUPS)
        return Promise.resolve({
          status: 'unknown',
          message: `more than ${MOST_LOOKUPS} data sets; the Hub was not asked`,
        })
      const asked = isSilent ? Promise.resolve(SILENT) : ask(options, id)
      cache.set(id, asked)
      return asked.then(result => {
        isSilent ||= result === SILENT
        return result
      })
    },
  }
}

async function ask(options: HubOptions, id: string): Promise<DatasetSizeResult> {
  const card = await requestJson(options, new URL(`${options.endpoint.replace(/\/+$/, '')}/api/datasets/${id}`))
  if (isMissingFile(card)) return { status: 'missing' }
  if (card.status !== 'found') {
    const problem = hubProblem(card, id, options)
    return problem.status === 'failed' ? SILENT : { status: 'unknown', message: problem.message }
  }
  const parsed = CARD.safeParse(card.value)
  const info = parsed.success ? parsed.data.cardData?.dataset_info : undefined
  const stated = info === undefined ? [] : [info].flat().flatMap(rowsOfConfig)
  if (stated.length > 0) return trainingRows(id, stated, 'the data set’s card')
  if (new URL(options.endpoint).hostname !== HUB_HOST)
    return { status: 'unknown', message: `the card of \`${id}\` states no number of rows` }
  const address = new URL(`${VIEWER}/size?dataset=${encodeURIComponent(id)}`)
  const counted = await requestJson({ ...options, token: null }, address)
  const sizes = counted.status === 'found' ? SERVER.safeParse(counted.value) : null
  if (!sizes?.success || sizes.data.partial === true)
    return { status: 'unknown', message: `neither the card of \`${id}\` nor the dataset viewer gives its rows` }
  return trainingRows(
    id,
    sizes.data.size.splits.map(({ config, split, num_rows: rows }) => ({ config, split, rows })),
    'the dataset viewer',
  )
}

interface SplitRows {
  readonly config: string
  readonly split: string
  readonly rows: number
}

function rowsOfConfig({ config_name: config = 'default', splits }: z.output<typeof CONFIG>): readonly SplitRows[] {
  return splits.map(({ name, num_examples: rows }) => ({ config, split: name, rows }))
}

/** The `train` split of the only or default configuration; several others cannot be told apart from here. */
function trainingRows(id: string, splits: readonly SplitRows[], source: string): DatasetSizeResult {
  const configs = [...new Set(splits.map(({ config }) => config))]
  const config = configs.length === 1 ? configs[0] : configs.find(name => name === 'default')
  const own = splits.filter(split => split.config === config)
  const train = own.length === 1 ? own[0] : own.find(({ split }) => split === 'train')
  if (!train)
    return {
      status: 'unknown',
      message: `\`${id}\` has ${splits.length} parts (${splits
        .slice(0, 5)
        .map(({ config: name, split }) => `${name}/${split}`)
        .join(', ')}), and which of them trains is not known`,
    }
  return {
    status: 'found',
    size: {
      samples: train.rows,
      meanTokens: null,
      note: `${train.rows} rows of \`${train.split}\` by ${source} on the Hub`,
    },
  }
}
