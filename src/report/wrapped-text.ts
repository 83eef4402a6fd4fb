const MIN_TEXT_COLUMNS = 24

/** `text` behind `head`, broken between words and indented under itself: nothing is cut. */
export function wrapped(head: string, text: string, columns: number): readonly string[] {
  const width = Math.max(MIN_TEXT_COLUMNS, columns - head.length)
  const rows: string[] = []
  let row = ''
  for (const word of unbreakable(text)) {
    if (row !== '' && row.length + 1 + word.length > width) {
      rows.push(row)
      row = word
    } else row = row === '' ? word : `${row} ${word}`
  }
  rows.push(row)
  return rows.map((own, index) => `${index === 0 ? head : ' '.repeat(head.length)}${own}`.trimEnd())
}

/** Words between which a line may break: not inside a command, nor between a number and its sign. */
function unbreakable(text: string): readonly string[] {
  const words: string[] = []
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? ['']) {
    const last = words.at(-1)
    if (last !== undefined && (/^[%×]/.test(word) || last.endsWith('×'))) words[words.length - 1] = `${last} ${word}`
    else words.push(word)
  }
  return words
}

/** A paragraph whose later lines stand `indent` columns in. */
export function hanging(text: string, indent: number, columns: number): readonly string[] {
  return wrapped(text.slice(0, indent), text.slice(indent), columns)
}
