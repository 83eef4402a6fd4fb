import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { type Catalogue, catalogueText, rebuildCatalogue } from '../../bench/models/catalogue-rows.ts'
import type { ModelConfigResult } from '../../src/models/model-source.ts'

const path = new URL('../../data/models.json', import.meta.url)
const CATALOGUE: Catalogue = JSON.parse(readFileSync(path, 'utf8'))
const SMALL: Catalogue = {
  ...CATALOGUE,
  models: [
    ['org/old', 7, 'somewhere', ['mirror/old'], ['llama', 2, 64]],
    ['org/gone', 9, 'somewhere', [], ['llama', 3, 64]],
  ],
}

const llama = { model_type: 'llama', num_hidden_layers: 2, hidden_size: 64, rms_norm_eps: 1e-5, bos_token_id: 1 }
const vision = {
  model_type: 'llava',
  image_token_index: 9,
  text_config: { ...llama, torch_dtype: 'bfloat16', mlp_bias: false },
  vision_config: { model_type: 'clip_vision_model', hidden_size: 32, layer_norm_eps: 1e-5 },
}
const hub: Readonly<Record<string, ModelConfigResult>> = {
  'org/old': { status: 'found', config: llama, origin: 'hub', resolvedId: 'org/old', parameters: 7 },
  'org/new': { status: 'found', config: vision, origin: 'hub', resolvedId: 'org/new', parameters: 11 },
}

async function rebuild(catalogue: Catalogue, answers = hub, added: readonly string[] = []) {
  const config = async (id: string): Promise<ModelConfigResult> =>
    answers[id] ?? { status: 'denied', message: 'no answer' }
  return rebuildCatalogue({ catalogue, added, source: { config }, today: '2030-01-02' })
}

describe('the catalogue rebuilt', () => {
  test('what the Hub confirms and what it does not answer stays, new ids join', async () => {
    const { catalogue, report } = await rebuild(SMALL, hub, ['org/new', 'org/old'])
    expect(report).toEqual(['org/gone: no answer', 'org/new: new'])
    expect(catalogue.asOf).toBe('2030-01-02')
    expect(catalogue.models.map(([id]) => id)).toEqual(['org/gone', 'org/new', 'org/old'])
    expect(catalogue.models[2]).toBe(SMALL.models[0])
  })

  test('a multimodal config keeps its towers and no constants', async () => {
    const { catalogue } = await rebuild(SMALL, hub, ['org/new'])
    const [, parameters, source, , values, other, outer] = catalogue.models[1] ?? []
    expect([parameters, source]).toEqual([11, 'org/new:config.json on the Hub, 2030-01-02'])
    expect(values).toEqual(['llama', 2, 64, ...Array.from({ length: 8 }, () => ''), false])
    expect([other, outer]).toEqual([
      {},
      { model_type: 'llava', vision_config: { model_type: 'clip_vision_model', hidden_size: 32 } },
    ])
  })

  test('a Hub that does not answer is left alone', async () => {
    const many = { ...SMALL, models: Array.from({ length: 9 }, (_, index) => [`org/m${index}`, 1, 's', [], ['llama']]) }
    const asked: string[] = []
    const config = async (id: string): Promise<ModelConfigResult> => {
      asked.push(id)
      return { status: 'failed', message: 'silent' }
    }
    const { catalogue } = await rebuildCatalogue({
      catalogue: many,
      added: [],
      source: { config },
      today: '2030-01-02',
    })
    expect([asked.length, catalogue.models]).toEqual([3, many.models])
  })

  test('another shape or count is a change', async () => {
    const changed = { ...hub, 'org/old': { ...hub['org/old'], parameters: 8 } as ModelConfigResult }
    expect((await rebuild(SMALL, changed)).report).toContain('org/old: changed')
  })

  test('the file is written as it is read', () => {
    expect(catalogueText(CATALOGUE)).toBe(readFileSync(path, 'utf8'))
  })
})
