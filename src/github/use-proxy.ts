import * as http from 'node:http'

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'] as const

/**
 * Sends requests of this process through the proxy that the environment names, `NO_PROXY` respected: self-hosted runners
 * often have one. Node 24.14 and later (the runner's own) can; false: the environment names none, or Node is older.
 */
export function useProxy(env: Readonly<Record<string, string | undefined>>): boolean {
  if (!VARIABLES.some(name => env[name])) return false
  if (!('setGlobalProxyFromEnv' in http) || typeof http.setGlobalProxyFromEnv !== 'function') return false
  http.setGlobalProxyFromEnv(env)
  return true
}
