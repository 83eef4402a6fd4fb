type Libraries = Readonly<Record<string, string>>

interface Release {
  readonly library: string
  readonly version: readonly [major: number, minor: number]
}

/** Is the named library older than `version`? An unnamed one is the current profile and is not. */
export function olderThan(libraries: Libraries, { library, version }: Release): boolean {
  const found = releaseOf(libraries[library])
  return found !== null && isBefore(found, version)
}

/** Is the named library `version` or newer? An unnamed one is the current profile and is; of a commit nobody knows. */
export function isSince(libraries: Libraries, { library, version }: Release): boolean {
  const text = libraries[library]
  const found = releaseOf(text)
  return text === undefined || (found !== null && !isBefore(found, version))
}

/** null: no release number, such as a commit. */
function releaseOf(text: string | undefined): Release['version'] | null {
  const found = /^v?(\d+)\.(\d+)/.exec(text ?? '')
  return found === null ? null : [Number(found[1]), Number(found[2])]
}

function isBefore([major, minor]: Release['version'], [otherMajor, otherMinor]: Release['version']): boolean {
  return major < otherMajor || (major === otherMajor && minor < otherMinor)
}
