/** Is the named library older than `version`? An unnamed one is the current profile and is not. */
export function olderThan(
  libraries: Readonly<Record<string, string>>,
  { library, version }: { readonly library: string; readonly version: readonly [number, number] },
): boolean {
  const found = /^(\d+)\.(\d+)/.exec(libraries[library] ?? '')
  if (found === null) return false
  const [major, minor] = [Number(found[1]), Number(found[2])]
  return major < version[0] || (major === version[0] && minor < version[1])
}
