type Libraries = Readonly<Record<string, string>>

interface Release {
  readonly library: string
  readonly version: readonly [major: number, minor: number]
}

/** Is the named library older than `version`? An unnamed one is the current profile and is not. */
export function olderThan(libraries: Libraries, { library, version }: Release): boolean {
  const found = releaseOf(libraries[library])
  return found !== null && compareVersions(found, version.join('.')) < 0
}

/** Is the named library `version` or newer? An unnamed one is the current profile and is; of a commit nobody knows. */
export function isSince(libraries: Libraries, { library, version }: Release): boolean {
  const text = libraries[library]
  const found = releaseOf(text)
  return text === undefined || (found !== null && compareVersions(found, version.join('.')) >= 0)
}

/** Negative, zero or positive; missing parts count as 0, suffixes such as `.dev0` are ignored. */
export function compareVersions(a: string, b: string): number {
  const left = numbersOf(a)
  const right = numbersOf(b)
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function numbersOf(version: string): readonly number[] {
  const release = /^v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '0'
  return release.split('.').map(Number)
}

/** null: no release number, such as a commit. */
function releaseOf(text: string | undefined): string | null {
  return text !== undefined && /^v?\d+\.\d+/.test(text) ? text : null
}
