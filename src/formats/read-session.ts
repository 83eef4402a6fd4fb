import type { FileSource } from '../files/file-source.ts'
import { folderOf, possiblePaths } from '../files/repository-path.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault } from '../plan/plan-draft.ts'
import type { ConfigDocument } from './config-document.ts'
import { parseDocument } from './parse-document.ts'
import type { FormatReader, NestedConfig, ReadContext, ReadResult, RunDraft } from './reader.ts'

/** A config as its own reader understands it, with every repository path that its runs depend on. */
export interface ReadConfig {
  readonly document: ConfigDocument
  readonly format: string
  readonly result: ReadResult
  readonly dependencies: readonly string[]
  /** Configs that it launches: what it says of their runs stands. */
  readonly launched: readonly string[]
}

/** Library → version for a config; empty: the current profile. */
export type LibrariesOf = (path: string) => Readonly<Record<string, string>>

/** Reads configs of one tree; documents are parsed once. */
export class ReadSession {
  readonly #files: FileSource
  readonly #readers: readonly FormatReader[]
  readonly #librariesOf: LibrariesOf
  readonly #documents = new Map<string, Promise<ConfigDocument | null>>()
  #listing: Promise<ReadonlyMap<string, readonly string[]>> | undefined

  constructor(files: FileSource, readers: readonly FormatReader[], librariesOf: LibrariesOf = () => ({})) {
    this.#files = files
    this.#readers = readers
    this.#librariesOf = librariesOf
  }

  /** null: the file does not exist. A refused file is a document with one finding. */
  document(path: string): Promise<ConfigDocument | null> {
    const known = this.#documents.get(path)
    if (known) return known
    const document = this.#load(path)
    this.#documents.set(path, document)
    return document
  }

  /** The first reader that recognises the document; null: none. */
  readerOf(document: ConfigDocument): FormatReader | null {
    return this.#readers.find(reader => reader.recognise(document)) ?? null
  }

  async read(document: ConfigDocument, reader: FormatReader): Promise<ReadConfig> {
    const dependencies = new Set([document.path])
    const launched = new Set<string>()
    const problems: Finding[] = []
    const context = this.#context({
      dependencies,
      launched,
      problems,
      libraries: this.#librariesOf(document.path),
      open: new Set([document.path]),
    })
    const result = await reader.read(document, context)
    const findings = [...document.findings, ...problems, ...result.findings]
    return {
      document,
      format: reader.format,
      result: { runs: result.runs.map(run => withLibraries(run, context.libraries)), findings },
      dependencies: [...dependencies],
      launched: [...launched],
    }
  }

  #context(state: ContextState): ReadContext {
    return {
      libraries: state.libraries,
      open: (path, from) => this.#open(path, from, state),
      readConfig: async (path, from): Promise<NestedConfig | null> => {
        const document = await this.#open(path, from, state)
        if (!document || state.open.has(document.path)) return null
        const reader = this.readerOf(document)
        if (!reader) return null
        state.launched.add(document.path)
        const nested = this.#context({ ...state, open: new Set([...state.open, document.path]) })
        return { document, format: reader.format, result: await reader.read(document, nested) }
      },
      list: async folder => (await this.#folders()).get(folder.replace(/\/+$/, '')) ?? [],
    }
  }

  async #open(
    path: string,
    from: ConfigDocument,
    { dependencies, problems }: ContextState,
  ): Promise<ConfigDocument | null> {
    const candidates = possiblePaths(path, folderOf(from.path))
    if (candidates.length === 0) {
      const message = `\`${path.slice(0, 200)}\` leaves the repository or is not a path inside it.`
      if (/^\.\.|\/\.\.|^\//.test(path))
        problems.push(finding('outside-repository', { path: from.path, message, severity: 'warning' }))
      return null
    }
    for (const candidate of candidates) {
      const document = await this.document(candidate)
      dependencies.add(candidate)
      if (document) return document
    }
    return null
  }

  async #load(path: string): Promise<ConfigDocument | null> {
    const content = await this.#files.read(path)
    if (content.status === 'missing') return null
    if (content.status === 'found') return parseDocument(path, content.text)
    const refused = finding(content.code ?? 'input-limit', {
      path,
      message: `The file was not read: ${content.reason}.`,
    })
    return { path, text: '', syntax: 'text', roots: [], findings: [refused] }
  }

  #folders(): Promise<ReadonlyMap<string, readonly string[]>> {
    this.#listing ??= this.#files.list().then(entries => {
      const folders = new Map<string, string[]>()
      for (const { path, kind } of entries) {
        if (kind !== 'file') continue
        const folder = folderOf(path)
        const files = folders.get(folder) ?? []
        files.push(path)
        folders.set(folder, files)
      }
      return folders
    })
    return this.#listing
  }
}

interface ContextState {
  readonly libraries: Readonly<Record<string, string>>
  readonly dependencies: Set<string>
  readonly launched: Set<string>
  readonly problems: Finding[]
  /** Configs being read, outermost first: a launcher that names itself ends here. */
  readonly open: ReadonlySet<string>
}

/** Formulas of memory and time ask for versions whatever the reader does with them; what a plan says of itself stands. */
function withLibraries(run: RunDraft, libraries: ReadContext['libraries']): RunDraft {
  if (Object.keys(libraries).length === 0) return run
  return { ...run, draft: { libraries: byDefault(libraries, 'the repository'), ...run.draft } }
}
