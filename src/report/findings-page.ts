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
    'Everything that Preflop may say about a run, a file or the policy. Written by `npm run docs`; the JSON report has the same codes.',
    'An *error* would stop the trainer, or breaks a limit; a *warning* makes the figures doubtful; a *notice* is good to know. The verdict comes from the limits of the [policy](policy.md#verdicts): a run whose file cannot be read as meant counts as unknown, and one that its framework refuses at start fails.',
    Object.keys(FINDING_TEXTS)
      .map(code => `[\`${code}\`](#${code})`)
      .join(' · '),
    ...sections,
    '',
  ].join('\n\n')
}
