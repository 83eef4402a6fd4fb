/** JSON with `//` and block comments (DeepSpeed files have them): comments become spaces, so that positions stay. */
export function blankJsonComments(text: string): string {
  if (!text.includes('//') && !text.includes('/*')) return text
  return text.replace(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//g, match =>
    match.startsWith('"') ? match : match.replace(/[^\n]/g, ' '),
  )
}
