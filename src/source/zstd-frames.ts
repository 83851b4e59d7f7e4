/**
 * Follows the frames of a zstd stream (RFC 8878) without decoding them: it bounds the memory that a frame may ask for,
 * and knows whether the stream ended where a frame ends, which not every decoder says.
 */

/** Largest window that is accepted, in bytes: what the zstd command line accepts by default. */
export const maxWindowBytes: number = 128 * 1024 * 1024

/** What is given to a decoder at once. */
const sliceBytes = 16 * 1024

/** No block may expand to more. */
const maxBlockBytes = 128 * 1024

const frameMagic = 0xfd2fb528
const firstSkippableMagic = 0x184d2a50

/** What the follower waits for, and how many bytes that takes. */
interface Expectation {
  readonly part: 'magic' | 'skippable' | 'descriptor' | 'header' | 'block'
  readonly length: number
}

const expectMagic: Expectation = { part: 'magic', length: 4 }
const expectBlock: Expectation = { part: 'block', length: 3 }

/** Follows one stream. */
export class ZstdFrames {
  private expected: Expectation = expectMagic
  private readonly part = new Uint8Array(16)
  private partLength = 0
  private skip = 0
  private descriptor = 0
  private hasChecksum = false

  /** True where the stream may end. */
  get isAtEnd(): boolean {
    return this.expected.part === 'magic' && this.partLength === 0 && this.skip === 0
  }

  /** Yields the next bytes in slices that end where frames end. @throws {Error} what is wrong with them. */
  *slices(bytes: Uint8Array): Generator<Uint8Array, void> {
    for (let start = 0; start < bytes.length; ) {
      const slice = bytes.subarray(start, start + sliceBytes)
      const { taken, fault } = this.push(slice)
      if (fault !== undefined) throw new Error(fault)
      yield slice.subarray(0, taken)
      start += taken
    }
  }

  /** Takes bytes up to where a frame ends: returns how many these are, and what is wrong with them, if anything. */
  private push(bytes: Uint8Array): { readonly taken: number; readonly fault?: string } {
    let index = 0
    while (index < bytes.length) {
      const skipped = Math.min(this.skip, bytes.length - index)
      this.skip -= skipped
      index += skipped
      if (index > 0 && this.isAtEnd) return { taken: index }
      const taken = Math.min(this.expected.length - this.partLength, bytes.length - index)
      this.part.set(bytes.subarray(index, index + taken), this.partLength)
      this.partLength += taken
      index += taken
      if (this.partLength < this.expected.length) continue
      this.partLength = 0
      const fault = this.takePart()
      if (fault !== undefined) return { taken: index, fault }
    }
    return { taken: index }
  }

  private takePart(): string | undefined {
    switch (this.expected.part) {
      case 'magic':
        return this.takeMagic()
      case 'skippable':
        this.skip = this.number(4)
        this.expected = expectMagic
        return undefined
      case 'descriptor':
        this.descriptor = this.part[0] ?? 0
        this.hasChecksum = (this.descriptor & 4) !== 0
        this.expected = { part: 'header', length: headerLength(this.descriptor) }
        return undefined
      case 'header':
        this.expected = expectBlock
        return this.windowBytes() > maxWindowBytes ? 'a window of more than 128 MiB' : undefined
      case 'block':
        return this.takeBlock()
    }
  }

  private takeMagic(): string | undefined {
    const magic = this.number(4)
    if (magic === frameMagic) this.expected = { part: 'descriptor', length: 1 }
    else if (magic - (magic % 16) === firstSkippableMagic) {
      this.expected = { part: 'skippable', length: 4 }
    } else return 'no frame where one should start'
    return undefined
  }

  private takeBlock(): string | undefined {
    const header = this.number(3)
    const isLast = header % 2 === 1
    const type = Math.floor(header / 2) % 4
    const size = Math.floor(header / 8)
    if (type === 3 || size > maxBlockBytes) return 'a block that cannot be'
    this.skip = type === 1 ? 1 : size
    if (!isLast) return undefined
    this.skip += this.hasChecksum ? 4 : 0
    this.expected = expectMagic
    return undefined
  }

  /** A frame of a single segment has no window: its content size is one. */
  private windowBytes(): number {
    if (!isSingleSegment(this.descriptor)) {
      const code = this.part[0] ?? 0
      const base = 2 ** (10 + Math.floor(code / 8))
      return base + (base / 8) * (code % 8)
    }
    const length = contentSizeLength(this.descriptor)
    const size = this.number(length, dictionaryLength(this.descriptor))
    return length === 2 ? size + 256 : size
  }

  /** Little-endian. */
  private number(length: number, start = 0): number {
    let value = 0
    for (let index = start + length - 1; index >= start; index--) {
      value = value * 256 + (this.part[index] ?? 0)
    }
    return value
  }
}

function isSingleSegment(descriptor: number): boolean {
  return (descriptor & 0x20) !== 0
}

function dictionaryLength(descriptor: number): number {
  return [0, 1, 2, 4][descriptor & 3] ?? 0
}

function contentSizeLength(descriptor: number): number {
  const length = [0, 2, 4, 8][descriptor >> 6] ?? 0
  return length === 0 && isSingleSegment(descriptor) ? 1 : length
}

function headerLength(descriptor: number): number {
  const windowLength = isSingleSegment(descriptor) ? 0 : 1
  return windowLength + dictionaryLength(descriptor) + contentSizeLength(descriptor)
}
