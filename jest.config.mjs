import { availableParallelism } from 'node:os'

export default {
  testEnvironment: '<rootDir>/__tests__/jest-environment.mjs',
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  // A loaded machine is slow, not wrong: a test's own time limits are stated in the test.
  testTimeout: 60_000,
  // one more than there are cores: runs of the Action wait for timers half of their time
  maxWorkers: availableParallelism() + 1,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022', experimental: { keepImportAttributes: true } },
        module: { type: 'es6' },
      },
    ],
  },
}
