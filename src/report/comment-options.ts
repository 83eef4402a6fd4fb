/** What the texts of a report may link to and name. */
export interface CommentOptions {
  readonly version: string
  readonly headSha?: string
  readonly baseSha?: string
  /** Branch that the pull request goes into; absent: `base`. */
  readonly baseLabel?: string
  /** `https://github.com/owner/name` of the head, for links to the files. */
  readonly repositoryUrl?: string
  /** Where the whole report is, for what is left out. */
  readonly reportUrl?: string
  /** Hidden first line by which the comment is found again. */
  readonly marker?: string
}
