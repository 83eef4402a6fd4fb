import { GPUS, searchGpus } from '../hardware/gpu-catalogue.ts'
import { searchPrices } from '../hardware/price-catalogue.ts'
import { searchCatalogue } from '../models/catalogue.ts'
import { exactMoney } from '../plan/money-text.ts'
import { GIB } from '../plan/units.ts'
import { type Command, type CommandIo, EXIT, textOption } from './command.ts'
import { explainModel } from './explain-model.ts'
import { textTable } from './text-table.ts'

export const gpusCommand: Command = {
  name: 'gpus',
  summary: 'the GPU catalogue',
  usage: '[QUERY]',
  options: {},
  examples: ['gpus', 'gpus a100'],
  async run({ positionals, io }) {
    const rows = positionals.length > 0 ? searchGpus(positionals.join(' ')) : GPUS
    const show = (value: number | null, unit: number): string =>
      value === null ? '-' : String(Math.round(value / unit))
    io.out(
      textTable(
        ['id', 'usable GiB', 'bf16 TFLOP/s', 'GB/s', 'name', 'as of'],
        rows.map(gpu => [
          gpu.id,
          (gpu.usableBytes / GIB).toFixed(1),
          show(gpu.peak.bf16 ?? gpu.peak.fp16, 1e12),
          show(gpu.memoryBandwidth, 1e9),
          gpu.name,
          gpu.asOf,
        ]),
      ),
    )
    return found(rows, 'GPU', positionals, io)
  },
}

export const pricesCommand: Command = {
  name: 'prices',
  summary: 'the price catalogue, with date and source',
  usage: '[QUERY]',
  options: {},
  examples: ['prices h100', 'prices "aws a100"'],
  async run({ positionals, io }) {
    const rows = searchPrices(positionals.join(' '))
    io.out(
      textTable(
        ['provider', 'GPU', 'GPUs', 'per GPU-hour', 'instance', 'as of', 'source'],
        rows.map(price => [
          price.provider,
          price.gpu,
          String(price.instanceGpus),
          exactMoney(price.perGpuHour, price.currency),
          price.instanceType,
          price.asOf ?? 'undated',
          price.source,
        ]),
      ),
    )
    return found(rows, 'price', positionals, io)
  },
}

export const modelsCommand: Command = {
  name: 'models',
  summary: 'the model catalogue; --explain shows the parameters by module',
  usage: '[QUERY] | --explain ID',
  options: {
    explain: { type: 'string', value: 'ID', help: 'parameter table of one model (catalogue or Hub)' },
    offline: { type: 'boolean', help: 'never ask the Hugging Face Hub' },
  },
  examples: ['models qwen2.5', 'models --explain meta-llama/Llama-3.1-8B'],
  async run(input) {
    const id = textOption(input, 'explain')
    if (id !== undefined) return explainModel(input, id)
    const rows = searchCatalogue(input.positionals.join(' '))
    input.io.out(
      textTable(
        ['id', 'parameters', 'also known as'],
        rows.map(model => [
          model.id,
          model.parameters === null ? '-' : model.parameters.toLocaleString('en-US'),
          model.aliases.slice(0, 3).join(', '),
        ]),
      ),
    )
    return found(rows, 'model', input.positionals, input.io)
  },
}

/** The exit code of a search; one without a result says so. */
function found(rows: readonly unknown[], what: string, query: readonly string[], { err }: CommandIo): number {
  if (rows.length > 0) return EXIT.ok
  err(`preflop: no ${what} of the catalogue matches \`${query.join(' ')}\`; without a query all are listed.\n`)
  return EXIT.usage
}
