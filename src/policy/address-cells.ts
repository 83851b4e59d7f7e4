/** The address space, cut wherever a policy or a learned address could tell two addresses apart. */
import type { Prefix, Width } from '../ip.ts'
import { formatAddress, parseAddress, parsePrefix, prefixOf } from '../ip.ts'
import type { Interval } from './interval.ts'
import { toIntervals } from './interval.ts'
import type { IpSet } from './ip-set.ts'
import { holdsIp, ipBlockSet } from './ip-set.ts'
import type { IpBlock } from './network-policy.ts'

/** Addresses that behave alike: no block and no learned edge tells them apart. */
export interface AddressCell {
  readonly addresses: IpSet
  /** The smallest address, which stands for all. */
  readonly witness: string
}

/** The cells, and where each block and each learned address lies in them. */
export interface AddressCells {
  /** In order of their smallest address; together they are the whole of both families. */
  readonly cells: readonly AddressCell[]
  /** Returns the cells that a block holds; the block must be one of those that the cut was made for. */
  readonly cellsOfBlock: (block: IpBlock) => readonly number[]
  /** Returns the cells that make up a learned address or prefix; none for a text that is neither. */
  readonly cellsOfLearned: (address: string) => readonly number[]
}

/** A learned address or prefix, with a text that is equal for addresses that were seen in the same edges. */
export interface LearnedAddress {
  readonly address: string
  readonly likeness: string
  /** DNS names. Default: none. */
  readonly names?: readonly string[]
  /** Reserved labels beside `world`. Default: none. */
  readonly labels?: readonly string[]
}

interface Bound {
  readonly position: bigint
  readonly source: number
  /** 1 and -1 for the block itself, 2 and -2 for an exception of it. */
  readonly step: 1 | -1 | 2 | -2
}

/** What makes up one cell, while it is collected. */
interface Stretches {
  readonly v4: Interval<bigint>[]
  readonly v6: Interval<bigint>[]
  readonly cutters: Set<number>
}

/** One thing that cuts: a block with exceptions, or a learned address. */
interface Cutter {
  readonly key: string
  readonly prefix: Prefix
  readonly except: readonly Prefix[]
  readonly likeness: string
}

/**
 * Returns the coarsest cut of both address families in which no block and no learned address splits a cell. Takes time
 * in proportion to the bounds, and to the blocks that overlap at each.
 */
export function cutAddresses(
  blocks: readonly IpBlock[],
  learned: readonly LearnedAddress[],
): AddressCells {
  const cutters = [...blockCutters(blocks), ...learnedCutters(learned)]
  const byKey = new Map<string, Stretches>()
  for (const width of [32, 128] as const) {
    for (const { interval, active } of sweep(cutters, width)) {
      const likeness = active.map((index) => cutters[index]?.likeness ?? '')
      const key = [...new Set(likeness)].sort().join('\n')
      const cell = byKey.get(key) ?? { v4: [], v6: [], cutters: new Set<number>() }
      cell[width === 32 ? 'v4' : 'v6'].push(interval)
      for (const index of active) cell.cutters.add(index)
      byKey.set(key, cell)
    }
  }
  const members = new Map<string, number[]>(cutters.map((cutter) => [cutter.key, []]))
  const cells = [...byKey.values()].map(({ v4, v6, cutters: holders }, id): AddressCell => {
    for (const index of holders) members.get(cutters[index]?.key ?? '')?.push(id)
    const addresses = { v4: toIntervals(v4), v6: toIntervals(v6) }
    return { addresses, witness: witnessOf(addresses) }
  })
  return {
    cells,
    cellsOfBlock: (block) => members.get(blockKey(block)) ?? [],
    cellsOfLearned: (address) => members.get(learnedKey(address)) ?? [],
  }
}

/** Tells whether a block holds an address. */
export function blockHolds(block: IpBlock, address: string): boolean {
  const parsed = parseAddress(address)
  return parsed !== undefined && holdsIp(ipBlockSet(block), parsed)
}

/** Returns a text that is equal for blocks that are written with the same prefixes. */
export function blockKey(block: IpBlock): string {
  return `block ${block.cidr} ${[...(block.except ?? [])].sort().join(' ')}`
}

function learnedKey(address: string): string {
  return `learned ${address}`
}

function blockCutters(blocks: readonly IpBlock[]): readonly Cutter[] {
  const cutters = new Map<string, Cutter>()
  for (const block of blocks) {
    const key = blockKey(block)
    const prefix = parsePrefix(block.cidr)
    if (prefix === undefined) continue
    const except = (block.except ?? []).flatMap((text) => parsePrefix(text) ?? [])
    cutters.set(key, { key, prefix, except, likeness: key })
  }
  return [...cutters.values()]
}

function learnedCutters(learned: readonly LearnedAddress[]): readonly Cutter[] {
  const cutters = new Map<string, Cutter>()
  for (const { address, likeness } of learned) {
    const prefix = learnedPrefix(address)
    if (prefix === undefined) continue
    const key = learnedKey(address)
    cutters.set(key, { key, prefix, except: [], likeness: `learned ${likeness}` })
  }
  return [...cutters.values()]
}

function learnedPrefix(text: string): Prefix | undefined {
  const address = parseAddress(text)
  return address === undefined ? parsePrefix(text) : prefixOf(address, address.width)
}

/** Walks one family from its first address to its last and gives each stretch with the cutters that hold it. */
function* sweep(
  cutters: readonly Cutter[],
  width: Width,
): Generator<{ interval: Interval<bigint>; active: readonly number[] }> {
  const bounds = boundsOf(cutters, width)
  const open = new Map<number, number>()
  const excepted = new Map<number, number>()
  let low = 0n
  for (let index = 0; index < bounds.length; ) {
    const position = bounds[index]?.position ?? 0n
    if (position > low) {
      yield { interval: [low, position], active: activeOf(open, excepted) }
    }
    low = position
    for (; bounds[index]?.position === position; index++) step(bounds[index], open, excepted)
  }
  const end = 1n << BigInt(width)
  if (low < end) {
    yield { interval: [low, end], active: activeOf(open, excepted) }
  }
}

function step(
  bound: Bound | undefined,
  open: Map<number, number>,
  excepted: Map<number, number>,
): void {
  if (bound === undefined) return
  const counts = Math.abs(bound.step) === 1 ? open : excepted
  const count = (counts.get(bound.source) ?? 0) + Math.sign(bound.step)
  if (count === 0) counts.delete(bound.source)
  else counts.set(bound.source, count)
}

function activeOf(
  open: ReadonlyMap<number, number>,
  excepted: ReadonlyMap<number, number>,
): readonly number[] {
  return [...open.keys()].filter((source) => !excepted.has(source))
}

function boundsOf(cutters: readonly Cutter[], width: Width): readonly Bound[] {
  const bounds: Bound[] = []
  for (const [source, { prefix, except }] of cutters.entries()) {
    if (prefix.width !== width) continue
    bounds.push({ position: prefix.value, source, step: 1 })
    bounds.push({ position: endOf(prefix), source, step: -1 })
    for (const hole of except.filter((prefix) => prefix.width === width)) {
      bounds.push({ position: hole.value, source, step: 2 })
      bounds.push({ position: endOf(hole), source, step: -2 })
    }
  }
  return bounds.sort((a, b) => (a.position < b.position ? -1 : a.position > b.position ? 1 : 0))
}

function endOf(prefix: Prefix): bigint {
  return prefix.value + (1n << BigInt(prefix.width - prefix.length))
}

function witnessOf({ v4, v6 }: IpSet): string {
  const [first] = v4[0] ?? []
  if (first !== undefined) return formatAddress({ width: 32, value: first })
  return formatAddress({ width: 128, value: v6[0]?.[0] ?? 0n })
}
