// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are shell scripts
import { describe, expect, test } from '@jest/globals'
import { readShellCommands } from '../../../src/launch/shell/shell-commands.ts'

function commands(text: string, environment: readonly string[] = []): readonly string[][] {
  return readShellCommands(text, { environment }).commands.map(command => command.words.map(word => word.text))
}

describe('readShellCommands', () => {
  test.each<[string, string, string[][]]>([
    ['continuation and comment', 'run --a 1 \\\n  --b 2 # note\n# run --c', [['run', '--a', '1', '--b', '2']]],
    ['CRLF continuation', 'run --a 1 \\\r\n  --b 2\r\n', [['run', '--a', '1', '--b', '2']]],
    [
      'a comment ends a continued command',
      'run --a 1 \\\n# --b 2 \\\n--c 3',
      [
        ['run', '--a', '1'],
        ['--c', '3'],
      ],
    ],
    ['a here-string is no here-document', 'IFS=" " read -ra X <<<"$Y"\nrun --a 1', [['run', '--a', '1']]],
    [
      'eval of what only a run could tell',
      `CMD="run --n $(python -c "import torch; print(torch.cuda.device_count())") --a 1"\neval $CMD`,
      [['run', '--n', '$(python -c …)', '--a', '1']],
    ],
    ['a default for a missing argument', 'A=$1\nif [ "$A" == "" ]; then\n  A=3\nfi\nrun $A', [['run', '3']]],
    ['quotes join', `run "a b"'c'\\ d`, [['run', 'a bc d']]],
    ['single quotes keep $', "run '$A'", [['run', '$A']]],
    ['variables', 'A=1\nB="x$A"\nrun $B ${A}2', [['run', 'x1', '12']]],
    ['default of an unset variable', 'run ${A:-7} ${B-"x y"}', [['run', '7', 'x y']]],
    ['default is not used for a set one', 'A=1\nrun ${A:-7}', [['run', '1']]],
    ['alternative', 'A=1\nrun ${A:+--on} ${B:+--off}', [['run', '--on']]],
    [
      'assigning default',
      ': ${A:=3}\nrun $A',
      [
        [':', '3'],
        ['run', '3'],
      ],
    ],
    ['word splitting', 'A="--x 1\n --y 2"\nrun $A "$A"', [['run', '--x', '1', '--y', '2', '--x 1\n --y 2']]],
    [
      'arrays',
      'A=(--x 1 # first\n  --y "2 3"\n)\nA+=(--z)\nrun "${A[@]}" ${#A[@]} ${A[1]}',
      [['run', '--x', '1', '--y', '2 3', '--z', '5', '1']],
    ],
    ['empty array', 'A=()\nrun "${A[@]}" end', [['run', 'end']]],
    ['arithmetic', 'N=2\nG=8\nrun $((N * G)) $(( (N+1)*2 ))', [['run', '16', '6']]],
    [
      'prefix and suffix',
      'A=a/b.yaml\nrun ${A##*/} ${A%.yaml} ${A%%/*} ${A//b/c}',
      [['run', 'b.yaml', 'a/b', 'a', 'a/c.yaml']],
    ],
    ['redirections vanish', 'run a > log 2>&1 < in &> all', [['run', 'a']]],
    ['here-documents vanish', 'cat > f <<EOF\nrun inside\nEOF\nrun after', [['cat'], ['run', 'after']]],
    [
      'here-document into a variable',
      "N=3\nread -r -d '' A <<EOF\nx --n $N \\\n  --m\nEOF\nrun $A",
      [['run', 'x', '--n', '3', '--m']],
    ],
    ['here-document as a script', 'srun bash <<EOF\nrun inside\nEOF', [['run', 'inside']]],
    ['quoted here-document with tabs', "cat <<-'END'\n\trun inside\n\tEND\nrun after", [['cat'], ['run', 'after']]],
    ['pipes and lists', 'a | b && c || d; e &', [['a'], ['b'], ['c'], ['d'], ['e']]],
    ['known condition', 'A=1\nif [ "$A" -eq 1 ]; then run yes; else run no; fi', [['run', 'yes']]],
    ['guard for an unset variable', 'if [ -z "$A" ]; then A=5; fi\nrun $A', [['run', '5']]],
    ['unknown condition keeps what is set', 'A=1\nif [ -f x ]; then A=2; B=3; fi\nrun $A $B', [['run', '1', '3']]],
    ['short guard', '[ -z "$A" ] && A=5\nrun $A', [['run', '5']]],
    ['case', 'S=7b\ncase $S in\n 1b) H=1;;\n 7*|8b) H=2;;\n *) H=3;;\nesac\nrun $H', [['run', '2']]],
    ['function', 'go() {\n run "$1" "${2:-8}"\n}\ngo x', [['run', 'x', '8']]],
    ['eval', 'C="run --a 1"\neval "$C --b"', [['run', '--a', '1', '--b']]],
    ['bash -c', `srun bash -c "run --a 1"`, [['run', '--a', '1']]],
    ['own folder', 'D="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"\nrun $D/a.yaml', [['run', './../a.yaml']]],
    ['ids counted', 'D=0,1,2\nrun $(echo $D | tr "," "\\n" | wc -l)', [['run', '3']]],
    ['unset stays', 'run $A x${B}y', [['run', '$A', 'x$By']]],
    ['default to itself stays unset', 'export A=$A\nrun ${A:-4}', [['run', '4']]],
    ['unclosed quote', 'run "abc', [['run', 'abc']]],
    ['unclosed array', 'A=(1 2', []],
    [
      'argument loop leaves defaults',
      'while [[ $# -gt 0 ]]; do case $1 in --m) M="$2"; shift;; esac; done\nM=${M:-x}\nrun $M',
      [['run', 'x']],
    ],
  ])('%s', (_, text, expected) => {
    expect(commands(text).filter(words => words[0] !== 'shift')).toEqual(expected)
  })

  test('words keep the place where they were written', () => {
    const { commands: found } = readShellCommands('ARGS="\n  --a 1\n"\nrun \\\n  --b $ARGS', { environment: [] })
    expect(found[0]?.words.map(({ text, line, column }) => [text, line, column])).toEqual([
      ['run', 4, 1],
      ['--b', 5, 3],
      ['--a', 2, 3],
      ['1', 2, 7],
    ])
  })

  test('unset variables are named', () => {
    const { commands: found } = readShellCommands('X=$HOME/m\nrun $X $(nvidia-smi -L)', { environment: [] })
    expect(found[0]?.words.map(word => word.unresolved)).toEqual([[], ['HOME'], ['$(nvidia-smi -L)']])
  })

  test.each<[string, string, string[][]]>([
    ['read', 'A=1\nread -r -t 5 A B < f\nrun $A ${B:-2}', [['A'], ['B']]],
    ['what is neither a name nor a file', 'p=1\nread -p p A < f\nrun $p $A', [[], ['A']]],
    ['mapfile', 'mapfile -t A < <(nproc)\nrun ${A[0]:-0} ${A[3]:-0}', [['A'], ['A']]],
    ['counted', 'readarray -n 2 A < f\nrun ${A[1]} $n', [['A'], ['n']]],
    ['how many', 'mapfile -t A < f\nA+=(x)\nrun ${#A[@]} $((${#A[@]} * 8))', [['#A[@]'], ['A']]],
    ['in arithmetic', 'readarray -t A < f\nN=${A[1]:-0}\nrun $((N * 3)) x', [['N'], []]],
    ['perhaps', 'A=1\nif [ -f f ]; then read A B < f; fi\nrun $A $B', [[], ['B']]],
    ['then by a default', 'read A < f\nif [ -z "$A" ]; then A=3; fi\nrun $A x', [[], []]],
  ])('variables that a command fills are not known: %s', (_, text, expected) => {
    const { commands: found } = readShellCommands(text, { environment: [] })
    expect(
      found
        .at(-1)
        ?.words.slice(1)
        .map(({ unresolved }) => unresolved),
    ).toEqual(expected)
  })

  test('unset variables keep their names when they are read again', () => {
    const [command] = readShellCommands('CMD="run ${13} ${A}b"\neval $CMD', { environment: [] }).commands
    expect(command?.words.map(({ unresolved }) => unresolved)).toEqual([[], ['13'], ['A']])
  })

  test.each([
    ['${A:-1}', 'run ${A:-1}', ['A']],
    ['through a variable', 'N=${A:-1}\nrun $N', ['A']],
    ['one inside the other', 'run ${A:-${B:-1}}', ['A', 'B']],
    ['assigned', ': ${A:=2}\nrun $A', ['A']],
    ['in arithmetic', 'N=${A:-1}\nrun $((N * ${B:-8}))', ['A', 'B']],
    ['in a substitution', 'N=${A:-1}\nrun $(expr $N \\* 8)', ['A']],
    ['cut', 'N=${A:-v1}\nrun ${N#v}', ['A']],
    ['guarded', 'if [ -z "$A" ]; then A=1; fi\nrun $A', ['A']],
    ['guarded in short', '[ -z "$A" ] && A=1\nrun $A', ['A']],
    ['guarded with a default', 'if [ -z "${A:-}" ]; then A=1; fi\nrun $A', ['A']],
    ['guarded after another', 'A=$B\nif [ -z "$A" ]; then A=1; fi\nrun $A', ['A']],
    ['the other branch', 'if [ -n "$A" ]; then B=1; else A=1; fi\nrun $A', ['A']],
    ['set before', 'A=4\nrun ${A:-1}', undefined],
    ['set where something else is asked', 'if [ -z "$B" ]; then A=1; fi\nrun $A', undefined],
    ['an argument of the script', 'run ${1:-4}', undefined],
  ])('what a default hangs on: %s', (_, text, expected) => {
    const { commands: found } = readShellCommands(text, { environment: [] })
    expect(found.at(-1)?.words[1]?.defaulted).toEqual(expected)
  })

  test('variables in front of a command hold for it alone', () => {
    const { commands: found } = readShellCommands('N=1\nN=2 run\nrun', { environment: ['N'] })
    expect(found.map(command => command.environment.get('N')?.text)).toEqual(['2', '1'])
  })

  test('a loop is read once, with its largest number', () => {
    const { commands: found } = readShellCommands('for B in 1 16 4; do run $B; done\nrun end', { environment: [] })
    expect(found.map(command => command.words[1]?.text)).toEqual(['16', 'end'])
    expect(found.map(command => command.sweeps.map(sweep => sweep.variable))).toEqual([['B'], []])
  })

  test('sourced files are asked for, then read', () => {
    const text = '. ./env.sh\nrun $A'
    expect(readShellCommands(text, { environment: [] }).sourced).toEqual(['./env.sh'])
    const known = readShellCommands(text, { environment: [], sources: { './env.sh': 'A=9' } })
    expect(known.commands[0]?.words[1]?.text).toBe('9')
  })

  test.each([
    ['doubling', `A=xxxxxxxxxx\n${'A=$A$A$A$A\n'.repeat(60)}run $A`],
    ['nesting', '$('.repeat(50_000)],
    ['braces', '${a:-'.repeat(50_000)],
    ['groups', '( '.repeat(50_000)],
    ['quotes', '"${'.repeat(50_000)],
    ['calls itself', 'f() { f; f; }\nf'],
    ['evaluates itself', 'A=\'eval "$A"\'\neval "$A"'],
    ['many open here-documents', 'cat <<A <<B\n'.repeat(20_000)],
    ['ifs', 'if a; then '.repeat(30_000)],
  ])('hostile text ends soon: %s', (_, text) => {
    const started = performance.now()
    readShellCommands(text, { environment: [] })
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})
