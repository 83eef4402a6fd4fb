/** The page with the text between `<!-- name -->` and `<!-- end of name -->` replaced; a page without the marks is an error. */
export function withPart(page: string, name: string, text: string): string {
  const marks = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end of ${name} -->)`)
  if (!marks.test(page)) throw new Error(`the page has no part "${name}"`)
  return page.replace(marks, (_, start: string, end: string) => `${start}${text}\n${end}`)
}
