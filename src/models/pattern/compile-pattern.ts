import { matchProgram, type PatternProgram } from './match-program.ts'
import { parsePattern } from './parse-pattern.ts'
import { PatternError, type PatternNode } from './pattern-node.ts'

/** A pattern over module names, or why it is none. */
export type ModulePattern =
  | {
      readonly status: 'ready'
      /** Python's `re.fullmatch`. */
      matches(name: string): boolean
      /** Python's `re.match`: from the start, the rest may be anything. */
      matchesStart(name: string): boolean
      /** The pattern took more steps than it may: its last answers were false. */
      isSpent(): boolean
    }
  | { readonly status: 'unreadable'; readonly reason: string }

const MAX_SOURCE = 4000
const MAX_INSTRUCTIONS = 4000
/** About a second; the longest real patterns take a hundredth of it over every layer of a large model. */
const MAX_STEPS = 10_000_000

/**
 * A user's regular expression in Python's `re` syntax, matched in time linear in pattern × name: no pattern can stop
 * the check. What needs backtracking (references, conditions, atomic groups, possessive quantifiers) is unreadable.
 */
export function compilePattern(source: string): ModulePattern {
  try {
    if (source.length > MAX_SOURCE)
      throw new PatternError(`${source.length} characters; at most ${MAX_SOURCE} are read`)
    const program = assemble(parsePattern(source))
    const budget = { left: MAX_STEPS }
    return {
      status: 'ready',
      matches: name => matchProgram(program, name, 'whole', budget),
      matchesStart: name => matchProgram(program, name, 'start', budget),
      isSpent: () => budget.left < 0,
    }
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    return { status: 'unreadable', reason: error.message }
  }
}

type Instruction = PatternProgram[number]

function assemble(root: PatternNode): PatternProgram {
  const program: Instruction[] = []
  const add = (instruction: Instruction): number => {
    if (program.length >= MAX_INSTRUCTIONS) throw new PatternError('more repetitions than are read')
    return program.push(instruction) - 1
  }
  const emit = (node: PatternNode): void => {
    if (node.kind === 'character') add({ kind: 'character', accepts: node.accepts })
    else if (node.kind === 'place') add({ kind: 'place', place: node.place })
    else if (node.kind === 'sequence') node.nodes.forEach(emit)
    else if (node.kind === 'choice') emitChoice(node.options)
    else if (node.kind === 'repeat') emitRepeat(node)
    else {
      const at = add({ kind: 'end' })
      emit(node.node)
      add({ kind: 'end' })
      program[at] = { kind: 'look', behind: node.behind, negated: node.negated, next: program.length }
    }
  }
  const emitChoice = (options: readonly PatternNode[]): void => {
    const exits: number[] = []
    for (const [index, option] of options.entries()) {
      const isLast = index === options.length - 1
      const fork = isLast ? -1 : add({ kind: 'end' })
      emit(option)
      if (isLast) continue
      exits.push(add({ kind: 'end' }))
      program[fork] = { kind: 'fork', other: program.length }
    }
    for (const exit of exits) program[exit] = { kind: 'jump', to: program.length }
  }
  const emitRepeat = ({ node, min, max }: Extract<PatternNode, { kind: 'repeat' }>): void => {
    for (let time = 0; time < min; time += 1) emit(node)
    if (max === Number.POSITIVE_INFINITY) {
      const fork = add({ kind: 'end' })
      emit(node)
      add({ kind: 'jump', to: fork })
      program[fork] = { kind: 'fork', other: program.length }
      return
    }
    const forks: number[] = []
    for (let time = min; time < max; time += 1) {
      forks.push(add({ kind: 'end' }))
      emit(node)
    }
    for (const fork of forks) program[fork] = { kind: 'fork', other: program.length }
  }
  emit(root)
  add({ kind: 'end' })
  return program
}
