import { describe, expect, test } from '@jest/globals'
import { isLibraryFile, readLibraryVersions } from '../../src/launch/library-versions.ts'

describe('library versions', () => {
  test.each([
    ['requirements.txt', 'trl==0.19.1\n# peft==1\ntorch>=2.1  # any\n', { trl: '0.19.1' }],
    ['requirements/train.txt', 'transformers[torch]==4.57.6 ; python_version > "3.9"\n', { transformers: '4.57.6' }],
    [
      'requirements.txt',
      'trl>=0.18,<0.20\naccelerate<=1.3.0\npeft~=0.14.0\ndeepspeed<1.0\n',
      { accelerate: '1.3.0', peft: '0.14.0', trl: '0.19' },
    ],
    [
      'pyproject.toml',
      '[project]\ndependencies = ["trl==0.19.1", "torch==2.6.0"]\n',
      { torch: '2.6.0', trl: '0.19.1' },
    ],
    [
      'pyproject.toml',
      '[tool.poetry.dependencies]\npeft = "^0.14"\naccelerate = {version = "1.3.0"}\n',
      { accelerate: '1.3.0', peft: '0.14' },
    ],
    [
      'uv.lock',
      '[[package]]\nname = "trl"\nversion = "0.22.0"\n\n[[package]]\nname = "numpy"\nversion = "2.0"\n',
      { trl: '0.22.0' },
    ],
    [
      'environment.yml',
      'dependencies:\n  - pytorch=2.5.1\n  - pip:\n    - trl==0.20.0\n',
      { torch: '2.5.1', trl: '0.20.0' },
    ],
    [
      'docker/Dockerfile',
      'FROM pytorch/pytorch:2.5.1-cuda12.4\nRUN pip install trl==0.21.0 \\\n  "peft==0.17.1"\n',
      { peft: '0.17.1', torch: '2.5.1', trl: '0.21.0' },
    ],
    ['Dockerfile', 'FROM nvcr.io/nvidia/nemo:26.04.01\n', { 'megatron-bridge': '26.04.01' }],
  ])('%s %#', (path, text, expected) => {
    expect(isLibraryFile(path)).toBe(true)
    expect(readLibraryVersions(new Map([[path, text]]))).toEqual(expected)
  })

  test('a lock wins over a pin, a pin over a bound, the root over a folder', () => {
    const files = new Map([
      ['requirements.txt', 'trl==0.19.1\npeft==0.14.0\n'],
      ['old/requirements.txt', 'peft==0.9.0\n'],
      ['pyproject.toml', 'dependencies = ["trl<=0.30.0"]\n'],
      ['poetry.lock', '[[package]]\nname = "trl"\nversion = "0.24.0"\n'],
    ])
    expect(readLibraryVersions(files)).toEqual({ peft: '0.14.0', trl: '0.24.0' })
  })

  test('a training config is no library file', () => {
    expect(isLibraryFile('configs/run.yaml')).toBe(false)
  })
})
