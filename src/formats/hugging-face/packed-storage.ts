import { byDefault } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Fields } from '../fields.ts'

/** `bnb_4bit_quant_storage`: are 4-bit weights packed into bytes rather than into numbers of a floating type? */
export function packsInBytes(fields: Fields): Sourced<boolean> {
  const storage = fields.isSet('bnb_4bit_quant_storage') ? fields.string('bnb_4bit_quant_storage') : undefined
  return storage
    ? { ...storage, value: !storage.value.includes('float') }
    : byDefault(true, 'transformers 5.18 utils/quantization_config.py: bnb_4bit_quant_storage uint8')
}
