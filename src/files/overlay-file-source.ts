import type { FileContent, FileSource } from './file-source.ts'

/** `files` with one file’s text replaced. */
export function overlayFileSource(files: FileSource, path: string, text: string): FileSource {
  return {
    list: () => files.list(),
    read: async (wanted): Promise<FileContent> =>
      wanted === path ? { status: 'found', text } : await files.read(wanted),
  }
}
