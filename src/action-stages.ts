import { createDatasetSource } from './datasets/create-dataset-source.ts'
import type { ActionStages } from './github/run-action.ts'
import { createPriceSource } from './hardware/live-prices/create-price-source.ts'
import { createModelSource } from './models/create-model-source.ts'
import { runPipeline } from './pipeline.ts'
import { renderAnnotations } from './report/annotations.ts'
import { renderComment } from './report/render-comment.ts'
import { renderSummary } from './report/render-summary.ts'
import { VERSION } from './version.ts'

/** What the Action's door drives: the pipeline and the renderers, with the real Hub. */
export const ACTION_STAGES: ActionStages = {
  estimate({ hub, ...request }) {
    const access = { offline: hub.offline, endpoint: hub.endpoint ?? undefined, token: hub.token || undefined }
    const today = new Date().toISOString().slice(0, 10)
    const prices = createPriceSource({ offline: hub.offline, today, cacheFolder: null })
    return runPipeline({
      ...request,
      today,
      ...(prices ? { prices } : {}),
      models: createModelSource(access),
      datasets: createDatasetSource(access),
    })
  },
  render(report, { repositoryUrl, headCommit, baseCommit, baseBranch, summaryUrl }) {
    const options = {
      version: VERSION,
      repositoryUrl,
      reportUrl: summaryUrl,
      ...(headCommit === null ? {} : { headSha: headCommit }),
      ...(baseCommit === null ? {} : { baseSha: baseCommit }),
      ...(baseBranch === null ? {} : { baseLabel: baseBranch }),
    }
    return {
      comment: renderComment(report, options),
      summary: renderSummary(report, options),
      annotations: renderAnnotations(report).map(annotation => ({ ...annotation, column: null })),
    }
  },
}
