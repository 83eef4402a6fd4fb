/** Plain numbers whose names carry the unit; the aliases document signatures. GiB is 2^30 bytes, GB is 1e9 bytes. */
export type Bytes = number
export type Seconds = number
export type Flops = number
export type FlopsPerSecond = number
export type BytesPerSecond = number

export const MIB = 2 ** 20
export const GIB = 2 ** 30
export const GB = 1e9
