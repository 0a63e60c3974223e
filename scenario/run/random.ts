/**
 * A number from 0 up to 1, without it, that depends on the seed and the step alone: what other steps choose, and in
 * which order steps of several branches come, makes no difference.
 */
export function chance(seed: number, step: string): number {
  let hash = seed ^ 0x811c9dc5;
  for (const byte of new TextEncoder().encode(step)) hash = Math.imul(hash ^ byte, 0x01000193);
  // The finish of MurmurHash3: each bit of the hash changes half of the bits.
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return ((hash ^ hash >>> 16) >>> 0) / 2 ** 32;
}
