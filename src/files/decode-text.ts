import type { FileContent } from './file-source.ts'

/** A file's bytes as text; refused when they are not UTF-8 text. A byte order mark is dropped. */
export function decodeText(bytes: Uint8Array): FileContent {
  if (isUtf16(bytes)) return notText('it is UTF-16, not UTF-8')
  try {
    return textContent(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return notText('it is not UTF-8 text')
  }
}

/** Text that another program has decoded, with what no config is taken out. */
export function textContent(text: string): FileContent {
  if (text.includes('\0')) return notText('it is not UTF-8 text')
  if (text.startsWith('version https://git-lfs.github.com/spec/'))
    return notText('it is a Git LFS pointer, not the file itself')
  return { status: 'found', text: text.startsWith('\ufeff') ? text.slice(1) : text }
}

function notText(reason: string): FileContent {
  return { status: 'refused', reason, code: 'encoding-error' }
}

function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
}
