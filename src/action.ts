import { ACTION_STAGES } from './action-stages.ts'
import { runAction } from './github/run-action.ts'
import { useProxy } from './github/use-proxy.ts'

useProxy(process.env)
const exitCode = await runAction({ env: process.env, write: text => process.stdout.write(text) }, ACTION_STAGES)
// Sockets that are kept alive would hold the job for seconds.
process.stdout.write('', () => process.exit(exitCode))
