import { AsyncLocalStorage } from 'node:async_hooks'
import { TestEnvironment } from 'jest-environment-node'

/**
 * jest-circus opens one async storage per test file and leaves it open (30.5): on Node 20 every promise of the files that
 * follow in the same worker is then told to all of them, and nothing of a finished file is ever freed.
 */
const opened = new Set()
const { run } = AsyncLocalStorage.prototype
AsyncLocalStorage.prototype.run = function (...parameters) {
  opened.add(this)
  return run.apply(this, parameters)
}

// biome-ignore lint/style/noDefaultExport: jest loads an environment by its default export
export default class ClosingEnvironment extends TestEnvironment {
  async teardown() {
    for (const storage of opened) storage.disable()
    opened.clear()
    await super.teardown()
  }
}
