import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { groupOf } from '../../src/report/memory-bar.ts'

const NAME = /\bitem\(\s*(?:\w+ \? )?'([^']+)'(?: : '([^']+)')?/g

/** Names that src/memory gives its items. */
const names = readdirSync('src/memory', { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .flatMap(path => [...readFileSync(join('src/memory', path), 'utf8').matchAll(NAME)])
  .flatMap(([, one, other]) => [one, other])
  .filter(name => name !== undefined)

test('nothing that a step keeps is drawn as the allocator’s', () => {
  const apart = names.filter(name => groupOf(name) === 'allocator, CUDA, NCCL')
  expect([...new Set(apart)].sort()).toEqual(['CUDA context', 'NCCL'])
})

test.each([
  ['checkpoints', 'activations'],
  ['re-computed layer and its gradients', 'activations'],
  ['gradients of activations', 'activations'],
  ['final norm and head input', 'activations'],
  ['retained gradients of layer inputs', 'activations'],
  ['updates of adapted weights', 'activations'],
  ['gradients', 'weights, gradients, optimizer'],
  ['factored moments', 'weights, gradients, optimizer'],
  ['generation engine', 'weights, gradients, optimizer'],
  ['gathered weights', 'buffers'],
  ['logits and loss', 'logits and loss'],
] as const)('%s: %s', (name, group) => {
  expect(names).toContain(name)
  expect(groupOf(name)).toBe(group)
})
