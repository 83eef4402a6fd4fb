import type { ModelSource } from '../../src/models/model-source.ts'

/** data/models.json: [id, parameters, source, aliases, values of `fields`, other fields, what surrounds a text model]. */
export interface Catalogue {
  readonly asOf: string
  readonly fields: readonly string[]
  readonly models: readonly (readonly unknown[])[]
}

export interface Rebuilt {
  readonly catalogue: Catalogue
  /** One line per model that changed, is new, or could not be asked. */
  readonly report: readonly string[]
}

interface RebuildOptions {
  readonly catalogue: Catalogue
  /** Ids to add. */
  readonly added: readonly string[]
  readonly source: ModelSource
  /** Day of the answers, `YYYY-MM-DD`. */
  readonly today: string
}

/** Asks the Hub for every model of the catalogue and for new ones; what it does not answer stays as it was. */
export async function rebuildCatalogue({ catalogue, added, source, today }: RebuildOptions): Promise<Rebuilt> {
  const known = new Map(catalogue.models.map(row => [String(row[0]), row]))
  const report: string[] = []
  const models: (readonly unknown[])[] = []
  let silent = 0
  for (const id of [...known.keys(), ...added.filter(name => !known.has(name))]) {
    const row = known.get(id)
    const answer = silent < MOST_SILENT ? await source.config(id) : NOT_ASKED
    silent = answer.status === 'failed' ? silent + 1 : 0
    if (answer.status !== 'found') {
      report.push(`${id}: ${answer.message}`)
      if (row) models.push(row)
      continue
    }
    const packed = packModel(catalogue.fields, {
      id,
      aliases: Array.isArray(row?.[3]) ? row[3].map(String) : [],
      parameters: answer.parameters ?? numberOf(row?.[1]),
      source: `${id}:config.json on the Hub, ${today}`,
      config: answer.config,
    })
    const isSame =
      row !== undefined && JSON.stringify([row[1], ...row.slice(4)]) === JSON.stringify([packed[1], ...packed.slice(4)])
    if (!isSame) report.push(`${id}: ${row ? 'changed' : 'new'}`)
    models.push(isSame ? row : packed)
  }
  const sorted = models.toSorted((a, b) => (String(a[0]).toLowerCase() < String(b[0]).toLowerCase() ? -1 : 1))
  return { catalogue: { asOf: today, fields: catalogue.fields, models: sorted }, report }
}

/** A Hub that failed this often in a row is not asked again. */
const MOST_SILENT = 3
const NOT_ASKED = { status: 'failed', message: 'not asked, the Hub does not answer' } as const

/** The file's text: one model a line. */
export function catalogueText({ asOf, fields, models }: Catalogue): string {
  const head = JSON.stringify({ asOf, fields }).slice(0, -1)
  return `${head},"models":[\n${models.map(row => JSON.stringify(row)).join(',\n')}\n]}\n`
}

interface PackOptions {
  readonly id: string
  readonly aliases: readonly string[]
  readonly parameters: number | null
  readonly source: string
  readonly config: unknown
}

function packModel(
  fields: readonly string[],
  { id, aliases, parameters, source, config }: PackOptions,
): readonly unknown[] {
  const whole = shapeOf(config)
  const inner = TEXT_BLOCKS.find(key => typeof whole[key] === 'object' && whole[key] !== null)
  const text = inner === undefined ? whole : shapeOf(whole[inner])
  const values: unknown[] = fields.map(field => text[field] ?? '')
  while (values.at(-1) === '') values.pop()
  const other = Object.fromEntries(Object.entries(text).filter(([key]) => !fields.includes(key)))
  const row = [id, parameters, source, aliases, values]
  if (inner !== undefined) {
    const outer = Object.fromEntries(Object.entries(whole).filter(([key]) => key !== inner))
    return [...row, other, outer]
  }
  return Object.keys(other).length > 0 ? [...row, other] : row
}

const TEXT_BLOCKS = ['text_config', 'llm_config', 'language_config'] as const

/** Keys that decide no shape: token ids, rotary and norm constants, scalings, names of code and of versions. */
const SHAPELESS =
  /token_(?:id|index)|_eps$|epsilon|initializer|^rope|theta|rotary_|use_cache|version|dtype|auto_map|temperature|^top_p|scal(?:e|ing)$|_multiplier$|id2label|label2id|name_or_path|_coef|aux_loss|^task_|chat|generation|loss_type|pretraining_tp|_range$|return_dict|output_(?:attentions|hidden)|torchscript|prefix|problem_type|finetuning/

function shapeOf(config: unknown): Readonly<Record<string, unknown>> {
  if (typeof config !== 'object' || config === null) return {}
  // null stays: it says that the class's default does not hold
  const kept = Object.entries(config).filter(([key]) => !SHAPELESS.test(key))
  return Object.fromEntries(
    kept.map(([key, value]) => [key, /_config$/.test(key) && !Array.isArray(value) ? shapeOf(value) : value]),
  )
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
