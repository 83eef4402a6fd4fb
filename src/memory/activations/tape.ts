/** A block of memory, sized per token of the micro-batch. */
export interface Storage {
  readonly bytes: number
}

/** One tensor of a forward pass. Views share the storage of their base. */
export interface Value {
  readonly width: number
  /** Bytes per element. */
  readonly element: number
  readonly storage: Storage
}

interface Operation {
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly saved: readonly Storage[]
  /** The gradient of the output is handed on as it is (addition, views). */
  readonly sharesGradient: boolean
  /** Bytes per token that exist only while the backward of this operation runs. */
  readonly scratch: number
}

interface GradientBlock {
  readonly bytes: number
  references: number
}

export interface OperationOptions {
  readonly inputs: readonly Value[]
  readonly saves?: readonly (Value | Storage)[]
  readonly sharesGradient?: boolean
  readonly scratch?: number
  /** The operation keeps its own result (softmax, exp, attention kernels). */
  readonly savesOutput?: boolean
}

/** Bytes per token. */
export interface TapeMeasure {
  /** Tensors that autograd keeps from forward to backward, each storage once. */
  readonly saved: number
  /** The most that coexists during backward: tensors still saved, gradients and scratch. */
  readonly backwardPeak: number
}

/**
 * A forward pass written down as autograd sees it: which tensors each operation saves, and which gradients its backward creates.
 * Follows torch/csrc/autograd/engine.cpp and input_buffer.cpp (torch 2.13): nodes run in reverse order of creation, a node's saved
 * tensors are released when it has run, gradients accumulate in place when nobody else holds them.
 */
export class Tape {
  readonly #operations: Operation[] = []

  input(width: number, element: number): Value {
    return value(width, element)
  }

  /** Records an operation with one output and returns it. */
  record(width: number, element: number, options: OperationOptions): Value {
    const output = value(width, element)
    this.#push([output], options)
    return output
  }

  /** One operation with several outputs of their own. */
  recordSeveral(widths: readonly number[], element: number, options: OperationOptions): readonly Value[] {
    const outputs = widths.map(width => value(width, element))
    this.#push(outputs, options)
    return outputs
  }

  /** Several outputs that are views of the one input. */
  split(source: Value, widths: readonly number[]): Value[] {
    const outputs = widths.map(width => ({ width, element: source.element, storage: source.storage }))
    this.#push(outputs, { inputs: [source] })
    return outputs
  }

  /** `x.to(dtype)`: the same tensor when nothing changes. */
  cast(source: Value, element: number): Value {
    return source.element === element ? source : this.record(source.width, element, { inputs: [source] })
  }

  /** Element-wise sum; the wider type wins. */
  add(left: Value, right: Value): Value {
    const element = Math.max(left.element, right.element)
    return this.record(left.width, element, { inputs: [left, right], sharesGradient: left.element === right.element })
  }

  saves(tensor: Value): boolean {
    return this.#operations.some(operation => operation.saved.includes(tensor.storage))
  }

  measure(): TapeMeasure {
    const holders = new Map<Storage, number>()
    let live = 0
    for (const operation of this.#operations) {
      for (const storage of operation.saved) {
        const count = holders.get(storage) ?? 0
        if (count === 0) live += storage.bytes
        holders.set(storage, count + 1)
      }
    }
    return { saved: live, backwardPeak: this.#backwardPeak(live, holders) }
  }

  #backwardPeak(saved: number, holders: Map<Storage, number>): number {
    const gradients = new Map<Value, GradientBlock>()
    let live = saved
    let peak = saved
    const release = (block: GradientBlock) => {
      block.references -= 1
      if (block.references === 0) live -= block.bytes
    }
    const last = this.#operations.at(-1)?.outputs[0]
    if (last !== undefined) {
      const block = { bytes: last.width * last.element, references: 1 }
      live += block.bytes
      gradients.set(last, block)
    }
    for (let index = this.#operations.length - 1; index >= 0; index -= 1) {
      const operation = this.#operations[index]
      if (operation === undefined) continue
      const first = operation.outputs[0]
      const shared = operation.sharesGradient && first !== undefined ? gradients.get(first) : undefined
      const produced: GradientBlock[] = []
      for (const input of operation.inputs) {
        const block = shared ?? { bytes: input.width * input.element, references: 0 }
        if (block.references === 0) live += block.bytes
        block.references += 1
        produced.push(block)
      }
      peak = Math.max(peak, live + operation.scratch)
      for (const output of operation.outputs) {
        const block = gradients.get(output)
        if (block === undefined) continue
        release(block)
        gradients.delete(output)
      }
      for (const storage of operation.saved) {
        const count = (holders.get(storage) ?? 1) - 1
        holders.set(storage, count)
        if (count === 0) live -= storage.bytes
      }
      for (let at = 0; at < operation.inputs.length; at += 1) {
        const input = operation.inputs[at]
        const block = produced[at]
        if (input === undefined || block === undefined) continue
        const existing = gradients.get(input)
        if (existing === undefined) {
          gradients.set(input, block)
        } else if (existing.references === 1) {
          release(block)
        } else {
          const sum = { bytes: input.width * input.element, references: 1 }
          live += sum.bytes
          peak = Math.max(peak, live)
          release(existing)
          release(block)
          gradients.set(input, sum)
        }
      }
    }
    return peak
  }

  #push(outputs: readonly Value[], options: OperationOptions): void {
    this.#operations.push({
      inputs: options.inputs,
      outputs,
      saved: [
        ...(options.saves ?? []).map(entry => ('storage' in entry ? entry.storage : entry)),
        ...(options.savesOutput ? outputs.map(output => output.storage) : []),
      ],
      sharesGradient: options.sharesGradient ?? false,
      scratch: options.scratch ?? 0,
    })
  }
}

function value(width: number, element: number): Value {
  return { width, element, storage: { bytes: width * element } }
}
