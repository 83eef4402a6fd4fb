/** A fenced command of a page that a reader can run as it stands, with the output block that follows it, if any. */
const BLOCK = /```sh runnable\n([\s\S]*?)```(\n\n```text\n)?([\s\S]*?```)?/g

export interface RunnableBlock {
  readonly command: string
  /** What the page shows; null: no output block follows. */
  readonly output: string | null
}

export function runnableBlocks(page: string): RunnableBlock[] {
  return [...page.matchAll(BLOCK)].map(([, command = '', opens, output]) => ({
    command: command.trim(),
    output: opens === undefined ? null : (output ?? '').replace(/```$/, ''),
  }))
}

/** The page with every output block as `run` gives it now. */
export function withOutputs(page: string, run: (command: string) => string): string {
  return page.replaceAll(BLOCK, (whole, command: string, opens: string | undefined) =>
    opens === undefined ? whole : `\`\`\`sh runnable\n${command}\`\`\`${opens}${run(command.trim())}\`\`\``,
  )
}
