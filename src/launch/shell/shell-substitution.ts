import { arithmetic } from './shell-arithmetic.ts'

type Lookup = (variable: string) => string | null

interface KnownSubstitution {
  readonly pattern: RegExp
  readonly result: (match: RegExpExecArray, lookup: Lookup) => string | null
}

const OWN_FOLDER = /^\s*(?:cd\s[^;&|]*|dirname\s|realpath\s|readlink\s)[^|;]*(?:\$\{?0\}?|BASH_SOURCE)[^|;]*$/

/** Command substitutions whose output follows from the script's text alone. */
const KNOWN: readonly KnownSubstitution[] = [
  { pattern: /^\s*pwd\s*$/, result: () => '.' },
  { pattern: OWN_FOLDER, result: match => `.${'/..'.repeat(match[0].match(/\/\.\.(?=[/")\s&])/g)?.length ?? 0)}` },
  { pattern: /^\s*(?:which|command -v)\s+([\w./-]+)\s*$/, result: match => match[1] ?? null },
  {
    pattern: /^\s*echo\s+"?\$\{?(\w+)\}?"?\s*\|\s*tr\s+["']?,["']?\s+["']?\\n["']?\s*\|\s*wc\s+-l\s*$/,
    result: countOfList,
  },
  {
    pattern: /^\s*echo\s+"?\$\{?(\w+)\}?"?\s*\|\s*awk\s+-F\s*["']?,["']?\s+["']\{\s*print\s+NF\s*\}["']\s*$/,
    result: countOfList,
  },
  {
    pattern: /^\s*awk\s+-F\s*["']?,["']?\s+["']\{\s*print\s+NF\s*\}["']\s*<<<\s*"?\$\{?(\w+)\}?"?\s*$/,
    result: countOfList,
  },
  { pattern: /^\s*echo\s+"?\$\{?(\w+)\}?"?\s*$/, result: (match, lookup) => lookup(match[1] ?? '') },
  {
    pattern: /^\s*(?:expr|echo)\s+(?:\$\(\()?([\w\s$+\-*/%\\{}()]+?)(?:\)\))?\s*$/,
    result(match, lookup) {
      const known = (match[1] ?? '')
        .replace(/\\/g, '')
        .replace(/\$?\{?([A-Za-z_]\w*)\}?/g, (_, name: string) => lookup(name) ?? '?')
      const value = arithmetic(known)
      return value === null ? null : String(value)
    },
  },
]

/** Output of `$(…)` where the text decides it; null where only a run could tell. */
export function substitution(source: string, lookup: Lookup): string | null {
  if (source.length > 200) return null
  for (const { pattern, result } of KNOWN) {
    const match = pattern.exec(source)
    if (match !== null) return result(match, lookup)
  }
  return null
}

function countOfList(match: RegExpExecArray, lookup: Lookup): string | null {
  const list = lookup(match[1] ?? '')
  return list === null || list === '' ? null : String(list.split(',').length)
}
