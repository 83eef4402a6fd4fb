import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { findLibraryVersions } from '../../src/launch/find-library-versions.ts'

const lock = (version: string) => `[[package]]\nname = "trl"\nversion = "${version}"\n`

async function versions(files: Record<string, string>, config: string, configs = [config]) {
  const found = await findLibraryVersions(memoryFileSource(new Map(Object.entries(files))), configs)
  return { versions: found.versionsFor(config), paths: found.pathsFor(config) }
}

describe('library versions around a config', () => {
  test('the nearer folder pins over the root', async () => {
    const files = {
      'requirements.txt': 'trl==0.12.0\npeft==0.14.0\n',
      'examples/sft/requirements.txt': 'trl==0.19.1\n',
    }
    expect(await versions(files, 'examples/sft/run.yml')).toEqual({
      versions: { trl: '0.19.1', peft: '0.14.0' },
      paths: ['requirements.txt', 'examples/sft/requirements.txt'],
    })
    expect((await versions(files, 'examples/run.yml')).versions).toEqual({ trl: '0.12.0', peft: '0.14.0' })
  })

  test('a bound of a member does not undo the lock of its workspace', async () => {
    const files = { 'uv.lock': lock('0.22.0'), 'train/pyproject.toml': 'dependencies = ["trl<1.0"]\n' }
    expect((await versions(files, 'train/run.yml')).versions).toEqual({ trl: '0.22.0' })
  })

  test('a folder beside the config says nothing', async () => {
    const files = { 'a/requirements.txt': 'trl==0.12.0\n', 'b/run.yml': '' }
    expect(await versions(files, 'b/run.yml', ['a/run.yml', 'b/run.yml'])).toEqual({ versions: {}, paths: [] })
  })

  test.each(['requirements/train.txt', 'docker/Dockerfile', 'pdm.lock', 'environment.yaml', 'setup.cfg'])(
    '%s speaks for the folder that it belongs to',
    async name => {
      const text = name.endsWith('.lock')
        ? lock('0.12.0')
        : name.startsWith('docker')
          ? 'RUN pip install trl==0.12.0\n'
          : name === 'setup.cfg'
            ? '[options]\ninstall_requires =\n    trl==0.12.0\n'
            : name === 'environment.yaml'
              ? 'dependencies:\n  - pip:\n    - trl==0.12.0\n'
              : 'trl==0.12.0\n'
      for (const folder of ['', 'deep/er/'])
        expect((await versions({ [`${folder}${name}`]: text }, `${folder}run.yml`)).versions).toEqual({ trl: '0.12.0' })
    },
  )

  test('a lock above the limit of a file is told for the configs that it governs', async () => {
    const large = `${lock('0.12.0')}${'# '.repeat(2 ** 19)}`
    const files = memoryFileSource(
      new Map([
        ['train/uv.lock', large],
        ['train/pyproject.toml', '"trl==0.19.1"\n'],
      ]),
    )
    const found = await findLibraryVersions(files, ['train/run.yml', 'other/run.yml'])
    expect(found.versionsFor('train/run.yml')).toEqual({ trl: '0.19.1' })
    expect(found.problemsFor('train/run.yml')).toMatchObject([
      {
        code: 'input-limit',
        severity: 'notice',
        path: 'train/uv.lock',
        message: expect.stringContaining('bytes; expected at most 1048576'),
      },
    ])
    expect(found.problemsFor('other/run.yml')).toEqual([])
  })

  test('of very many files the ones near the root are read', async () => {
    const files: Record<string, string> = { 'requirements.txt': 'peft==0.14.0\n' }
    for (let index = 0; index < 300; index++) files[`x${index}/requirements.txt`] = 'trl==0.12.0\n'
    const configs = Object.keys(files).map(path => path.replace('requirements.txt', 'run.yml'))
    expect((await versions(files, 'x299/run.yml', configs)).versions['peft']).toBe('0.14.0')
  })
})
