import type { FileContent, FileSource } from './file-source.ts'

/** Files held in memory: standard input, inline plans, tests. */
export function memoryFileSource(files: ReadonlyMap<string, string>): FileSource {
  return {
    async list() {
      return [...files].map(([path, text]) => ({ path, kind: 'file', size: text.length }) as const)
    },
    async read(path): Promise<FileContent> {
      const text = files.get(path)
      return text === undefined ? { status: 'missing' } : { status: 'found', text }
    },
  }
}
