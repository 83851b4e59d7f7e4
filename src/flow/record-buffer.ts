/** A record that arrives in pieces: bounded, so that no input makes it grow further than one record may. */

/** How long a record may be. */
export interface RecordLimits {
  /** Longest record of a recording. */
  readonly maxRecordBytes: number
  /** Longest communication set, which is one document however large it is. */
  readonly maxDocumentBytes: number
}

const initialBytes = 64 * 1024

/** How much memory is kept for the next record. */
const keptBytes = 1024 * 1024

/** Collects the pieces of one record after another. */
export class RecordBuffer {
  private readonly limits: RecordLimits
  private bytes: Uint8Array = new Uint8Array(0)
  private used = 0
  private overflown = false

  constructor(limits: RecordLimits) {
    this.limits = limits
  }

  /** True when no piece has arrived. */
  get isEmpty(): boolean {
    return this.used === 0 && !this.overflown
  }

  /** True when the record was too long: its pieces are then gone, and no more are kept. */
  get isOverflown(): boolean {
    return this.overflown
  }

  /** Adds a copy of a piece. */
  append(piece: Uint8Array): void {
    if (this.overflown || piece.length === 0) return
    const needed = this.used + piece.length
    if (needed > this.limits.maxRecordBytes && !this.holdsDocument(piece, needed)) {
      this.clear()
      this.overflown = true
      return
    }
    if (needed > this.bytes.length) this.grow(needed)
    this.bytes.set(piece, this.used)
    this.used = needed
  }

  /** Returns the record that ends with `piece`, valid until the next call, or undefined when it was too long. */
  take(piece: Uint8Array): Uint8Array | undefined {
    if (this.isEmpty && piece.length <= this.limits.maxRecordBytes) return piece
    this.append(piece)
    const record = this.overflown ? undefined : this.bytes.subarray(0, this.used)
    this.clear()
    return record
  }

  /** Forgets the record. */
  clear(): void {
    this.used = 0
    this.overflown = false
    if (this.bytes.length > keptBytes) this.bytes = new Uint8Array(0)
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, initialBytes, this.bytes.length * 2))
    larger.set(this.bytes.subarray(0, this.used))
    this.bytes = larger
  }

  private holdsDocument(piece: Uint8Array, needed: number): boolean {
    if (needed > this.limits.maxDocumentBytes) return false
    const head = this.used >= 64 ? this.bytes.subarray(0, 64) : this.headWith(piece)
    return documentStart.test(asciiText(head))
  }

  private headWith(piece: Uint8Array): Uint8Array {
    const head = new Uint8Array(64)
    head.set(this.bytes.subarray(0, this.used))
    head.set(piece.subarray(0, 64 - this.used), this.used)
    return head
  }
}

const documentStart = /^\s*\{\s*"apiVersion"\s*:\s*"netweir\//

/** Returns the characters of bytes that are ASCII; others come out as some character or other. */
export function asciiText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
