export default {
  testEnvironment: '<rootDir>/__tests__/jest-environment.mjs',
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  // A loaded machine is slow, not wrong: a test's own time limits are stated in the test.
  testTimeout: 60_000,
  // every core: the default leaves one idle, which is half of two
  maxWorkers: '100%',
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
