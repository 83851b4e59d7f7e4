/** What was made of ranges of bytes that come again and again, found by the bytes themselves. */

/** How much is remembered before a table starts anew. */
const maxEntries = 65_536
const maxBytes = 32 * 1024 * 1024

/** Ranges are kept in pieces of memory of this size, since one for each would cost more than the ranges. */
const pieceBytes = 64 * 1024

/** Of a table's buckets, one less: a power of two. */
const bucketMask = 2 ** 13 - 1

interface Entry<Value> {
  readonly hash: number
  /** Where the range is kept. */
  readonly view: DataView
  readonly start: number
  readonly length: number
  readonly value: Value
  readonly next: Entry<Value> | undefined
}

/** The table. Ranges are compared byte by byte, so an answer is never that of other bytes. */
export class ByteTable<Value> {
  readonly #make: (bytes: Uint8Array) => Value
  #buckets: (Entry<Value> | undefined)[] = emptyBuckets()
  #piece = new Uint8Array(0)
  #view = new DataView(this.#piece.buffer)
  #used = 0
  #count = 0
  #bytes = 0

  /** `make` gets the bytes, which it must not keep. */
  constructor(make: (bytes: Uint8Array) => Value) {
    this.#make = make
  }

  /** Returns what was made of the bytes of `view` from `start` to `end`. */
  at(view: DataView, start: number, end: number): Value {
    const hash = hashOf(view, start, end)
    let entry = this.#buckets[hash & bucketMask]
    while (entry !== undefined) {
      if (entry.hash === hash && isSame(entry, view, start, end)) return entry.value
      entry = entry.next
    }
    return this.#add(hash, new Uint8Array(view.buffer, view.byteOffset + start, end - start))
  }

  #add(hash: number, bytes: Uint8Array): Value {
    const value = this.#make(bytes)
    const { length } = bytes
    if (this.#count >= maxEntries || this.#bytes + length > maxBytes) {
      this.#buckets = emptyBuckets()
      this.#count = 0
      this.#bytes = 0
    }
    if (this.#used + length > this.#piece.length) {
      this.#piece = new Uint8Array(Math.max(pieceBytes, length))
      this.#view = new DataView(this.#piece.buffer)
      this.#used = 0
    }
    this.#piece.set(bytes, this.#used)
    const bucket = hash & bucketMask
    const next = this.#buckets[bucket]
    this.#buckets[bucket] = { hash, view: this.#view, start: this.#used, length, value, next }
    this.#used += length
    this.#count += 1
    this.#bytes += length
    return value
  }
}

function emptyBuckets<Value>(): (Entry<Value> | undefined)[] {
  return Array.from<Entry<Value> | undefined>({ length: bucketMask + 1 })
}

/** All bytes count, since endpoints of one workload differ in few of them; the result is a small integer. */
function hashOf(view: DataView, start: number, end: number): number {
  let hash = end - start
  let at = start
  for (; at + 4 <= end; at += 4) hash = Math.imul(hash ^ view.getInt32(at, true), 0x5bd1e995)
  for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x5bd1e995)
  return (hash ^ (hash >>> 15)) & 0x3fff_ffff
}

function isSame(known: Entry<unknown>, view: DataView, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  const shift = known.start - start
  let at = start
  for (; at + 4 <= end; at += 4) {
    if (known.view.getInt32(shift + at, true) !== view.getInt32(at, true)) return false
  }
  for (; at < end; at++) {
    if (known.view.getUint8(shift + at) !== view.getUint8(at)) return false
  }
  return true
}
