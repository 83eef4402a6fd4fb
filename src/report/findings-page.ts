import { FINDING_TEXTS } from '../plan/finding-texts.ts'

/** docs/findings.md: one heading per code, from the table that the program itself uses. */
export function findingsPage(): string {
  const sections = Object.entries(FINDING_TEXTS).map(([code, { severity, title, why, hint }]) =>
    [`## \`${code}\``, `${title}. *Usually: ${severity}.*`, `Why it matters: ${why}`, `What to do: ${hint}`].join(
      '\n\n',
    ),
  )
  return [
    '# Findings',
    'Everything that Preflop may say about a run, a file or the policy. Written by `npm run docs`.',
    ...sections,
    '',
  ].join('\n\n')
}
