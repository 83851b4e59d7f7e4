/** Sets of small numbers as bit rows: what the comparison counts and intersects instead of walking pairs. */

/** A set of numbers below a fixed size; bit `i` of word `w` stands for `32 w + i`. */
export type Bits = Uint32Array

/** Words that lie in V8's heap; each longer array costs an allocation outside. */
const heapWords = 16

/** Words of a block that rows are cut from, and of the longest such row. */
const blockWords = 16_384
const rowWords = 2_048

/** The block that rows are cut from, and how many of its words are taken. */
const block = { buffer: new ArrayBuffer(0), taken: blockWords }

/** Returns an empty set for numbers below `size`. */
export function createBits(size: number): Bits {
  return createRow((size + 31) >>> 5)
}

/** Returns a row of empty words, cut from a block where an allocation of its own would cost more. */
function createRow(words: number): Bits {
  if (words <= heapWords || words > rowWords) return new Uint32Array(words)
  if (block.taken + words > blockWords) {
    block.buffer = new ArrayBuffer(blockWords * Uint32Array.BYTES_PER_ELEMENT)
    block.taken = 0
  }
  const row = new Uint32Array(block.buffer, block.taken * Uint32Array.BYTES_PER_ELEMENT, words)
  block.taken += words
  return row
}

/** Returns a set that is the same, and can be changed. */
export function copyBits(bits: Bits): Bits {
  const copy = createRow(bits.length)
  copy.set(bits)
  return copy
}

/** Returns the set of `members`, all of which are below `size`. */
export function bitsOf(size: number, members: Iterable<number>): Bits {
  const bits = createBits(size)
  for (const member of members) addBit(bits, member)
  return bits
}

/** Adds one number. */
export function addBit(bits: Bits, member: number): void {
  const word = member >>> 5
  bits[word] = (bits[word] ?? 0) | (1 << (member & 31))
}

/** Tells whether a number is in the set. */
export function hasBit(bits: Bits, member: number): boolean {
  return (((bits[member >>> 5] ?? 0) >>> (member & 31)) & 1) === 1
}

/** Adds every number of `other`, which may be of a smaller size. */
export function addBits(bits: Bits, other: Bits): void {
  for (let word = 0; word < other.length; word++)
    bits[word] = (bits[word] ?? 0) | (other[word] ?? 0)
}

/** Removes every number of `other`, which may be of a smaller size. */
export function removeBits(bits: Bits, other: Bits): void {
  for (let word = 0; word < other.length; word++)
    bits[word] = (bits[word] ?? 0) & ~(other[word] ?? 0)
}

/** Tells whether every number of `other` is in the set. */
export function hasAll(bits: Bits, other: Bits): boolean {
  for (let word = 0; word < other.length; word++) {
    if (((other[word] ?? 0) & ~(bits[word] ?? 0)) !== 0) return false
  }
  return true
}

/** Returns what is in either set; the second may be of a smaller size. */
export function uniteBits(a: Bits, b: Bits): Bits {
  const all = copyBits(a)
  addBits(all, b)
  return all
}

/** Returns what is in both sets; the second may be of a smaller size. */
export function commonBits(a: Bits, b: Bits): Bits {
  const common = createRow(a.length)
  for (let word = 0; word < a.length; word++) common[word] = (a[word] ?? 0) & (b[word] ?? 0)
  return common
}

/** Returns what is in the first set only. */
export function withoutBits(a: Bits, b: Bits): Bits {
  const rest = createRow(a.length)
  for (let word = 0; word < a.length; word++) rest[word] = (a[word] ?? 0) & ~(b[word] ?? 0)
  return rest
}

/** Tells whether the set is empty. */
export function isEmptyBits(bits: Bits): boolean {
  for (let word = 0; word < bits.length; word++) if (bits[word] !== 0) return false
  return true
}

/** Returns the smallest number that is in just one of the sets, which are of one size; undefined where they are equal. */
export function firstDifference(a: Bits, b: Bits): number | undefined {
  for (let word = 0; word < a.length; word++) {
    const difference = (a[word] ?? 0) ^ (b[word] ?? 0)
    if (difference !== 0) return 32 * word + 31 - Math.clz32(difference & -difference)
  }
  return undefined
}

/** Returns how many numbers a word stands for. */
export function countWord(word: number): number {
  let pairs = word - ((word >>> 1) & 0x55555555)
  pairs = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return (((pairs + (pairs >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
}

/** Returns how many numbers are in the set. */
export function countBits(bits: Bits): number {
  let count = 0
  for (let word = 0; word < bits.length; word++) count += countWord(bits[word] ?? 0)
  return count
}

/** Returns the members in ascending order. */
export function membersOf(bits: Bits): readonly number[] {
  const members: number[] = []
  for (let word = 0; word < bits.length; word++) {
    for (let rest = bits[word] ?? 0; rest !== 0; rest &= rest - 1) {
      members.push(32 * word + 31 - Math.clz32(rest & -rest))
    }
  }
  return members
}

/** Returns the smallest member that is not below `from`, or -1: for loops that often end early. */
export function nextMember(bits: Bits, from: number): number {
  let word = from >>> 5
  let rest = (bits[word] ?? 0) & (-1 << (from & 31))
  while (rest === 0) {
    word += 1
    if (word >= bits.length) return -1
    rest = bits[word] ?? 0
  }
  return 32 * word + 31 - Math.clz32(rest & -rest)
}

/** Returns a text that is equal for equal sets of one size alone; it is no text to read. */
export function bitsKey(bits: Bits): string {
  const units = new Uint16Array(bits.buffer, bits.byteOffset, 2 * bits.length)
  let key = ''
  for (let start = 0; start < units.length; start += 4_096) {
    key += String.fromCharCode(...units.subarray(start, start + 4_096))
  }
  return key
}

/** Values by sets of one size: a set with the same members is the same key. Sets that are keys must not change. */
export class BitsMap<Value> {
  readonly #byHash = new Map<number, { readonly bits: Bits; readonly value: Value }[]>()

  /** Returns the value of a set; where it has none yet, makes it and keeps it. */
  take(bits: Bits, make: () => Value): Value {
    const hash = hashOf(bits)
    let alike = this.#byHash.get(hash)
    if (alike === undefined) {
      alike = []
      this.#byHash.set(hash, alike)
    }
    for (const known of alike) if (equalBits(known.bits, bits)) return known.value
    const value = make()
    alike.push({ bits, value })
    return value
  }
}

/** Tells whether two sets of one size have the same members. */
export function equalBits(a: Bits, b: Bits): boolean {
  return firstDifference(a, b) === undefined
}

function hashOf(bits: Bits): number {
  let hash = 0
  for (let word = 0; word < bits.length; word++) {
    hash = Math.imul(hash ^ (bits[word] ?? 0), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}
