import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { rowOf } from '../plan/row-of.ts'
import type { AdapterPlan, FreezePlan, TrainingPlan } from '../plan/training-plan.ts'
import type { Quantization } from '../plan/vocabulary.ts'
import { adapterParameters, promptParameters } from './adapter-parameters.ts'
import { type TargetRule, targetRule } from './adapter-targets.ts'
import type { Architecture, ParameterTensor } from './architecture.ts'
import { countedTensors } from './counted-tensors.ts'
import { isFusedExpert } from './expert-conversion.ts'
import type { AdapterTarget, CountedTensor, ModelCounts } from './model-counts.ts'
import { modulePattern } from './module-pattern.ts'
import { isSaved, savedModules } from './saved-modules.ts'
import { linear } from './tensor.ts'
import { trainableByPatterns } from './trainable-patterns.ts'

export interface CountedModel {
  readonly counts: ModelCounts
  readonly findings: readonly Finding[]
}

/** Parameters of a model under a plan: what trains, what is quantised, what a token uses. */
export function countModel(architecture: Architecture, plan: TrainingPlan): CountedModel {
  const findings: Finding[] = []
  const tensors = countedTensors(architecture)
  const total = sum(tensors)
  const adapted = plan.adapter ? countAdapter(architecture, plan.adapter, tensors, findings) : null
  const reached = plan.quantizationDetails.quantizesAdaptedOnly
    ? new Set((adapted?.targets ?? []).map(({ tensor }) => tensor.path))
    : null
  const isQuantized = (tensor: ParameterTensor): boolean =>
    plan.quantization !== 'none' && quantizes(tensor, plan) && (reached === null || reached.has(tensor.path))
  const quantized = sum(tensors.filter(({ tensor }) => isQuantized(tensor)))
  const trainableTensors = plan.adapter
    ? biasesAndNorms(architecture, plan.adapter, { tensors, targets: adapted?.targets ?? [] })
    : unfrozen(architecture, plan.freeze, tensors)
  if (!plan.adapter && plan.freeze.kind === 'trainable_patterns')
    for (const pattern of plan.freeze.patterns) {
      const problem = modulePattern(architecture, pattern).problem()
      if (problem !== null) findings.push(patternFinding(problem))
    }
  const trainableBase = plan.adapter ? 0 : sum(trainableTensors)
  const adapter = (adapted?.parameters ?? 0) + (plan.adapter ? sum(trainableTensors) : 0)
  const savedModules = adapted?.saved ?? 0
  const embedding = architecture.embedding.reduce((bytes, tensor) => bytes + tensor.parameters, 0)
  return {
    counts: {
      total,
      trainable: trainableBase + adapter + savedModules,
      active: total - idleExperts(architecture),
      trainableBase,
      adapter,
      savedModules,
      quantized,
      unquantized: total - quantized,
      embedding,
      head: architecture.head.tensors.reduce((count, tensor) => count + tensor.parameters, 0),
      trainableTensors,
      adapterTargets: adapted?.targets ?? [],
    },
    findings,
  }
}

function sum(tensors: readonly CountedTensor[]): number {
  return tensors.reduce((count, { tensor, layers }) => count + layers * tensor.parameters, 0)
}

function idleExperts(architecture: Architecture): number {
  return architecture.layers.reduce((idle, { count, layer }) => {
    if (!layer.moe) return idle
    const experts = layer.tensors
      .filter(({ kind }) => kind === 'expert')
      .reduce((all, tensor) => all + tensor.parameters, 0)
    return idle + count * experts * (1 - Math.min(1, layer.moe.topK / layer.moe.experts))
  }, 0)
}

/** bitsandbytes quantises what is an nn.Linear as a model loads (transformers 5.18 integrations/bitsandbytes.py replace_with_bnb_linear). */
const REPLACES_LINEAR: ReadonlySet<Quantization> = new Set<Quantization>(['nf4', 'nf4-double', 'int8'])

/** Linear weights in the blocks; the head only where the framework says so; fused experts only where it can. */
export function quantizes(tensor: ParameterTensor, plan: TrainingPlan): boolean {
  if (tensor.part === 'head') return plan.quantizationDetails.quantizesHead && tensor.kind === 'linear'
  if (tensor.kind === 'expert')
    return (
      !tensor.fused || plan.quantizationDetails.quantizesExperts !== 'none' || !REPLACES_LINEAR.has(plan.quantization)
    )
  return tensor.kind === 'linear'
}

interface CountedAdapter {
  readonly parameters: number
  readonly saved: number
  readonly targets: readonly AdapterTarget[]
}

function countAdapter(
  architecture: Architecture,
  adapter: AdapterPlan,
  tensors: readonly CountedTensor[],
  findings: Finding[],
): CountedAdapter {
  const saved = savedModules(architecture, adapter)
  const layers = architecture.layers.reduce((count, run) => count + run.count, 0)
  const keyValueWidth = architecture.layers[0]?.layer.attention.keyValueWidth ?? architecture.hiddenSize
  const beside = promptParameters(adapter, { hiddenSize: architecture.hiddenSize, layers, keyValueWidth })
  if (beside !== null) return { parameters: beside, saved, targets: [] }
  if (adapter.type === 'ln_tuning') return { parameters: 0, saved, targets: [] }
  const rule = targetRule(architecture, adapter)
  if (!rule) {
    findings.push(
      finding('unknown-target-module', {
        message: `PEFT has no default \`target_modules\` for \`${architecture.modelType}\`; expected a list or \`all-linear\`.`,
      }),
    )
    return { parameters: 0, saved, targets: [] }
  }
  const targets = adapterTargets(adapter, rule, withTiedHead(architecture, tensors))
  reportUnmatched(rule, targets, architecture, findings)
  return { parameters: targets.reduce((count, target) => count + target.layers * target.parameters, 0), saved, targets }
}

/** A tied head is still a module that can be named. */
function withTiedHead(architecture: Architecture, tensors: readonly CountedTensor[]): readonly CountedTensor[] {
  const { head, tiedEmbeddings, vocabSize, modelType } = architecture
  if (!tiedEmbeddings || head.tensors.some(({ path }) => path === 'lm_head')) return tensors
  const path = head.kind === 'masked-lm' ? 'decoder' : (rowOf(TIED_HEADS, modelType) ?? 'lm_head')
  const [table] = architecture.embedding
  const tied = linear(path, 'head', table?.outFeatures ?? architecture.hiddenSize, vocabSize)
  return [...tensors, { tensor: { ...tied, parameters: 0 }, layers: 1 }]
}

const TIED_HEADS: Readonly<Record<string, string>> = { whisper: 'proj_out' }

function adapterTargets(
  adapter: AdapterPlan,
  rule: TargetRule,
  tensors: readonly CountedTensor[],
): readonly AdapterTarget[] {
  return tensors.flatMap(counted => {
    const { tensor } = counted
    const layers = rule.layers(counted)
    if (layers === 0) return []
    const rank = rule.rank(tensor)
    const parameters = adapterParameters(adapter, tensor, rank)
    return parameters === null ? [] : [{ tensor, layers, rank, parameters }]
  })
}

function reportUnmatched(
  rule: TargetRule,
  targets: readonly AdapterTarget[],
  architecture: Architecture,
  findings: Finding[],
): void {
  if (rule.refusal !== null) findings.push(finding('unknown-target-module', { message: rule.refusal }))
  const problem = rule.problem()
  if (problem !== null) findings.push(patternFinding(problem))
  if (problem !== null || targets.length > 0) return
  const known = [
    ...new Set(
      architecture.layers.flatMap(({ layer }) =>
        layer.tensors.filter(({ kind }) => kind === 'linear').map(({ path }) => path.slice(path.lastIndexOf('.') + 1)),
      ),
    ),
  ]
  const given = rule.names.length > 0 ? rule.names.map(name => `\`${name}\``).join(', ') : 'The pattern'
  findings.push(
    finding('unknown-target-module', {
      message: `${given} matches no module of \`${architecture.modelType}\`.`,
      hint: `Its modules: ${known.join(', ')}.`,
    }),
  )
}

function patternFinding(problem: string): Finding {
  return finding('unsupported-option', {
    message: `A pattern over module names has ${problem}: what it selects is not known.`,
    hint: 'Write the pattern without it, or list the names.',
  })
}

/** `bias: all` and LN tuning train small parts of the base beside or instead of matrices; `lora_only` those of adapted modules. */
function biasesAndNorms(
  architecture: Architecture,
  adapter: AdapterPlan,
  { tensors, targets }: { readonly tensors: readonly CountedTensor[]; readonly targets: readonly AdapterTarget[] },
): readonly CountedTensor[] {
  if (adapter.type === 'ln_tuning') return tensors.filter(({ tensor }) => tensor.kind === 'norm')
  if (adapter.bias === 'none' && adapter.type !== 'adapter_v2') return []
  const biases = tensors
    .filter(
      ({ tensor }) => (tensor.bias && tensor.parameters > 0 && !isFusedExpert(tensor)) || tensor.path.endsWith('.bias'),
    )
    .filter(counted => !isSaved(architecture, adapter, counted))
    .map(({ tensor, layers }) => ({ tensor: { ...tensor, parameters: biasParameters(tensor) }, layers }))
  if (adapter.bias !== 'lora_only') return biases
  return biases.flatMap(({ tensor }) => {
    const layers = targets.find(target => target.tensor.path === tensor.path)?.layers ?? 0
    return layers > 0 ? [{ tensor, layers }] : []
  })
}

function biasParameters({ kind, count, inFeatures, outFeatures, parameters }: ParameterTensor): number {
  if (kind === 'parameter') return parameters
  return kind === 'norm' ? inFeatures : count * outFeatures
}

/** Parts by the words freeze patterns use. */
const PART_WORDS: Readonly<Record<string, readonly ParameterTensor['part'][]>> = {
  vision_tower: ['vision'],
  projector: ['projector'],
  router: ['router'],
  experts: ['experts'],
  embeddings: ['embedding'],
  language_model: [
    'attention',
    'mlp',
    'experts',
    'shared-expert',
    'router',
    'norm',
    'embedding',
    'head',
    'mixer',
    'other',
  ],
}

function unfrozen(
  architecture: Architecture,
  freeze: FreezePlan,
  tensors: readonly CountedTensor[],
): readonly CountedTensor[] {
  if (freeze.kind === 'none') return tensors.filter(({ tensor }) => tensor.constant !== true)
  if (freeze.kind === 'trainable_patterns') return trainableByPatterns(architecture, freeze.patterns, tensors)
  if (freeze.kind === 'patterns') {
    const frozen = new Set(freeze.patterns.flatMap(pattern => rowOf(PART_WORDS, pattern) ?? []))
    const names = freeze.patterns.filter(pattern => !Object.hasOwn(PART_WORDS, pattern))
    return tensors.filter(({ tensor }) => !frozen.has(tensor.part) && !names.some(name => tensor.path.includes(name)))
  }
  let left = freeze.layers
  return architecture.layers.toReversed().flatMap(({ count, layer }) => {
    const layers = Math.min(count, left)
    left -= layers
    return layers > 0 ? layer.tensors.map(tensor => ({ tensor, layers })) : []
  })
}
