/** Ids of changes: a pure hash, so that the same change has the same id in every run. */

/** The halves of the 64-bit offset basis; bigints would take most of the time of a large diff. */
const offset = { high: 0xcbf29ce4, low: 0x84222325 }

/** The prime is 2^40 and this. */
const prime = 0x1b3

/** No code unit has this value, so that `['ab', 'c']` and `['a', 'bc']` differ. */
const separator = 0x10000

/** Returns twelve hex digits that depend on the texts and their order alone (FNV-1a, 64 bits, over UTF-16 code units). */
export function changeId(texts: readonly string[]): string {
  let { high, low } = offset
  const add = (unit: number): void => {
    const mixed = (low ^ unit) >>> 0
    const product = mixed * prime
    low = product >>> 0
    // A sum beyond 2^53 would lose bits: high * prime stays below 2^41, the rest below 2^33.
    high = (high * prime + Math.floor(product / 2 ** 32) + ((mixed << 8) >>> 0)) >>> 0
  }
  for (const text of texts) {
    for (let index = 0; index < text.length; index++) add(text.charCodeAt(index))
    add(separator)
  }
  const hex = (half: number): string => half.toString(16).padStart(8, '0')
  return `${hex(high)}${hex(low)}`.slice(0, 12)
}
