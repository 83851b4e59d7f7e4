/** What was made of ranges of bytes that come again and again, found by the bytes themselves. */

/** How much is remembered before a table starts anew. */
const maxEntries = 65_536
const maxBytes = 32 * 1024 * 1024

/** Of a table's buckets, one less: a power of two. */
const bucketMask = 2 ** 13 - 1

interface Entry<Value> {
  readonly hash: number
  readonly view: DataView
  readonly value: Value
  readonly next: Entry<Value> | undefined
}

/** The table. Ranges are compared byte by byte, so an answer is never that of other bytes. */
export class ByteTable<Value> {
  readonly #make: (bytes: Uint8Array) => Value
  #buckets: (Entry<Value> | undefined)[] = emptyBuckets()
  #count = 0
  #bytes = 0

  /** `make` gets a copy of the bytes, which it may keep. */
  constructor(make: (bytes: Uint8Array) => Value) {
    this.#make = make
  }

  /** Returns what was made of the bytes of `view` from `start` to `end`. */
  at(view: DataView, start: number, end: number): Value {
    const hash = hashOf(view, start, end)
    let entry = this.#buckets[hash & bucketMask]
    while (entry !== undefined) {
      if (entry.hash === hash && isSame(entry.view, view, start, end)) return entry.value
      entry = entry.next
    }
    return this.#add(hash, view, start, end)
  }

  #add(hash: number, view: DataView, start: number, end: number): Value {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, end - start).slice()
    const value = this.#make(bytes)
    if (this.#count >= maxEntries || this.#bytes + bytes.length > maxBytes) {
      this.#buckets = emptyBuckets()
      this.#count = 0
      this.#bytes = 0
    }
    const bucket = hash & bucketMask
    this.#buckets[bucket] = {
      hash,
      view: new DataView(bytes.buffer),
      value,
      next: this.#buckets[bucket],
    }
    this.#count += 1
    this.#bytes += bytes.length
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

function isSame(known: DataView, view: DataView, start: number, end: number): boolean {
  const length = end - start
  if (known.byteLength !== length) return false
  let at = 0
  for (; at + 4 <= length; at += 4) {
    if (known.getInt32(at, true) !== view.getInt32(start + at, true)) return false
  }
  for (; at < length; at++) {
    if (known.getUint8(at) !== view.getUint8(start + at)) return false
  }
  return true
}
