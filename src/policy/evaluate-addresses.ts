/** Ranges of addresses as the naive evaluator reads them. */

/** Addresses from `first` to `last`; one address is a range of one. */
interface Range {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

/** Returns the range that an address or a CIDR spells, or undefined. */
function readRange(text: string): Range | undefined {
  const [address = '', length, ...rest] = text.split('/')
  const isV6 = address.includes(':')
  const width = isV6 ? 128 : 32
  const bits = length === undefined ? width : Number(length)
  const value = isV6 ? readV6(address) : readV4(address)
  if (value === undefined || rest.length > 0 || !(bits >= 0 && bits <= width)) return undefined
  const host = 1n << BigInt(width - bits)
  const first = value - (value % host)
  return { family: isV6 ? 6 : 4, first, last: first + host - 1n }
}

function readV4(text: string): bigint | undefined {
  const bytes = text.split('.')
  if (bytes.length !== 4 || !bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256)) {
    return undefined
  }
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n)
}

function readV6(text: string): bigint | undefined {
  // A dotted tail stands for the last two groups.
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const v4 = tail?.[2] === undefined ? 0n : readV4(tail[2])
  if (v4 === undefined) return undefined
  const hex =
    tail === null ? text : `${tail[1]}${(v4 >> 16n).toString(16)}:${(v4 % 65_536n).toString(16)}`
  const [head = '', after, ...rest] = hex.split('::')
  if (rest.length > 0) return undefined
  const left = head === '' ? [] : head.split(':')
  const right = after === undefined || after === '' ? [] : after.split(':')
  const missing = 8 - left.length - right.length
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`)
}

/** Answers whether one range lies within another; each text is read once. */
export class RangeReader {
  readonly #ranges = new Map<string, Range | undefined>()

  /** Tells whether an address or a CIDR lies within a CIDR; never for a text that spells neither. */
  isWithin(address: string, cidr: string): boolean {
    const inner = this.#rangeOf(address)
    const outer = this.#rangeOf(cidr)
    if (inner === undefined || outer === undefined || inner.family !== outer.family) return false
    return outer.first <= inner.first && inner.last <= outer.last
  }

  #rangeOf(text: string): Range | undefined {
    if (!this.#ranges.has(text)) this.#ranges.set(text, readRange(text))
    return this.#ranges.get(text)
  }
}
