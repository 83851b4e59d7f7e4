/** Ids of changes: a pure hash, so that the same change has the same id in every run. */

/** The halves of the 64-bit offset basis; bigints would take most of the time of a large diff. */
const offset = { high: 0xcbf29ce4, low: 0x84222325 }

/** The prime is 2^40 and this. */
const prime = 0x1b3

/** No code unit has this value, so that `['ab', 'c']` and `['a', 'bc']` differ. */
const separator = 0x10000

/** What stands between the texts of a list. */
const lineFeed = 0x0a

/**
 * Returns twelve hex digits that depend on the texts and their order alone (FNV-1a, 64 bits, over UTF-16 code units). A
 * list is the text of its lines.
 */
export function changeId(texts: readonly (string | readonly string[])[]): string {
  const hash: Hash = { high: offset.high | 0, low: offset.low | 0 }
  for (const text of texts) {
    const lines = typeof text === 'string' ? [text] : text
    for (const line of lines.slice(0, -1)) addText(hash, line, lineFeed)
    addText(hash, lines.at(-1) ?? '', separator)
  }
  const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0')
  return `${hex(hash.high)}${hex(hash.low)}`.slice(0, 12)
}

/** The two halves of a hash, as integers of 32 bits. */
interface Hash {
  high: number
  low: number
}

/** Adds a text, and the unit that stands behind it. */
function addText(hash: Hash, text: string, end: number): void {
  let { high, low } = hash
  for (let index = 0; index <= text.length; index++) {
    // By halves of 16 bits, so that no product leaves the integers of 32 bits, which are the fast ones.
    const mixed = low ^ (index < text.length ? text.charCodeAt(index) : end)
    const lower = (mixed & 0xffff) * prime
    const upper = (mixed >>> 16) * prime + (lower >>> 16)
    low = (upper << 16) | (lower & 0xffff)
    high = (Math.imul(high, prime) + (upper >>> 16) + (mixed << 8)) | 0
  }
  hash.high = high
  hash.low = low
}
