import { nativeReader } from './native.ts'
import type { FormatReader } from './reader.ts'

/** Every format, in order of recognition: the first that recognises a document reads it. */
export const FORMAT_READERS: readonly FormatReader[] = [nativeReader]
