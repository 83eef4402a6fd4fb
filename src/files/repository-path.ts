/**
 * `path` as a repository path, relative to `folder`; null when it leaves the repository, is absolute, or is no path at all.
 * Nothing is read: this is text only.
 */
export function repositoryPath(path: string, folder = ''): string | null {
  if (
    path.length === 0 ||
    path.length > 1000 ||
    /[\0\r\n\\]/.test(path) ||
    path.startsWith('/') ||
    /^[A-Za-z][\w+.-]*:/.test(path)
  )
    return null
  const parts: string[] = folder.split('/').filter(part => part !== '' && part !== '.')
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) return null
  }
  return parts.length > 0 ? parts.join('/') : null
}

/**
 * Where a path that a file of `folder` names may lie: from the repository's root, from that folder, or from one above it,
 * the nearest first, since a project inside a repository is started from its own folder.
 */
export function possiblePaths(path: string, folder: string): readonly string[] {
  const parts = folder.split('/').filter(Boolean)
  const above = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'))
  const found = ['', ...above].map(from => repositoryPath(path, from)).filter(candidate => candidate !== null)
  return [...new Set(found)]
}

export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}
