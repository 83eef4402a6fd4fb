import data from '../../../data/megatron-bridge-recipes.json' with { type: 'json' }

/** What a recipe function sets, with what recipes/common.py sets below it. */
export interface BridgeRecipe {
  readonly name: string
  readonly stage: 'pretrain' | 'sft' | 'peft'
  readonly model: string
  readonly tensor: number
  readonly pipeline: number
  readonly interleave: number
  readonly context: number
  readonly expert: number
  readonly sequenceParallel: boolean
  readonly sequenceLength: number
  readonly globalBatch: number
  readonly microBatch: number
  readonly iterations: number
  readonly precision: string
  readonly distributedOptimizer: boolean
  readonly gradientsFloat32: boolean
  readonly recompute: 'none' | 'full' | 'selective'
  readonly rank: number
  /** From the name; null: it does not say. */
  readonly gpus: number | null
  readonly gpu: string | null
}

type Base = Omit<BridgeRecipe, 'name' | 'model' | 'gpus' | 'gpu'>

const SHARED = {
  tensor: 1,
  pipeline: 1,
  interleave: 1,
  context: 1,
  expert: 1,
  sequenceParallel: false,
  precision: 'bf16_mixed',
  distributedOptimizer: true,
  gradientsFloat32: true,
  recompute: 'none',
  rank: 32,
} as const

/** recipes/common.py: _pretrain_common, _sft_common, _peft_common. */
const BASES: Readonly<Record<Base['stage'], Base>> = {
  pretrain: { ...SHARED, stage: 'pretrain', sequenceLength: 4096, globalBatch: 32, microBatch: 2, iterations: 300_000 },
  sft: { ...SHARED, stage: 'sft', sequenceLength: 2048, globalBatch: 128, microBatch: 1, iterations: 1000 },
  peft: { ...SHARED, stage: 'peft', sequenceLength: 2048, globalBatch: 128, microBatch: 1, iterations: 1000 },
}

/** _sft_common_vlm, _peft_common_vlm. */
const VISION = { sequenceLength: 4096, globalBatch: 32, microBatch: 2, iterations: 300_000 } as const

let recipes: ReadonlyMap<string, BridgeRecipe> | undefined

/** By the function's name and by the legacy names that stand for it. */
function recipesByName(): ReadonlyMap<string, BridgeRecipe> {
  recipes ??= new Map(
    data.rows.flatMap(row => {
      const fields = Object.fromEntries(data.columns.map((column, index) => [column, row[index] ?? null]))
      const recipe = toRecipe(fields)
      const aliases = String(fields['aliases'] ?? '').split(' ')
      return [recipe.name, ...aliases].map(name => [name, recipe] as const)
    }),
  )
  return recipes
}

/** A recipe by name, or by the stem and mode that `run_recipe.py --model` makes a name of; null: not known. */
export function findBridgeRecipe(name: string, mode: string | null = null): BridgeRecipe | null {
  const task = mode === 'lora' || mode === 'dora' ? 'peft' : mode
  return recipesByName().get(task === null ? name : `${name}_${task}_config`) ?? null
}

/** What holds where no recipe is known. */
export function bridgeBase(stage: Base['stage']): Base {
  return BASES[stage]
}

function toRecipe(row: Readonly<Record<string, string | number | boolean | null>>): BridgeRecipe {
  const name = String(row['recipe'])
  const kind = String(row['base']).split('_')[0]
  const text = BASES[kind === 'peft' || kind === 'sft' ? kind : 'pretrain']
  const base: Base = String(row['base']).endsWith('_vlm') ? { ...text, ...VISION } : text
  const number = (key: keyof Base & string): number => {
    const [value, fallback] = [row[key], base[key]]
    return typeof value === 'number' ? value : typeof fallback === 'number' ? fallback : 1
  }
  const flag = (key: keyof Base & string): boolean => {
    const value = row[key]
    return typeof value === 'boolean' ? value : base[key] === true
  }
  const [, gpus = null, gpu = null] = /_(\d+)gpu_([a-z]+\d+)_/.exec(name) ?? []
  const recompute = row['recompute']
  return {
    name,
    stage: base.stage,
    model: String(row['model']),
    tensor: number('tensor'),
    pipeline: number('pipeline'),
    interleave: number('interleave'),
    context: number('context'),
    expert: number('expert'),
    sequenceParallel: flag('sequenceParallel'),
    sequenceLength: number('sequenceLength'),
    globalBatch: number('globalBatch'),
    microBatch: number('microBatch'),
    iterations: number('iterations'),
    precision: String(row['precision'] ?? base.precision),
    distributedOptimizer: flag('distributedOptimizer'),
    gradientsFloat32: flag('gradientsFloat32'),
    recompute: recompute === 'full' || recompute === 'selective' ? recompute : 'none',
    rank: number('rank'),
    gpus: gpus === null ? null : Number(gpus),
    gpu,
  }
}
