/** Parameters of every repository route. */
export interface RepositoryName {
  readonly owner: string
  readonly repo: string
}

/** null: not of the shape `owner/name`. */
export function repositoryName(fullName: string): RepositoryName | null {
  const match = /^([A-Za-z0-9][A-Za-z0-9-_]*)\/([A-Za-z0-9._-]+)$/.exec(fullName)
  const [, owner, repo] = match ?? []
  return owner === undefined || repo === undefined || repo === '.' || repo === '..' ? null : { owner, repo }
}
