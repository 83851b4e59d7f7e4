/**
 * IP addresses and prefixes as numbers. Addresses of both families are bigints of `width` bits; text goes in and out
 * in canonical form (RFC 5952 for IPv6), so that equal addresses are equal strings everywhere in netweir.
 */

/** Address family: its width in bits is what tells the two apart. */
export type Width = 32 | 128

/** One address. */
export interface Address {
  readonly width: Width
  readonly value: bigint
}

/** One prefix: the `length` leading bits of `value`; the rest of `value` is zero. */
export interface Prefix {
  readonly width: Width
  readonly value: bigint
  readonly length: number
}

/** Returns the address that `text` spells, or undefined. IPv4-mapped IPv6 is its IPv4 address; zone ids are refused. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined
  if (!text.includes(':')) {
    const value = parseV4(text)
    return value === undefined ? undefined : { width: 32, value }
  }
  const value = parseV6(text)
  if (value === undefined) return undefined
  return value >> 32n === 0xffffn
    ? { width: 32, value: value & 0xffffffffn }
    : { width: 128, value }
}

/** Returns the prefix that `text` (`address/length`) spells, host bits cleared, or undefined. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return undefined
  const lengthText = text.slice(slash + 1)
  if (!/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined
  const addressText = text.slice(0, slash)
  const mapped = addressText.includes(':')
  const address = mapped ? v6Address(addressText) : parseAddress(addressText)
  const length = Number(lengthText)
  if (address === undefined || length > address.width) return undefined
  return prefixOf(address, length)
}

/** Returns the prefix of `length` bits that holds `address`. */
export function prefixOf(address: Address, length: number): Prefix {
  const hostBits = BigInt(address.width - length)
  return { width: address.width, value: (address.value >> hostBits) << hostBits, length }
}

/** Tells whether `prefix` holds `address`. */
export function prefixHolds(prefix: Prefix, address: Address): boolean {
  if (prefix.width !== address.width) return false
  const hostBits = BigInt(prefix.width - prefix.length)
  return prefix.value >> hostBits === address.value >> hostBits
}

/** Tells whether two prefixes share an address: one then holds the other. */
export function prefixesMeet(a: Prefix, b: Prefix): boolean {
  if (a.width !== b.width) return false
  const hostBits = BigInt(a.width - Math.min(a.length, b.length))
  return a.value >> hostBits === b.value >> hostBits
}

/** Returns the canonical text of an address. */
export function formatAddress(address: Address): string {
  return address.width === 32 ? formatV4(address.value) : formatV6(address.value)
}

/** Returns the canonical text of a prefix, always with its length. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`
}

const canonicalV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?=\d)|$)){4}$/

/** Returns `text` in canonical form when it is an address, else undefined. */
export function canonicalAddress(text: string): string | undefined {
  // What this accepts is how an IPv4 address is printed again.
  if (canonicalV4.test(text)) return text
  const address = parseAddress(text)
  return address === undefined ? undefined : formatAddress(address)
}

/** Orders prefixes: IPv4 before IPv6, then by value, then the shorter prefix first. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.width !== b.width) return a.width - b.width
  if (a.value !== b.value) return a.value < b.value ? -1 : 1
  return a.length - b.length
}

function v6Address(text: string): Address | undefined {
  const value = parseV6(text)
  return value === undefined ? undefined : { width: 128, value }
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return undefined
    const byte = Number(part)
    if (byte > 255) return undefined
    value = value * 256 + byte
  }
  return BigInt(value)
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail]
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n)
}

function parseGroups(text: string, mayEndInV4: boolean): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const groups: number[] = []
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16))
      continue
    }
    const v4 = mayEndInV4 && index === parts.length - 1 ? parseV4(part) : undefined
    if (v4 === undefined) return undefined
    groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn))
  }
  return groups
}

function formatV4(value: bigint): string {
  const bits = Number(value)
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.')
}

function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(112 - 16 * index)) & 0xffffn),
  )
  const run = longestZeroRun(groups)
  const text = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(':')
  if (run.length < 2) return text(groups)
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start }
  }
  return best
}
