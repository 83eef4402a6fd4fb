import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { overlayDrafts, type PlanDraft, provenanceOf } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { argumentNamed, type LaunchArguments, splitArguments } from './launch-arguments.ts'
import type { LauncherName } from './launchers.ts'
import { defaultNotes, scheduledAmong } from './scheduler-variables.ts'
import type { ShellWord } from './shell/shell-word.ts'
import type { TrainingCommand } from './training-command.ts'

/** A count with the word that says it. */
interface Count {
  readonly value: number
  readonly word: ShellWord
  readonly key: string
}

interface Found {
  readonly perNode?: Count | undefined
  readonly nodes?: Count | undefined
  readonly total?: Count | undefined
}

interface Search {
  readonly training: TrainingCommand
  /** Unresolved words met on the way. */
  readonly unresolved: { readonly key: string; readonly word: ShellWord }[]
}

type Rule = (search: Search) => Found

/** Where each launcher says how many processes it starts: accelerate 1.15, torch 2.13, DeepSpeed, torchtune. */
const RULES: Readonly<Record<LauncherName, Rule>> = {
  'accelerate launch': search => ({
    total: option(search, 'num_processes') ?? ids(search, optionWord(search, 'gpu_ids')),
    nodes: option(search, 'num_machines'),
  }),
  torchrun: search => ({
    perNode: option(search, 'nproc_per_node'),
    nodes: option(search, 'nnodes'),
  }),
  deepspeed: search => ({
    ...included(search),
    ...definedOnly({ perNode: option(search, 'num_gpus'), nodes: option(search, 'num_nodes') }),
  }),
  'tune run': search => ({ perNode: option(search, 'nproc_per_node'), nodes: option(search, 'nnodes') }),
  composer: search => ({
    ...definedOnly({ perNode: option(search, 'nproc') ?? option(search, 'n') }),
    ...(optionWord(search, 'world_size') ? { total: option(search, 'world_size') } : {}),
  }),
  python: search => tasksOfSrun(search) ?? processesOfEnvironment(search),
  command: processesOfEnvironment,
}

interface LaunchedGpus {
  readonly draft: PlanDraft
  readonly findings: readonly Finding[]
}

/**
 * The GPUs a launch command starts, as plan values; empty where it does not say. `surroundings` is what the job around
 * it asks for: it counts where the command says nothing or names a variable that nobody set.
 */
export function launchedGpus(training: TrainingCommand, path: string, surroundings: PlanDraft): LaunchedGpus {
  const search: Search = { training, unresolved: [] }
  const rule = RULES[training.launcher]
  const found = rule(search)
  if (search.unresolved.length > 0 && surroundings.gpus !== undefined) return { draft: surroundings, findings: [] }
  const visible = ids(search, environment(search, 'CUDA_VISIBLE_DEVICES'))
  const perNode = found.perNode ?? (found.total === undefined ? visible : undefined)
  const draft =
    found.total === undefined ? product(perNode, found.nodes, path) : divided(found.total, found.nodes, path)
  if (provenanceOf(draft.gpus).from === 'assumed' && surroundings.gpus !== undefined)
    return { draft: surroundings, findings: [] }
  const findings = search.unresolved.map(({ key, word }) => unresolvedFinding(path, key, word))
  const known = surroundings.gpus !== undefined || Object.keys(draft).length > 0
  const settled = known || training.launcher !== 'torchrun' ? draft : product(oneProcess(training), undefined, path)
  return { draft: overlayDrafts(surroundings, settled), findings }
}

/** torchrun without the option starts one process. */
function oneProcess(training: TrainingCommand): Count | undefined {
  const asked = argumentNamed(training.launch, 'nproc_per_node')
  return asked === undefined ? { value: 1, word: training.place, key: '--nproc_per_node' } : undefined
}

export function unresolvedFinding(
  path: string,
  key: string,
  word: Pick<ShellWord, 'line' | 'column' | 'unresolved'>,
): Finding {
  const names = word.unresolved.map(name => (name.startsWith('$') ? name : `$${name}`)).join(', ')
  const message = `\`${key}\` is ${names}, which the script does not set.`
  return finding('unresolved-variable', { path, line: word.line, column: word.column, message })
}

function product(perNode: Count | undefined, nodes: Count | undefined, path: string): PlanDraft {
  if (perNode === undefined) return {}
  const gpus = perNode.value * (nodes?.value ?? 1)
  const note = nodes === undefined ? [] : [`${perNode.value} a node × ${nodes.value} nodes`]
  return {
    gpus: sourced(nodes === undefined ? [perNode] : [perNode, nodes], gpus, path, note),
    gpusPerNode: sourced([perNode], perNode.value, path),
  }
}

function divided(total: Count, nodes: Count | undefined, path: string): PlanDraft {
  const machines = nodes?.value ?? 1
  const perNode = total.value % machines === 0 ? total.value / machines : total.value
  return {
    gpus: sourced([total], total.value, path, [`${total.key} counts all machines`]),
    gpusPerNode: sourced([total], perNode, path),
  }
}

type Counts = readonly [Count, ...Count[]]

/** What the counts make; assumed where one of them is only the script's default of what a scheduler sets. */
function sourced(counts: Counts, value: number, path: string, notes: readonly string[] = []): Sourced<number> {
  const open = counts.filter(({ word }) => scheduledAmong(word.defaulted).length > 0)
  const scheduled = new Set(open.flatMap(({ word }) => scheduledAmong(word.defaulted)))
  const { word, key } = open[0] ?? counts[0]
  const defaults = (open.length > 0 ? open : counts).flatMap(count => defaultNotes(count.value, count.word.defaulted))
  const note = [...notes, ...defaults].join('; ')
  return {
    value,
    from: open.length > 0 ? 'assumed' : 'launch',
    path,
    line: word.line,
    column: word.column,
    key: open.length > 0 ? [...scheduled].join(', ') : key,
    ...(note === '' ? {} : { note }),
  }
}

function option(search: Search, key: string): Count | undefined {
  return counted(search, `--${key}`, optionWord(search, key))
}

function optionWord({ training }: Search, key: string): ShellWord | undefined {
  const named = (given: LaunchArguments): ShellWord | undefined => argumentNamed(given, key)?.values[0]
  return named(training.launch) ?? (training.launcher === 'tune run' ? named(training.arguments) : undefined)
}

function environment({ training }: Search, name: string): ShellWord | undefined {
  return training.command.environment.get(name)
}

/** A whole number; of torchrun's elastic range `1:4` the smaller one. */
function counted(search: Search, key: string, word: ShellWord | undefined): Count | undefined {
  if (word === undefined) return undefined
  if (word.unresolved.length > 0) {
    search.unresolved.push({ key, word })
    return undefined
  }
  const value = Number(/^(\d{1,6})(?::\d+)?$/.exec(word.text)?.[1])
  return value > 0 ? { value, word, key } : undefined
}

function ids(search: Search, word: ShellWord | undefined, key = 'CUDA_VISIBLE_DEVICES'): Count | undefined {
  if (word === undefined || word.unresolved.length > 0 || !/^\d+(?:\s*,\s*\d+)*,?$/.test(word.text.trim()))
    return undefined
  const value = word.text.split(',').filter(id => id.trim() !== '').length
  return search.training.launcher === 'torchrun' ? undefined : { value, word, key }
}

/** `deepspeed --include localhost:0,1@other:0,1`. */
function included(search: Search): Found {
  const word = optionWord(search, 'include')
  if (word === undefined || word.unresolved.length > 0) return {}
  const hosts = word.text.split('@').map(host => host.split(':')[1]?.split(',').length ?? 0)
  const [first = 0] = hosts
  if (first === 0 || hosts.some(count => count !== first)) return {}
  const key = '--include'
  return {
    perNode: { value: first, word, key },
    ...(hosts.length > 1 ? { nodes: { value: hosts.length, word, key } } : {}),
  }
}

/** Console scripts that start their own workers read the counts from variables (ms-swift, LLaMA-Factory). */
function processesOfEnvironment(search: Search): Found {
  const perNode = counted(search, 'NPROC_PER_NODE', environment(search, 'NPROC_PER_NODE'))
  const nodes = counted(search, 'NNODES', environment(search, 'NNODES'))
  const devices = argumentNamed(search.training.arguments, 'devices')?.values[0]
  const own = search.training.trainer.format === 'litgpt' ? counted(search, '--devices', devices) : undefined
  const processes = argumentNamed(search.training.arguments, 'num_processes', 'nproc_per_node')?.values[0]
  const started =
    search.training.trainer.format === 'axolotl' ? counted(search, '--num-processes', processes) : undefined
  return definedOnly({ perNode: perNode ?? own ?? started, nodes })
}

/** Trainers of which each task of Slurm is one process; those on Ray start from a single one. */
const STARTED_BY_TASK: ReadonlySet<string | null> = new Set([null, 'megatron-lm', 'llm-foundry'])

/** `srun --ntasks 32 --ntasks-per-node 8 python train.py`: a process, and so a GPU, for each task. */
function tasksOfSrun(search: Search): Found | undefined {
  const { words } = search.training.command
  if (words[0]?.text !== 'srun' || !STARTED_BY_TASK.has(search.training.trainer.format)) return undefined
  const given = splitArguments(words.slice(1, words.indexOf(search.training.place)))
  const count = (key: string, ...names: readonly string[]): Count | undefined =>
    counted(search, key, argumentNamed(given, ...names)?.values[0])
  const total = count('--ntasks', 'ntasks', 'n')
  const perNode = count('--ntasks-per-node', 'ntasks_per_node')
  const nodes = count('--nodes', 'nodes', 'N')
  if (perNode !== undefined && nodes !== undefined) return { perNode, nodes }
  return total !== undefined && total.value > 1 ? { total, nodes } : undefined
}

function definedOnly(found: Found): Found {
  const { perNode, nodes } = found
  return { ...(perNode === undefined ? {} : { perNode }), ...(nodes === undefined ? {} : { nodes }) }
}
