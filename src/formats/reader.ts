import type { Finding } from '../plan/finding.ts'
import type { PlanDraft } from '../plan/plan-draft.ts'
import type { ConfigDocument } from './config-document.ts'
import type { IgnoredKeys } from './ignored-keys.ts'

/** One framework's config format. To add a framework: one such file and one line in registry.ts. */
export interface FormatReader {
  /** Name in the report, e.g. `axolotl`. */
  readonly format: string
  /** By content (and the path only as a tie-break). Cheap: called for every candidate file. */
  recognise(document: ConfigDocument): boolean
  /** What is done with each key; docs/formats.md is written from it. */
  readonly keys?: readonly FormatKey[]
  /** Keys that it leaves alone on purpose; absent: the framework has no closed list of keys. */
  readonly ignored?: readonly IgnoredKeys[]
  /** The runs that the file describes, with the framework's own defaults filled in. Never throws on user input. */
  read(document: ConfigDocument, context: ReadContext): Promise<ReadResult>
}

/** One row of a format's table in docs/formats.md. */
export interface FormatKey {
  /** As written in the config, older spellings after a comma. */
  readonly key: string
  /** Plan key it sets, or what it changes. */
  readonly effect: string
  /** What holds when the key is absent. */
  readonly default: string
  /** Framework file and version where the default is written down. */
  readonly source: string
}

export interface ReadResult {
  readonly runs: readonly RunDraft[]
  /** About the file as a whole. */
  readonly findings: readonly Finding[]
}

/** One run as a reader sees it. */
export interface RunDraft {
  /** Tells runs of one file apart; null for the only one. */
  readonly name: string | null
  readonly draft: PlanDraft
  readonly findings: readonly Finding[]
}

/** A config that a launcher names, read by its own reader. */
export interface NestedConfig {
  readonly document: ConfigDocument
  readonly format: string
  readonly result: ReadResult
}

/** What a reader may ask for. Every opened path is recorded as a dependency of the run. */
export interface ReadContext {
  /**
   * A companion named in a config: looked up from the repository root, then from the folder of `from` and those above it.
   * null when it does not exist (the reader decides on `missing-companion`) or lies outside the repository.
   */
  open(path: string, from: ConfigDocument): Promise<ConfigDocument | null>
  /** Reads another config of any format, e.g. the one a launcher names. null: not found or not recognised. */
  readConfig(path: string, from: ConfigDocument): Promise<NestedConfig | null>
  /** Repository paths of the files in a folder, for companions by convention. */
  list(folder: string): Promise<readonly string[]>
  /** Library versions found in the repository (requirements, lock files …); empty: the current profile. */
  readonly libraries: Readonly<Record<string, string>>
}
