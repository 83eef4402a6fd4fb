/** `owner/name` as the Hub allows it: nothing that could reach another path or host. */
export function isHubId(id: string): boolean {
  return (
    id.length <= 96 &&
    /^(?:[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.-]*$/.test(id) &&
    !id.includes('..') &&
    !id.includes('--')
  )
}

/** A branch, tag, commit or `refs/pr/N`; it is encoded before it becomes part of an address. */
export function isRevision(revision: string): boolean {
  return /^[\w][\w./-]{0,99}$/.test(revision) && !revision.includes('..')
}
