import { logText, withoutControls } from './log-text.ts'

/** Writes to the job's log. Written here and not taken from @actions/core, which loads an HTTP client at import. */
export interface JobLog {
  /** One line; harmless whatever the text is. */
  line(text: string): void
  group(title: string, lines: readonly string[]): void
  annotate(annotation: Annotation): void
  /** Hides a secret in everything that is logged later. */
  mask(secret: string): void
}

export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice'
  readonly title: string
  readonly message: string
  readonly path: string | null
  readonly line: number | null
  readonly column: number | null
}

export function jobLog(write: (text: string) => void): JobLog {
  const put = (line: string) => write(`${line}\n`)
  return {
    line: text => put(logText(text)),
    group(title, lines) {
      put(`::group::${logText(title)}`)
      for (const line of lines) put(logText(line))
      put('::endgroup::')
    },
    annotate: annotation => put(annotationCommand(annotation)),
    mask(secret) {
      if (secret !== '') put(`::add-mask::${escapeData(secret)}`)
    },
  }
}

/** actions/runner cuts messages at 4,096 characters (ExecutionContext.cs `_maxIssueMessageLength`). */
const MESSAGE_CHARACTERS = 4000

/** `::error file=…,line=…::message` with every property and the message escaped. */
export function annotationCommand({ level, title, message, path, line, column }: Annotation): string {
  const properties = [
    ['file', path],
    ['line', line],
    ['col', line === null ? null : column],
    ['title', visible(title)],
  ]
    .flatMap(([name, value]) => (value === null || value === '' ? [] : [`${name}=${escapeProperty(String(value))}`]))
    .join(',')
  return `::${level} ${properties}::${escapeData(visible(message).slice(0, MESSAGE_CHARACTERS))}`
}

/** Line ends stay (they are escaped), everything that could act on a log or hide text goes. */
function visible(text: string): string {
  return text
    .split(/\r\n|[\r\n]/)
    .map(logText)
    .join('\n')
}

/** As actions/toolkit packages/core/src/command.ts `escapeData`. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

/** As actions/toolkit packages/core/src/command.ts `escapeProperty`; `##[` would be a command wherever it stands. */
function escapeProperty(text: string): string {
  const shown = text.split('\n').map(withoutControls).join('\n').replaceAll('##[', '## [')
  return escapeData(shown).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
