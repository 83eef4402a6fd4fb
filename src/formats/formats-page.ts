import { LAUNCH_FORMATS } from '../launch/launch-formats.ts'
import { TRAINER_PROGRAMS } from '../launch/trainer-programs.ts'
import { CURRENT_PROFILE, VERSION_DEFAULTS } from '../launch/version-defaults.ts'
import { PLAN_REFUSALS } from '../models/plan-refusals.ts'
import { type IgnoredKeys, ignoredNames } from './ignored-keys.ts'
import type { FormatKey } from './reader.ts'
import { AXOLOTL_REFUSALS } from './refusals/axolotl-refusals.ts'
import { DEEPSPEED_RULES } from './refusals/deepspeed-refusals.ts'
import { GPT_NEOX_REFUSALS } from './refusals/gpt-neox-refusals.ts'
import { LLAMA_FACTORY_REFUSALS } from './refusals/llama-factory-refusals.ts'
import { MEGATRON_REFUSALS } from './refusals/megatron-refusals.ts'
import type { Refusal } from './refusals/refusal.ts'
import { TORCHTUNE_REFUSALS } from './refusals/torchtune-refusals.ts'
import { TRANSFORMERS_REFUSALS } from './refusals/transformers-refusals.ts'
import { TRL_REFUSALS } from './refusals/trl-refusals.ts'
import { VERL_REFUSALS } from './refusals/verl-refusals.ts'
import { FORMAT_READERS } from './registry.ts'
import { WALKED_CONFIGS } from './walked-configs.ts'

/** By trainer; what transformers refuses, the trainers on it refuse too. */
const REFUSALS: readonly (readonly [
  trainer: string,
  refusals: readonly Pick<Refusal, 'keys' | 'rule' | 'source' | 'since'>[],
])[] = [
  ['transformers, and trl and llama-factory, which take its arguments', TRANSFORMERS_REFUSALS],
  ['trl', TRL_REFUSALS.filter(row => !TRANSFORMERS_REFUSALS.includes(row))],
  ['llama-factory', LLAMA_FACTORY_REFUSALS.filter(row => !TRANSFORMERS_REFUSALS.includes(row))],
  ['a DeepSpeed file beside any of them', DEEPSPEED_RULES],
  ['axolotl', AXOLOTL_REFUSALS],
  ['torchtune', TORCHTUNE_REFUSALS],
  ['verl', VERL_REFUSALS],
  ['megatron-lm', MEGATRON_REFUSALS],
  ['gpt-neox', GPT_NEOX_REFUSALS],
]

/** docs/formats.md: what is done with each key of each format, from the readers’ own tables. */
export function formatsPage(): string {
  const described = FORMAT_READERS.filter(({ keys }) => keys !== undefined && keys.length > 0)
  const declined = FORMAT_READERS.filter(({ keys }) => keys?.length === 0).map(({ format }) => format)
  return [
    '# Formats',
    'What Preflop does with each key of each training framework, what holds without the key, and where the framework says so. Written by `npm run docs` from the tables that the readers themselves use. Where a framework has a closed list of keys, those that are left alone are listed below its table, by what they do; a key in neither list is not known to Preflop.',
    `Recognised and declined by name, since their compilers plan memory themselves: ${declined.join(', ')}.`,
    '## Contents',
    list([
      ...described.map(({ format }) => `[${format}](#${anchor(format)})`),
      ...LAUNCH_FORMATS.map(({ name }) => `[${name}](#${anchor(name)})`),
      '[What frameworks refuse at start](#what-frameworks-refuse-at-start)',
      '[Programs in shell scripts](#programs-in-shell-scripts)',
      '[Defaults that changed between versions](#defaults-that-changed-between-versions)',
      '[Configs walked by hand](#configs-walked-by-hand)',
    ]),
    ...described.flatMap(({ format, keys, ignored = [] }) => [
      `## ${format}`,
      keysSection(format, keys ?? []),
      ...(isLastOf(format) ? ignoredSection(ignored) : []),
    ]),
    '# Around the config',
    'A companion is found by reference first (a key or a command names it), by convention second; the provenance of its values says which.',
    ...LAUNCH_FORMATS.flatMap(({ name, what, keys }) => [`## ${name}`, what, keysTable(keys)]),
    '## What frameworks refuse at start',
    'A run whose settings its framework stops at gets [`will-not-start`](findings.md#will-not-start) and fails, unless `on_refusal` in the policy says otherwise. What is written as a variable is not judged; neither is a check that some version in use does not make, unless the repository pins one that does.',
    table(
      ['Trainer', 'Keys', 'Expected', 'Source'],
      [
        ...REFUSALS.flatMap(([name, refusals]) =>
          refusals.map(({ keys, rule, source, since }) => [
            name,
            keys.map(key => `\`${key}\``).join(', '),
            since === undefined ? rule : `${rule}; where the repository pins ${since.join(' ')} or newer`,
            source,
          ]),
        ),
        ...PLAN_REFUSALS.map(({ frameworks, at, rule, source }) => [
          frameworks?.join(', ') ?? 'every one',
          `\`${at}\``,
          rule,
          source,
        ]),
      ],
    ),
    '## Programs in shell scripts',
    'A command is a training run when its program is one of these; its arguments go to the framework’s reader, or the config it names is read with them laid over.',
    table(
      ['Reader', 'Config named by', 'Source'],
      TRAINER_PROGRAMS.map(({ format, configFlags, positionalConfig, source }) => [
        format ?? 'whichever recognises the arguments',
        [...configFlags.map(flag => `\`--${flag}\``), ...(positionalConfig ? ['a file name'] : [])].join(', ') ||
          'nothing',
        source,
      ]),
    ),
    '## Defaults that changed between versions',
    `The version is read from the requirements, lock files (a file above 1 MiB is not read, and a finding says so), \`pyproject.toml\`, \`setup.py\`, \`setup.cfg\`, \`environment.yml\` and Dockerfiles of the config’s folder and the ones above it, the nearest first; else the current profile holds: ${Object.entries(
      CURRENT_PROFILE,
    )
      .map(([library, version]) => `${library} ${version}`)
      .join(', ')}. The assumptions of a report name the version.`,
    table(
      ['Library', 'What', 'Value since version', 'Source'],
      Object.values(VERSION_DEFAULTS).map(({ library, what, steps, source }) => [
        library,
        what,
        steps.map(([since, value]) => (since === '0' ? `${value} before` : `${value} since ${since}`)).join('; '),
        source,
      ]),
    ),
    '## Configs walked by hand',
    'These public configs were read by Preflop and every field of their plans compared with the framework’s source at that commit; “in part”: some fields, or at another commit. What differed was changed and has a test.',
    table(
      ['Framework', 'Config', 'Commit', 'What differed'],
      WALKED_CONFIGS.map(({ framework, config, commit, isInPart, differences }) => [
        framework,
        `\`${config}\``,
        isInPart ? `${commit}, in part` : commit,
        differences.join('; ') || 'nothing',
      ]),
    ),
    '',
  ].join('\n\n')
}

/** Recipe collections share the keys of the trainer below them: one table is enough. */
function keysSection(format: string, keys: readonly FormatKey[]): string {
  const text = JSON.stringify(keys)
  const last = FORMAT_READERS.findLast(reader => JSON.stringify(reader.keys) === text)
  return last && last.format !== format ? `The keys of [${last.format}](#${anchor(last.format)}).` : keysTable(keys)
}

const EFFECTS = {
  none: 'Left alone: neither memory nor time nor cost depends on',
  small: 'Left out though a little does depend on',
  unmodelled: 'Known and not modelled; look at the figures twice with',
} as const satisfies Record<IgnoredKeys['effect'], string>

/** Paragraphs of the keys that a reader leaves alone, by how much depends on them. */
function ignoredSection(groups: readonly IgnoredKeys[]): readonly string[] {
  return Object.entries(EFFECTS).flatMap(([effect, words]) => {
    const own = groups.filter(group => group.effect === effect)
    if (own.length === 0) return []
    const parts = own.map(group => {
      const names = ignoredNames([group]).map(name => `\`${name}\``)
      return `${group.about} (${names.join(', ')})`
    })
    return [`${words}:\n\n${list(parts)}`]
  })
}

/** Recipe collections share the keys of the trainer below them. */
function isLastOf(format: string): boolean {
  const keys = (name: string): string => JSON.stringify(FORMAT_READERS.find(reader => reader.format === name)?.keys)
  return FORMAT_READERS.findLast(reader => JSON.stringify(reader.keys) === keys(format))?.format === format
}

function keysTable(keys: readonly FormatKey[]): string {
  return table(
    ['Key', 'Sets', 'Without it', 'Source'],
    keys.map(({ key, effect, default: fallback, source }) => [
      key
        .split(', ')
        .map(name => `\`${name}\``)
        .join(', '),
      effect,
      fallback,
      source,
    ]),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function list(items: readonly string[]): string {
  return items.map(item => `- ${item}`).join('\n')
}

/** GitHub’s anchor of a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')
}
