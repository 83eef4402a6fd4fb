import * as z from 'zod/mini'
import { folderOf, possiblePaths } from '../files/repository-path.ts'
import type { DatasetPlace } from './find-dataset-size.ts'

export type ListedDataset =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'hub'; readonly id: string }

const ENTRY = z.object({ file_name: z.optional(z.string()), hf_hub_url: z.optional(z.string()) })

/**
 * What LLaMA-Factory's `data/dataset_info.json` (its default `dataset_dir`) says under a name: a file beside it, or a Hub id.
 * null: there is no such list, or the name is not in it. Source: LLaMA-Factory src/llamafactory/data/parser.py.
 */
export async function listedDataset(name: string, { files, configPath }: DatasetPlace): Promise<ListedDataset | null> {
  if (!/^[\w.-]{1,100}$/.test(name)) return null
  const folder = folderOf(configPath)
  for (const data of new Set(['data', folder, ...possiblePaths('data', folder)])) {
    const content = await files.read(data === '' ? 'dataset_info.json' : `${data}/dataset_info.json`)
    if (content.status !== 'found') continue
    const entry = entryOf(content.text, name)
    if (entry?.hf_hub_url !== undefined) return { kind: 'hub', id: entry.hf_hub_url }
    if (entry?.file_name !== undefined)
      return { kind: 'file', path: data === '' ? entry.file_name : `${data}/${entry.file_name}` }
  }
  return null
}

function entryOf(text: string, name: string): z.output<typeof ENTRY> | null {
  try {
    const list = z.record(z.string(), z.unknown()).safeParse(JSON.parse(text))
    if (!list.success || !Object.hasOwn(list.data, name)) return null
    const entry = ENTRY.safeParse(list.data[name])
    return entry.success ? entry.data : null
  } catch {
    return null
  }
}
