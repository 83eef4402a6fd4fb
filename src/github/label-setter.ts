import * as z from 'zod/mini'
import type { Report, RunReport } from '../report/report.ts'
import type { GitHubApi } from './api.ts'
import type { RepositoryName } from './repository-name.ts'

interface LabelPlace {
  readonly api: GitHubApi
  readonly repository: RepositoryName
  /** Of the pull request. */
  readonly number: number
  /** The override label of a run's policy. */
  readonly labelOf: (path: string) => string | null
}

/** Says in each `override-applied` who put the label on the pull request and when, where GitHub tells. One request, and only then. */
export async function withLabelSetter(report: Report, place: LabelPlace): Promise<Report> {
  if (!report.runs.some(isOverridden)) return report
  const events = await labelEvents(place)
  if (events.length === 0) return report
  const runs = report.runs.map(run => {
    const label = place.labelOf(run.path)
    const event = events.findLast(({ label: { name } }) => name === label)
    if (!event || !isOverridden(run)) return run
    const setter = `Set by \`${event.actor?.login ?? 'a deleted user'}\` on ${event.createdAt.slice(0, 10)} at ${event.createdAt.slice(11, 16)} UTC.`
    return {
      ...run,
      findings: run.findings.map(found =>
        found.code === 'override-applied' ? { ...found, message: `${found.message} ${setter}` } : found,
      ),
    }
  })
  return { ...report, runs }
}

function isOverridden({ findings }: RunReport): boolean {
  return findings.some(({ code }) => code === 'override-applied')
}

const QUERY = `query($owner:String!,$repo:String!,$number:Int!){repository(owner:$owner,name:$repo){pullRequest(number:$number){timelineItems(last:100,itemTypes:[LABELED_EVENT]){nodes{... on LabeledEvent{createdAt actor{login} label{name}}}}}}}`

const EVENT = z.object({
  createdAt: z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d/)),
  actor: z.nullable(z.object({ login: z.string().check(z.regex(/^[\w[\]-]{1,100}$/)) })),
  label: z.object({ name: z.string() }),
})
const EVENTS = z.object({
  repository: z.object({ pullRequest: z.object({ timelineItems: z.object({ nodes: z.array(EVENT) }) }) }),
})

/** Oldest first. Without an answer the label still counts: only its story is missing. */
async function labelEvents({ api, repository, number }: LabelPlace): Promise<readonly z.output<typeof EVENT>[]> {
  const answer = await api.graphql(QUERY, { ...repository, number }, EVENTS)
  return answer.ok ? answer.data.repository.pullRequest.timelineItems.nodes : []
}
