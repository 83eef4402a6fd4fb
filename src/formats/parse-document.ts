import { parse as parseToml, TomlError } from 'smol-toml'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { ConfigDocument } from './config-document.ts'
import { inputProblem } from './input-problem.ts'
import { blankJsonComments } from './json-comments.ts'
import { locateTomlKeys } from './toml-positions.ts'
import { parseYaml } from './yaml-document.ts'

/** Text to a document with positions. Never throws: what is wrong becomes findings. */
export function parseDocument(path: string, text: string): ConfigDocument {
  const syntax = syntaxOf(path, text)
  const problem = inputProblem(path, text, syntax)
  if (problem) return { path, text: '', syntax, roots: [], findings: [problem] }
  const clean = lineFeeds(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  if (syntax === 'toml') return parseTomlDocument(path, clean)
  if (syntax === 'yaml') return { path, text: clean, syntax, ...parseYaml(path, clean, '1.1') }
  if (syntax === 'json') return { path, text: clean, syntax, ...parseYaml(path, blankJsonComments(clean), '1.2') }
  return { path, text: clean, syntax, roots: [], findings: [] }
}

/** A lone CR ends a line for PyYAML, Python and shells of that age; offsets stay. */
function lineFeeds(text: string): string {
  return text.includes('\r') ? text.replaceAll(/\r(?!\n)/g, '\n') : text
}

/** True for file names that may hold a training config; others are not even fetched. */
export function isConfigPath(path: string): boolean {
  return /\.(ya?ml|jsonc?|toml|sh|bash|sbatch|slurm)$/i.test(path)
}

function syntaxOf(path: string, text: string): ConfigDocument['syntax'] {
  const name = path.toLowerCase()
  if (/\.ya?ml$/.test(name)) return 'yaml'
  if (/\.jsonc?$/.test(name) || (name.endsWith('.conf') && text.trimStart().startsWith('{'))) return 'json'
  if (name.endsWith('.toml')) return 'toml'
  if (/\.(sh|bash|sbatch|slurm)$/.test(name) || /^#!.*\b(ba|z|da)?sh\b/.test(text.slice(0, 80))) return 'shell'
  if (name === '-' || name === 'plan') return text.trimStart().startsWith('{') ? 'json' : 'yaml'
  return 'text'
}

function parseTomlDocument(path: string, text: string): ConfigDocument {
  try {
    const { root, findings } = locateTomlKeys(path, text, parseToml(text))
    return { path, text, syntax: 'toml', roots: root ? [root] : [], findings }
  } catch (error) {
    const problem = tomlProblem(path, error)
    if (problem === null) throw error
    return { path, text, syntax: 'toml', roots: [], findings: [problem] }
  }
}

function tomlProblem(path: string, error: unknown): Finding | null {
  if (error instanceof RangeError)
    return finding('input-limit', { path, line: 1, message: 'The file has tables nested too deep to be read.' })
  if (!(error instanceof TomlError)) return null
  const message = error.message.split('\n', 1)[0] ?? error.message
  return finding('syntax-error', {
    path,
    line: error.line,
    column: error.column,
    message: `Not valid TOML: ${message.replace(/^Invalid TOML document: /, '')}.`,
  })
}
