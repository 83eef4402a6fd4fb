import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { diskFileSource } from '../../src/files/disk-file-source.ts'

let root: string

beforeAll(() => {
  const outside = mkdtempSync(join(tmpdir(), 'preflop-disk-'))
  writeFileSync(join(outside, 'secret.yml'), 'secret')
  root = join(outside, 'repository')
  for (const folder of ['configs', 'vendor/other', '.git', 'node_modules'])
    mkdirSync(join(root, folder), { recursive: true })
  const files = {
    'configs/a.yml': 'a: 1',
    'configs/bom.yml': '\ufeffa: 1',
    'configs/bytes.yml': Buffer.from([0x61, 0xff, 0xfe]),
    'configs/nul.yml': 'a\0b',
    'configs/lfs.yml': 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n',
    'configs/large.yml': 'x'.repeat(2 ** 20 + 1),
    '..hidden.yml': 'inside',
    'vendor/other/.git': 'gitdir: elsewhere',
    'vendor/other/b.yml': 'b: 1',
    '.git/config': 'x',
  }
  for (const [path, content] of Object.entries(files)) writeFileSync(join(root, path), content)
  symlinkSync(join(outside, 'secret.yml'), join(root, 'configs/link.yml'))
  symlinkSync(outside, join(root, 'linked'))
})
afterAll(() => rmSync(join(root, '..'), { recursive: true, force: true }))

describe('diskFileSource', () => {
  test('lists files, and links and submodules as what they are', async () => {
    const entries = await diskFileSource(root).list()
    expect(entries.map(({ path, kind }) => `${kind} ${path}`).sort()).toEqual([
      'file ..hidden.yml',
      'file configs/a.yml',
      'file configs/bom.yml',
      'file configs/bytes.yml',
      'file configs/large.yml',
      'file configs/lfs.yml',
      'file configs/nul.yml',
      'submodule vendor/other',
      'symlink configs/link.yml',
      'symlink linked',
    ])
  })

  test.each([
    ['configs/a.yml', { status: 'found', text: 'a: 1' }],
    ['configs/bom.yml', { status: 'found', text: 'a: 1' }],
    ['..hidden.yml', { status: 'found', text: 'inside' }],
    ['configs/none.yml', { status: 'missing' }],
    ['configs', { status: 'missing' }],
    ['configs/bytes.yml', { status: 'refused', reason: 'it is not UTF-8 text' }],
    ['configs/nul.yml', { status: 'refused', reason: 'it is not UTF-8 text' }],
    ['configs/lfs.yml', { status: 'refused', reason: expect.stringContaining('LFS') }],
    ['configs/large.yml', { status: 'refused', reason: expect.stringContaining('bytes') }],
    ['configs/link.yml', { status: 'refused', reason: expect.stringContaining('symbolic link') }],
    ['linked/secret.yml', { status: 'refused', reason: expect.stringContaining('symbolic link') }],
    ['../secret.yml', { status: 'refused', reason: expect.stringContaining('outside') }],
    ['configs/../../secret.yml', { status: 'refused', reason: expect.stringContaining('outside') }],
    ['/etc/passwd', { status: 'refused', reason: expect.stringContaining('outside') }],
  ])('%s', async (path, content) => {
    expect(await diskFileSource(root).read(path)).toMatchObject(content)
  })
})
