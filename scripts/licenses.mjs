import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The licences of all packages whose code is in the bundles, by name: what their licences ask to be passed on. */
export async function licenseTexts(metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs))
  const folders = new Set(inputs.flatMap(path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []))
  const texts = await Promise.all([...folders].sort().map(licenseOf))
  return `Code of these packages is part of the bundles in this folder.\n\n${[...new Set(texts)].join('\n')}`
}

async function licenseOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const file = (await readdir(folder)).sort().find(entry => /^(licen[cs]e|copying)/i.test(entry))
  if (file === undefined && license === undefined) throw new Error(`${name} in ${dirname(folder)} names no licence`)
  const text = file === undefined ? '(no licence file in the package)' : await readFile(join(folder, file), 'utf8')
  return `${'-'.repeat(78)}\n${name} ${version} (${license})\n\n${text.replaceAll('\r\n', '\n').trim()}\n`
}
