interface WrittenFlag {
  readonly line: number
  /** As written; true: the flag stands alone. */
  readonly value: string | number | boolean
}

/** Where a command line sets `--key value`, `--key=value` or `--key`; null: nowhere, or in several places. */
export function findFlag(text: string, key: string): WrittenFlag | null {
  const found = [...text.matchAll(flagPattern(key))]
  const [only] = found
  if (!only || found.length > 1) return null
  const line = text.slice(0, only.index + (only.groups?.['before']?.length ?? 0)).split('\n').length
  const value = only.groups?.['value']
  return { line, value: value === undefined ? true : plainValue(value.replace(/^(["'])(.*)\1$/, '$2')) }
}

function plainValue(text: string): string | number | boolean {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text)
  return /^(?:true|false)$/i.test(text) ? text.toLowerCase() === 'true' : text
}

/** The script with the flags set: replaced where they are, else added before a flag that only the trainer has. */
export function writeFlags(
  text: string,
  changes: readonly { readonly key: string; readonly to: unknown }[],
): string | null {
  let written = text
  for (const { key, to } of changes) {
    if (typeof to !== 'string' && typeof to !== 'number' && typeof to !== 'boolean') return null
    const flag = to === true ? `--${key}` : `--${key} ${to}`
    const places = [...written.matchAll(flagPattern(key))].length
    if (places > 1) return null
    written =
      places === 1
        ? written.replace(flagPattern(key), `$<before>${flag}`)
        : written.replace(TRAINER_FLAG, `$<before>${flag} --$<name>`)
    if (places === 0 && !TRAINER_FLAG.test(text)) return null
  }
  return written
}

/** A launcher such as torchrun or accelerate has none of these. */
const TRAINER_FLAG =
  /(?<before>^(?:[^#\n]*[ \t])?)--(?<name>(?:per_device_train_batch_size|micro[_-](?:train_)?batch[_-]size|learning_rate|lr|output_dir|model_name_or_path|model|dataset)(?=[= \t]))/m

/** Keys are of our own tables; commands spell them with `_` or `-`. */
function flagPattern(key: string): RegExp {
  const name = key.replaceAll('.', '\\.').replaceAll(/[_-]/g, '[_-]')
  return new RegExp(
    `(?<before>(?:^|[ \\t]))--${name}(?:(?:=|[ \\t]+)(?<value>"[^"\\n]*"|'[^'\\n]*'|(?!--)[^\\s\\\\]+)|(?=[ \\t\\n\\\\]|$))`,
    'gm',
  )
}
