import type { Finding } from '../../plan/finding.ts'
import type { Sourced } from '../../plan/provenance.ts'
import { DottedFields } from '../dotted-fields.ts'
import type { Fields } from '../fields.ts'

/** An argument under its dotted name or its older one. */
export class OpenRlhfArguments {
  readonly dotted: DottedFields
  readonly flat: Fields
  readonly findings: Finding[]
  /** Of the script, with the program's name in it. */
  readonly path: string

  constructor(flat: Fields, findings: Finding[], path: string) {
    this.flat = flat
    this.findings = findings
    this.path = path
    this.dotted = new DottedFields(flat)
  }

  count(name: string, older: string): Sourced<number> | undefined {
    return this.dotted.positive(this.#name(name, older))
  }

  on(name: string, older: string): boolean {
    return this.dotted.isOn(this.#name(name, older))
  }

  flag(name: string, older: string): Sourced<boolean> | undefined {
    return this.dotted.boolean(this.#name(name, older))
  }

  number(name: string, older: string): Sourced<number> | undefined {
    return this.dotted.number(this.#name(name, older))
  }

  text(name: string, older: string): Sourced<string> | undefined {
    return this.dotted.string(this.#name(name, older))
  }

  #name(name: string, older: string): string {
    return this.dotted.isSet(name) || !this.flat.isSet(older) ? name : older
  }
}
