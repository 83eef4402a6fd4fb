import { isAccelerateConfig, readAccelerate } from '../../launch/accelerate.ts'
import { deepSpeedWorldSize, readDeepSpeed } from '../../launch/deepspeed.ts'
import type { Engine } from '../../launch/engine.ts'
import { packagedAccelerate } from '../../launch/packaged-accelerate.ts'
import { isPeftAdapter, readPeftAdapter } from '../../launch/peft-adapter.ts'
import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import type { MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ConfigDocument, ConfigNode } from '../config-document.ts'
import { Fields } from '../fields.ts'
import type { ReadContext } from '../reader.ts'
import { reportDeepSpeedRefusals } from '../refusals/deepspeed-refusals.ts'

export interface CompanionScope {
  readonly document: ConfigDocument
  readonly context: ReadContext
  readonly findings: Finding[]
}

/** The mapping of a file that a key names; a missing one is a finding at the key. */
export async function openCompanion(scope: CompanionScope, name: Sourced<string>): Promise<ConfigNode | null> {
  const document = await scope.context.open(name.value, scope.document)
  if (document === null) {
    const message = `\`${name.key}\` names ${name.value}, which is not in the repository.`
    scope.findings.push(
      finding('missing-companion', {
        path: name.path ?? null,
        line: name.line ?? null,
        column: name.column ?? null,
        message,
      }),
    )
    return null
  }
  scope.findings.push(...document.findings)
  const root = document.roots[0]
  return root?.kind === 'mapping' ? root : null
}

/** `deepspeed:` as a path, a packaged name or an inline mapping. */
export async function deepSpeedOf(
  fields: Fields,
  scope: CompanionScope,
  packaged: (name: Sourced<string>) => Engine | null = () => null,
): Promise<Engine | null> {
  const node = fields.raw('deepspeed')
  if (node === undefined) return null
  if (node.kind === 'mapping') {
    const inline = fields.mapping('deepspeed')
    if (inline) reportDeepSpeedRefusals(fields.node, node, scope.findings)
    return inline ? withWorldSize(inline) : null
  }
  const name =
    node.scalar === true ? switchedOn(fields) : fields.isSet('deepspeed') ? fields.string('deepspeed') : undefined
  if (!name || name.value === '') return null
  const known = packaged(name) ?? (name.key === 'zero_stage' ? deepSpeedByName(name) : null)
  if (known) return known
  const root = await openCompanion(scope, name)
  if (root) reportDeepSpeedRefusals(fields.node, root, scope.findings)
  return root
    ? withWorldSize(new Fields({ node: root, findings: scope.findings, from: 'launch' }))
    : (deepSpeedByName(name) ?? null)
}

/** `--deepspeed` without a value, of scripts that call `deepspeed.initialize`: the file or the stage has an argument of its own. */
function switchedOn(fields: Fields): Sourced<string> | undefined {
  if (fields.isSet('deepspeed_config')) return fields.string('deepspeed_config')
  const stage = fields.isSet('zero_stage') ? fields.integer('zero_stage', { min: 0, max: 3 }) : undefined
  const offload = fields.raw('offload')?.scalar === true ? '_offload' : ''
  return stage && { ...stage, value: `zero${stage.value}${offload}` }
}

/** ZeRO stage and offload as the file name tells them, when the file itself is not in the repository. */
function deepSpeedByName(name: Sourced<string>): Engine | null {
  const file = name.value.split('/').at(-1)?.toLowerCase() ?? ''
  const stage = /(?:zero|stage|_z|ds_z)[-_]?([0-3])/.exec(file)?.[1]
  if (stage === undefined) return null
  const data = ({ 0: 'ddp', 1: 'zero1', 2: 'zero2', 3: 'zero3' } as const)[
    stage === '0' ? 0 : stage === '1' ? 1 : stage === '2' ? 2 : 3
  ]
  const note = `read from the file name ${file}; the file is not in the repository`
  const guess = name.key === 'zero_stage' ? name : ({ ...name, from: 'assumed', note } as const)
  const parameters =
    /offload[-_]?(param|all)|cpuoffload[-_]?all/.test(file) || (stage === '3' && file.includes('offload'))
  const offload = parameters ? 'parameters_and_optimizer' : file.includes('offload') ? 'optimizer' : 'none'
  return {
    kind: 'deepspeed',
    draft: { 'parallelism.data': { ...guess, value: data }, 'parallelism.offload': { ...guess, value: offload } },
    mixedPrecision: null,
    masterWeights: true,
  }
}

function withWorldSize(fields: Fields): Engine {
  const engine = readDeepSpeed(fields)
  const world = deepSpeedWorldSize(fields)
  return world ? { ...engine, draft: { ...engine.draft, gpus: world } } : engine
}

/** Accelerate settings: the file or packaged name under one of the keys, else the only Accelerate file beside the config. */
export async function accelerateOf(
  fields: Fields,
  scope: CompanionScope,
  keys: readonly string[],
): Promise<Engine | null> {
  for (const key of keys) {
    const inline = fields.raw(key)
    if (inline?.kind === 'mapping')
      return readAccelerate(inline, scope.findings, path => openNested(scope, fields.sourced(key, path), path))
    const name = fields.isSet(key) && fields.raw(key)?.kind === 'scalar' ? fields.string(key) : undefined
    if (!name) continue
    const packaged = packagedAccelerate(name)
    if (packaged) return packaged
    const root = await openCompanion(scope, name)
    return root ? readAccelerate(root, scope.findings, path => openNested(scope, name, path)) : null
  }
  return accelerateByConvention(scope)
}

/** Names that `accelerate config` and trainers’ repositories use. */
const USUAL_NAME = /(^|\/)(accelerate[^/]*|default_config|fsdp[^/]*|zero[^/]*)\.ya?ml$/

async function accelerateByConvention(scope: CompanionScope): Promise<Engine | null> {
  const { document, context } = scope
  const folders = document.path.split('/').slice(0, -1)
  const beside = (await context.list(folders.join('/'))).filter(path => USUAL_NAME.test(path))
  const above = await Promise.all(
    [folders, folders.slice(0, -1), folders.slice(0, -2)].map(parts =>
      context.list([...parts, 'accelerate_configs'].join('/')),
    ),
  )
  const collected = [...new Set(above.flat())].filter(path => /\.ya?ml$/.test(path))
  const candidates = beside.length > 0 ? beside : collected
  const [only] = candidates
  if (only === undefined || candidates.length > 1 || only === document.path) return null
  const companion = await context.open(only, document)
  const root = companion?.roots[0]
  if (!root || !isAccelerateConfig(root)) return null
  const engine = await readAccelerate(root, scope.findings, async () => null)
  const note = `by convention: the only Accelerate file ${beside.length > 0 ? 'beside the config' : 'in accelerate_configs'} (${only})`
  const draft = Object.fromEntries(
    Object.entries(engine.draft).map(([key, value]) => [key, typeof value === 'function' ? value : { ...value, note }]),
  )
  return { ...engine, draft }
}

/** `adapter_config.json` of an adapter folder that a key names, when it lies in the repository. */
export async function peftAdapterOf(fields: Fields, scope: CompanionScope, key: string): Promise<MutablePlanDraft> {
  const name = fields.isSet(key) && fields.raw(key)?.kind === 'scalar' ? fields.string(key) : undefined
  if (!name) return {}
  const path = `${name.value.replace(/\/+$/, '')}/adapter_config.json`
  const companion = await scope.context.open(path, scope.document)
  const root = companion?.roots[0]
  if (!root || !isPeftAdapter(root)) return {}
  return readPeftAdapter(new Fields({ node: root, findings: scope.findings, from: 'launch' }))
}

function openNested(scope: CompanionScope, owner: Sourced<string>, path: string): Promise<ConfigNode | null> {
  return openCompanion(scope, { ...owner, value: path })
}
