/**
 * JSON with `//` and block comments (DeepSpeed files have them): comments become spaces, so that positions stay.
 * One pass: each character is looked at once, whatever the text.
 */
export function blankJsonComments(text: string): string {
  if (!text.includes('//') && !text.includes('/*')) return text
  const parts: string[] = []
  let kept = 0
  let at = 0
  while (at < text.length) {
    const character = text[at]
    if (character === '"') at = stringEnd(text, at)
    else if (character !== '/' || (text[at + 1] !== '/' && text[at + 1] !== '*')) at += 1
    else {
      const end = commentEnd(text, at)
      parts.push(text.slice(kept, at), text.slice(at, end).replace(/[^\n]/g, ' '))
      kept = end
      at = end
    }
  }
  return parts.join('') + text.slice(kept)
}

/** After the closing quote; a string that its line does not close ends with the line. */
function stringEnd(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"' && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function commentEnd(text: string, start: number): number {
  const isLine = text[start + 1] === '/'
  const end = isLine ? text.indexOf('\n', start) : text.indexOf('*/', start + 2)
  return end < 0 ? text.length : isLine ? end : end + 2
}
