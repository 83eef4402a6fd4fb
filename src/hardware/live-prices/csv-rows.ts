/** Rows of a CSV stream as fields by header name; quoted fields may hold commas, quotes and line breaks (RFC 4180). */
export async function* csvRows(chunks: AsyncIterable<string>): AsyncGenerator<ReadonlyMap<string, string>> {
  let header: readonly string[] | null = null
  for await (const fields of records(chunks)) {
    if (header === null) header = fields.map(name => name.trim().toLowerCase())
    else if (fields.length > 1) yield new Map(header.map((name, index) => [name, fields[index]?.trim() ?? '']))
  }
}

async function* records(chunks: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let fields: string[] = []
  let field = ''
  let isQuoted = false
  for await (const chunk of chunks)
    for (const character of chunk) {
      // a doubled quote closes and opens again; which quote it was does not matter to what is read here
      if (character === '"') isQuoted = !isQuoted
      else if (isQuoted || (character !== ',' && character !== '\n')) field += character
      else {
        fields.push(field)
        field = ''
        if (character === ',') continue
        yield fields
        fields = []
      }
    }
  if (field !== '' || fields.length > 0) yield [...fields, field]
}
