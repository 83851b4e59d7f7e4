/** Exact sets of IP addresses of both families. */
import { NetweirError } from '../errors.ts'
import type { Address, Prefix, Width } from '../ip.ts'
import { formatPrefix, parsePrefix } from '../ip.ts'
import type { Interval, Intervals } from './interval.ts'
import {
  equalIntervals,
  holdsNumber,
  intersectIntervals,
  subtractIntervals,
  toIntervals,
  uniteIntervals,
} from './interval.ts'
import type { IpBlock } from './network-policy.ts'
import { quote } from './quote.ts'

/** Addresses by family, as intervals without their end; equal sets are deeply equal. */
export interface IpSet {
  readonly v4: Intervals<bigint>
  readonly v6: Intervals<bigint>
}

/** The empty set. */
export const noIps: IpSet = { v4: [], v6: [] }

/** Every address of both families. */
export const allIps: IpSet = { v4: [[0n, 1n << 32n]], v6: [[0n, 1n << 128n]] }

/** Returns the set of all addresses of the prefixes. */
export function toIpSet(prefixes: Iterable<Prefix>): IpSet {
  const v4: Interval<bigint>[] = []
  const v6: Interval<bigint>[] = []
  for (const { width, value, length } of prefixes) {
    const interval: Interval<bigint> = [value, value + (1n << BigInt(width - length))]
    if (width === 32) v4.push(interval)
    else v6.push(interval)
  }
  return { v4: toIntervals(v4), v6: toIntervals(v6) }
}

/**
 * Returns the addresses of an ipBlock: those of its cidr without those of its exceptions.
 *
 * @throws NetweirError `MANIFEST_INVALID` for a text that is no prefix; a policy that was validated has none.
 */
export function ipBlockSet(block: IpBlock): IpSet {
  return subtractIps(
    toIpSet([requirePrefix(block.cidr)]),
    toIpSet((block.except ?? []).map(requirePrefix)),
  )
}

/** Returns the addresses of either set. */
export function uniteIps(a: IpSet, b: IpSet): IpSet {
  return { v4: uniteIntervals(a.v4, b.v4), v6: uniteIntervals(a.v6, b.v6) }
}

/** Returns the addresses of both sets. */
export function intersectIps(a: IpSet, b: IpSet): IpSet {
  return { v4: intersectIntervals(a.v4, b.v4), v6: intersectIntervals(a.v6, b.v6) }
}

/** Returns the addresses of `a` that are not in `b`. */
export function subtractIps(a: IpSet, b: IpSet): IpSet {
  return { v4: subtractIntervals(a.v4, b.v4), v6: subtractIntervals(a.v6, b.v6) }
}

/** Tells whether a set has no address. */
export function hasNoIps(set: IpSet): boolean {
  return set.v4.length === 0 && set.v6.length === 0
}

/** Tells whether two sets have the same addresses. */
export function equalIps(a: IpSet, b: IpSet): boolean {
  return equalIntervals(a.v4, b.v4) && equalIntervals(a.v6, b.v6)
}

/** Tells whether a set has an address. */
export function holdsIp(set: IpSet, address: Address): boolean {
  return holdsNumber(address.width === 32 ? set.v4 : set.v6, address.value)
}

/** Returns how many addresses a set has. */
export function countIps(set: IpSet): bigint {
  return [...set.v4, ...set.v6].reduce((count, [first, end]) => count + end - first, 0n)
}

/** Returns the shortest list of prefixes that covers a set exactly: IPv4 first, ascending, in canonical text. */
export function toPrefixes(set: IpSet): readonly string[] {
  return [
    ...set.v4.flatMap((interval) => prefixesOf(interval, 32)),
    ...set.v6.flatMap((interval) => prefixesOf(interval, 128)),
  ]
}

/** Takes the largest aligned block from the front until nothing is left, which is the shortest way. */
function prefixesOf([first, end]: Interval<bigint>, width: Width): string[] {
  const prefixes: string[] = []
  let value = first
  while (value < end) {
    let hostBits = 0
    while (hostBits < width && fits(value, hostBits + 1, end)) hostBits += 1
    prefixes.push(formatPrefix({ width, value, length: width - hostBits }))
    value += 1n << BigInt(hostBits)
  }
  return prefixes
}

function fits(value: bigint, hostBits: number, end: bigint): boolean {
  const size = 1n << BigInt(hostBits)
  return value % size === 0n && value + size <= end
}

function requirePrefix(text: string): Prefix {
  const prefix = parsePrefix(text)
  if (prefix !== undefined) return prefix
  throw new NetweirError(
    'MANIFEST_INVALID',
    `${quote(text)} is no address block, expected a CIDR such as 10.0.0.0/8`,
  )
}
