import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { annotationCommand, jobLog } from '../../src/github/workflow-commands.ts'

const annotation = {
  level: 'error',
  title: 'Out of GPU memory',
  message: 'needs 44.3 of 39.4 GiB',
  path: 'configs/sft.yml',
  line: 18,
  column: 3,
} as const

/** Lines as the runner sees them: it ends them at LF, CRLF and a lone CR. */
function runnerLines(text: string): readonly string[] {
  return text.split(/\r\n|\n|\r/).filter(line => line !== '')
}

describe('annotationCommand', () => {
  test('names file, line, column and title', () => {
    expect(annotationCommand(annotation)).toBe(
      '::error file=configs/sft.yml,line=18,col=3,title=Out of GPU memory::needs 44.3 of 39.4 GiB',
    )
  })

  test.each([
    [{ path: 'a,line=1::b:c%.yml' }, '::error file=a%2Cline=1%3A%3Ab%3Ac%25.yml,line=18'],
    [{ path: 'a\nb.yml' }, '::error file=a%0Ab.yml,line=18'],
    [{ path: null, line: null }, '::error title=Out of GPU memory::'],
  ])('%j', (fields, start) => {
    expect(annotationCommand({ ...annotation, ...fields }).startsWith(start)).toBe(true)
  })

  test('a message keeps its lines and is cut at the runner’s limit', () => {
    expect(annotationCommand({ ...annotation, message: 'a\r\nb\rc%0A' })).toMatch(/::a%0Ab%0Ac%250A$/)
    expect(annotationCommand({ ...annotation, message: 'x'.repeat(9000) }).length).toBeLessThan(4200)
  })
})

describe('jobLog', () => {
  const hostile = fc
    .array(
      fc.constantFrom(
        '::',
        '##[',
        'error ',
        ']',
        '\r',
        '\n',
        '\u2028',
        '\u001b[31m',
        'set-output name=a',
        ' ',
        'x',
        '#',
        '##',
        '[',
        ':',
        '\u200b',
      ),
    )
    .map(parts => parts.join(''))

  test('no text makes the runner act', () => {
    fc.assert(
      fc.property(hostile, text => {
        let written = ''
        jobLog(chunk => {
          written += chunk
        }).line(text)
        const lines = runnerLines(written)
        expect(lines.length).toBeLessThanOrEqual(1)
        expect(lines.some(line => line.trimStart().startsWith('::') || line.includes('##['))).toBe(false)
      }),
    )
  })

  test('no text of an annotation makes a second command', () => {
    fc.assert(
      fc.property(hostile, text => {
        const lines = runnerLines(annotationCommand({ ...annotation, title: text, message: text, path: text }))
        expect(lines).toHaveLength(1)
        expect(lines[0]).not.toContain('##[')
      }),
    )
  })

  test('a secret is masked, an empty one is not', () => {
    const written: string[] = []
    const log = jobLog(chunk => written.push(chunk))
    log.mask('')
    log.mask('a%b')
    expect(written).toEqual(['::add-mask::a%25b\n'])
  })
})
