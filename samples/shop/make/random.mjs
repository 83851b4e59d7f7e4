/** Returns a generator of numbers in [0, 1) that gives the same sequence for the same seed (mulberry32). */
export function createRandom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Returns a 32-bit hash of a text (FNV-1a), for ids that must follow from a name alone. */
export function hashOf(text) {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  }
  return hash
}

/** Returns `length` hexadecimal digits that follow from a text alone. */
export function hexOf(text, length) {
  let digits = ''
  for (let part = 0; digits.length < length; part++) {
    digits += hashOf(`${text}#${part}`).toString(16).padStart(8, '0')
  }
  return digits.slice(0, length)
}
