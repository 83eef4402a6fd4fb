import { axolotlReader } from './axolotl.ts'
import { llamaFactoryReader } from './llama-factory.ts'
import { nativeReader } from './native.ts'
import type { FormatReader } from './reader.ts'
import { TRL_READERS } from './trl.ts'

/** Every format, in order of recognition: the first that recognises a document reads it. */
export const FORMAT_READERS: readonly FormatReader[] = [nativeReader, llamaFactoryReader, axolotlReader, ...TRL_READERS]
