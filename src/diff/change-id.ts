/** Ids of changes: a pure hash, so that the same change has the same id in every run. */

const offset = 0xcbf29ce484222325n
const prime = 0x100000001b3n
const mask = (1n << 64n) - 1n

/** Returns twelve hex digits that depend on the texts and their order alone (FNV-1a, 64 bits, over UTF-16 code units). */
export function changeId(texts: readonly string[]): string {
  let hash = offset
  for (const text of texts) {
    for (let index = 0; index < text.length; index++) {
      hash = ((hash ^ BigInt(text.charCodeAt(index))) * prime) & mask
    }
    // No code unit has this value, so that `['ab', 'c']` and `['a', 'bc']` differ.
    hash = ((hash ^ 0x10000n) * prime) & mask
  }
  return hash.toString(16).padStart(16, '0').slice(0, 12)
}
