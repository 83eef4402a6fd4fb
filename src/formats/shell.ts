import { readTrainingCommand } from '../launch/read-training-command.ts'
import { mayTrain, trainingScript, trainingScriptWithSources } from '../launch/training-script.ts'
import type { ConfigDocument } from './config-document.ts'
import type { FormatReader, ReadContext, ReadResult, RunDraft } from './reader.ts'

/**
 * Shell scripts that start training. `readers` gives the trainers' own readers, which know the arguments; it is a
 * function because the registry holds this reader too.
 */
export function shellReader(readers: () => readonly FormatReader[]): FormatReader {
  return {
    format: 'shell',
    recognise: document =>
      document.syntax === 'shell' && mayTrain(document.text) && trainingScript(document).commands.length > 0,
    read: (document, context) => readScript(document, context, readers()),
  }
}

async function readScript(
  document: ConfigDocument,
  context: ReadContext,
  readers: readonly FormatReader[],
): Promise<ReadResult> {
  const { commands, scheduler } = await trainingScriptWithSources(document, document, context)
  const runs: RunDraft[] = []
  for (const training of commands) {
    const found = await readTrainingCommand({ training, document, context, readers, surroundings: scheduler.draft })
    const name = commands.length > 1 ? `line ${training.place.line}: ${training.program}` : null
    runs.push(...found.map(run => ({ ...run, name: run.name ?? name })))
  }
  return { runs, findings: [] }
}
