/** Short lists of address blocks: what must be covered, what may be added, and what must not be touched. */
import { NetweirError } from '../errors.ts'
import type { Prefix, Width } from '../ip.ts'
import { comparePrefixes, formatPrefix, prefixesMeet, prefixOf } from '../ip.ts'

/** What a cover may add. */
export interface CoverOptions {
  /** Addresses that a merge may add for each prefix that it saves; 0 for none. */
  readonly maxExtra: number
  /** Ranges in which nothing may be added: those of the cluster, of the link, multicast, metadata services. */
  readonly forbidden: readonly Prefix[]
  /** The shortest prefix that may result from adding addresses. Default: 24 and 64. */
  readonly minLength?: { readonly v4: number; readonly v6: number }
}

/** A list of prefixes that covers everything it has to. */
export interface AddressCover {
  /** Sorted, disjoint. */
  readonly prefixes: readonly Prefix[]
  /** How many addresses were added. */
  readonly extra: bigint
}

/** A block of addresses with holes, in canonical text. */
export interface BlockWithHoles {
  readonly cidr: string
  /** Sorted, disjoint, as few as possible. */
  readonly except: readonly string[]
}

/**
 * Returns the list that is cheapest when each prefix costs `maxExtra` and each added address 1; of equally cheap lists
 * the shortest (`reference/algorithms.md` D). Everything given stays covered, inside forbidden ranges as it is; merging
 * neighbours that adds nothing is always done. A greater `maxExtra` never makes the list longer.
 * @throws {NetweirError} `USAGE` when `maxExtra` is not a whole number from 0 up.
 */
export function coverAddresses(prefixes: readonly Prefix[], options: CoverOptions): AddressCover {
  if (!Number.isSafeInteger(options.maxExtra) || options.maxExtra < 0) {
    throw new NetweirError(
      'USAGE',
      `"${options.maxExtra}" addresses cannot be added, expected a whole number from 0 up`,
    )
  }
  const { v4, v6 } = options.minLength ?? { v4: 24, v6: 64 }
  const budget = {
    perPrefix: BigInt(options.maxExtra),
    forbidden: options.forbidden,
    minLength: { 32: v4, 128: v6 },
  }
  const points = withoutCovered(prefixes)
  const split = points.findIndex((point) => point.width === 128)
  const families = split < 0 ? [points] : [points.slice(0, split), points.slice(split)]
  const covers = families
    .filter((family) => family.length > 0)
    .map((family) => cover(family, budget))
  return {
    prefixes: covers.flatMap((part) => part.prefixes),
    extra: covers.reduce((sum, part) => sum + part.extra, 0n),
  }
}

/**
 * Returns every address of both families with the forbidden ranges as holes, where a hole is split around what must
 * stay allowed. A family that is forbidden altogether is left out.
 */
export function worldExcept(
  forbidden: readonly Prefix[],
  kept: readonly Prefix[],
): readonly BlockWithHoles[] {
  const ranges = coverAddresses(forbidden, { maxExtra: 0, forbidden: [] }).prefixes
  const holes = ranges.flatMap((range) => subtract(range, kept))
  const worlds: readonly Width[] = [32, 128]
  return worlds.flatMap((width) => {
    const own = holes.filter((hole) => hole.width === width)
    if (own.some((hole) => hole.length === 0)) return []
    const cidr = formatPrefix({ width, value: 0n, length: 0 })
    return [{ cidr, except: own.map(formatPrefix) }]
  })
}

interface Budget {
  readonly perPrefix: bigint
  readonly forbidden: readonly Prefix[]
  readonly minLength: Readonly<Record<Width, number>>
}

interface PartCover extends AddressCover {
  /** Prefixes at their price, plus added addresses. */
  readonly cost: bigint
  /** How many addresses had to be covered. */
  readonly needed: bigint
}

/** Sorts prefixes and drops those that another one holds: it stands right before what it holds. */
function withoutCovered(prefixes: readonly Prefix[]): readonly Prefix[] {
  const outer: Prefix[] = []
  for (const prefix of prefixes
    .map((given) => prefixOf(given, given.length))
    .sort(comparePrefixes)) {
    const last = outer.at(-1)
    if (last === undefined || !prefixesMeet(last, prefix)) outer.push(prefix)
  }
  return outer
}

/** Covers disjoint sorted prefixes of one family: as one prefix, or both halves of it for themselves. */
function cover(points: readonly Prefix[], budget: Budget): PartCover {
  const [first] = points
  const last = points.at(-1)
  if (first === undefined || last === undefined) {
    return { prefixes: [], extra: 0n, cost: 0n, needed: 0n }
  }
  if (points.length === 1) {
    return { prefixes: points, extra: 0n, cost: budget.perPrefix, needed: sizeOf(first) }
  }
  const whole = prefixOf(first, commonLength(first, last))
  const middle = whole.value + sizeOf(whole) / 2n
  const upper = points.findIndex((point) => point.value >= middle)
  const left = cover(points.slice(0, upper), budget)
  const right = cover(points.slice(upper), budget)
  const needed = left.needed + right.needed
  const extra = sizeOf(whole) - needed
  const cost = budget.perPrefix + extra
  if (cost <= left.cost + right.cost && (extra === 0n || mayWiden(whole, budget))) {
    return { prefixes: [whole], extra, cost, needed }
  }
  return {
    prefixes: [...left.prefixes, ...right.prefixes],
    extra: left.extra + right.extra,
    cost: left.cost + right.cost,
    needed,
  }
}

function mayWiden(whole: Prefix, budget: Budget): boolean {
  return (
    whole.length >= budget.minLength[whole.width] &&
    !budget.forbidden.some((range) => prefixesMeet(range, whole))
  )
}

function commonLength(a: Prefix, b: Prefix): number {
  const difference = a.value ^ b.value
  const differing = difference === 0n ? 0 : difference.toString(2).length
  return Math.min(a.length, b.length, a.width - differing)
}

function subtract(range: Prefix, kept: readonly Prefix[]): readonly Prefix[] {
  const meeting = kept.filter((prefix) => prefixesMeet(prefix, range))
  if (meeting.length === 0) return [range]
  if (meeting.some((prefix) => prefix.length <= range.length)) return []
  const length = range.length + 1
  const upper = { width: range.width, value: range.value + sizeOf(range) / 2n, length }
  return [...subtract({ ...range, length }, meeting), ...subtract(upper, meeting)]
}

function sizeOf(prefix: Prefix): bigint {
  return 1n << BigInt(prefix.width - prefix.length)
}
