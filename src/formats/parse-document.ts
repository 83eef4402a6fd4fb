import { parse as parseToml, TomlError } from 'smol-toml'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { ConfigDocument } from './config-document.ts'
import { INPUT_LIMITS } from './input-limits.ts'
import { blankJsonComments } from './json-comments.ts'
import { locateTomlKeys } from './toml-positions.ts'
import { parseYaml } from './yaml-document.ts'

/** Text to a document with positions. Never throws: what is wrong becomes findings. */
export function parseDocument(path: string, text: string): ConfigDocument {
  const syntax = syntaxOf(path, text)
  const problem = inputProblem(path, text)
  if (problem) return { path, text: '', syntax, roots: [], findings: [problem] }
  const clean = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  if (syntax === 'toml') return parseTomlDocument(path, clean)
  if (syntax === 'yaml') return { path, text: clean, syntax, ...parseYaml(path, clean, '1.1') }
  if (syntax === 'json') return { path, text: clean, syntax, ...parseYaml(path, blankJsonComments(clean), '1.2') }
  return { path, text: clean, syntax, roots: [], findings: [] }
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

function inputProblem(path: string, text: string): Finding | null {
  if (text.length > INPUT_LIMITS.fileBytes)
    return finding('input-limit', {
      path,
      message: `The file has ${text.length} characters; expected at most ${INPUT_LIMITS.fileBytes}.`,
    })
  if (text.includes('\0') || text.includes('\uFFFD'))
    return finding('encoding-error', {
      path,
      message: 'The file holds NUL or bytes that are not UTF-8; expected UTF-8 text.',
    })
  if (text.startsWith('version https://git-lfs.github.com/spec/'))
    return finding('encoding-error', {
      path,
      message: 'The file is a Git LFS pointer; its content is not in the repository.',
      hint: 'Keep configs out of LFS.',
    })
  return null
}

function parseTomlDocument(path: string, text: string): ConfigDocument {
  try {
    return { path, text, syntax: 'toml', roots: [locateTomlKeys(path, text, parseToml(text))], findings: [] }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const message = error.message.split('\n', 1)[0] ?? error.message
    const problem = finding('syntax-error', { path, line: error.line, column: error.column, message })
    return { path, text, syntax: 'toml', roots: [], findings: [problem] }
  }
}
