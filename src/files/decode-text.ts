import type { FileContent } from './file-source.ts'

/** A file's bytes as text; refused when they are not UTF-8 text. A byte order mark is dropped. */
export function decodeText(bytes: Uint8Array): FileContent {
  try {
    return textContent(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return { status: 'refused', reason: 'it is not UTF-8 text' }
  }
}

/** Text that another program has decoded, with what no config is taken out. */
export function textContent(text: string): FileContent {
  if (text.includes('\0')) return { status: 'refused', reason: 'it is not UTF-8 text' }
  if (text.startsWith('version https://git-lfs.github.com/spec/'))
    return { status: 'refused', reason: 'it is a Git LFS pointer, not the file itself' }
  return { status: 'found', text: text.startsWith('\ufeff') ? text.slice(1) : text }
}
