/** What was made of ranges of bytes that come again and again, found by the bytes themselves. */

/** How much is remembered before a table starts anew. */
const maxEntries = 65_536
const maxBytes = 32 * 1024 * 1024

interface Entry<Value> {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly value: Value
  next: Entry<Value> | undefined
}

/** The table. Ranges are compared byte by byte, so an answer is never that of other bytes. */
export class ByteTable<Value> {
  readonly #make: (bytes: Uint8Array) => Value
  readonly #entries = new Map<number, Entry<Value>>()
  #count = 0
  #bytes = 0

  /** `make` gets a copy of the bytes, which it may keep. */
  constructor(make: (bytes: Uint8Array) => Value) {
    this.#make = make
  }

  /** Returns what was made of the bytes of `view` from `start` to `end`. */
  at(view: DataView, start: number, end: number): Value {
    const hash = hashOf(view, start, end)
    const first = this.#entries.get(hash)
    for (let entry = first; entry !== undefined; entry = entry.next) {
      if (isSame(entry.view, view, start, end)) return entry.value
    }
    return this.#add(hash, first, view, start, end)
  }

  #add(
    hash: number,
    next: Entry<Value> | undefined,
    view: DataView,
    start: number,
    end: number,
  ): Value {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, end - start).slice()
    const value = this.#make(bytes)
    if (this.#count >= maxEntries || this.#bytes + bytes.length > maxBytes) {
      this.#entries.clear()
      this.#count = 0
      this.#bytes = 0
      this.#entries.set(hash, entryOf(bytes, value, undefined))
    } else this.#entries.set(hash, entryOf(bytes, value, next))
    this.#count += 1
    this.#bytes += bytes.length
    return value
  }
}

function entryOf<Value>(
  bytes: Uint8Array,
  value: Value,
  next: Entry<Value> | undefined,
): Entry<Value> {
  return { bytes, view: new DataView(bytes.buffer), value, next }
}

/** Of the length and of twenty bytes at both ends, where endpoints differ: numbers first, the name of the pod last. */
function hashOf(view: DataView, start: number, end: number): number {
  let hash = (end - start) | 0
  if (end - start < 24) {
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193)
    return hash
  }
  for (let at = start; at < start + 8; at += 4) hash = mix(hash, view.getInt32(at, true))
  for (let at = end - 16; at < end; at += 4) hash = mix(hash, view.getInt32(at, true))
  return mix(hash, view.getInt32(start + ((end - start) >> 1) - 2, true))
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x5bd1e995)
  return mixed ^ (mixed >>> 15)
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
