/** Sets of ends in the words of a reader: whole namespaces, groups, prefixes. */
import { labelTexts } from '../labels.ts'
import type { Bits } from '../policy/bits.ts'
import {
  addBit,
  bitsKey,
  commonBits,
  countBits,
  createBits,
  firstDifference,
  hasAll,
  membersOf,
} from '../policy/bits.ts'
import type { Interval } from '../policy/interval.ts'
import { toIntervals } from '../policy/interval.ts'
import type { IpSet } from '../policy/ip-set.ts'
import { allIps, equalIps, hasNoIps, subtractIps, toPrefixes } from '../policy/ip-set.ts'
import type { Universe, UniverseEnd } from '../policy/universe.ts'

/** Some ends under one name. */
export interface NamedEnds {
  readonly text: string
  /** What the name stands for in full, where the text is shortened: equal for equal ends alone. */
  readonly key: string
  readonly members: readonly number[]
}

/** Prefixes that are spelled out before a list is shortened. */
const maxPrefixes = 8

/** Labels that are spelled out to tell one class of a group from the others. */
const maxLabels = 3

/** Names sets of ends of one universe. */
export interface EndNames {
  /**
   * Returns the ends under as few names as say exactly which they are, pods first, then addresses, then entities;
   * `universal` are the ends that, all together, are called `everyone`.
   */
  readonly split: (ends: Bits, universal: Bits) => readonly NamedEnds[]
  /** Returns pods by group, each with the text that says which part of the group it is. */
  readonly groups: (pods: readonly number[]) => readonly NamedEnds[]
}

/** Returns the names of the ends of a universe. */
export function createEndNames(universe: Universe): EndNames {
  const registry = registerPods(universe)
  const groups = (pods: readonly number[]): readonly NamedEnds[] => groupNames(registry, pods)
  const outsideNames = rememberOutside(universe)
  const podsOf = rememberPods(registry)
  const split: EndNames['split'] = (ends, universal) => {
    if (firstDifference(ends, universal) === undefined) {
      return [named('everyone', membersOf(ends))]
    }
    const members = membersOf(ends)
    const firstOther = members.findIndex((id) => id >= universe.podCount)
    const pods = firstOther < 0 ? members : members.slice(0, firstOther)
    const others = firstOther < 0 ? [] : members.slice(firstOther)
    const outside = others.filter((id) => universe.ends[id]?.kind === 'outside')
    const entities = others.flatMap((id) => {
      const end = universe.ends[id]
      return end?.kind === 'entity' ? named(end.name, [id]) : []
    })
    return [
      ...podNames(registry, { ends, pods }, podsOf(universal)),
      ...outsideNames(outside),
      ...entities,
    ]
  }
  return { groups, split: rememberSplits(split) }
}

/** The same sources reach many ends. */
function rememberSplits(split: EndNames['split']): EndNames['split'] {
  const known = new Map<Bits, Map<string, readonly NamedEnds[]>>()
  return (ends, universal) => {
    const byEnds = known.get(universal) ?? new Map<string, readonly NamedEnds[]>()
    known.set(universal, byEnds)
    const key = bitsKey(ends)
    const names = byEnds.get(key) ?? split(ends, universal)
    byEnds.set(key, names)
    return names
  }
}

/** Pods that, all together, are called `every pod`. */
interface EveryPod {
  readonly bits: Bits
  readonly count: number
}

function rememberPods({ pods }: Registry): (universal: Bits) => EveryPod {
  const known = new Map<Bits, EveryPod>()
  return (universal) => {
    const before = known.get(universal)
    if (before !== undefined) return before
    const bits = commonBits(universal, pods)
    const every = { bits, count: countBits(bits) }
    known.set(universal, every)
    return every
  }
}

function rememberOutside(universe: Universe): (cells: readonly number[]) => readonly NamedEnds[] {
  const known = new Map<string, readonly NamedEnds[]>()
  return (cells) => {
    const key = cells.join()
    const names = known.get(key) ?? outsideNames(universe, cells)
    known.set(key, names)
    return names
  }
}

function named(text: string, members: readonly number[], key = text): NamedEnds {
  return { text, key, members }
}

/** The pods of a universe by namespace and by name. */
interface Registry {
  readonly ends: readonly UniverseEnd[]
  readonly homes: readonly Home[]
  /** By pod: the position of its namespace; undefined for a pod that does not exist yet. */
  readonly homeOf: readonly (number | undefined)[]
  /** All pods. */
  readonly pods: Bits
  /** Sorted by name. */
  readonly groups: readonly PodGroup[]
  /** By pod: the position of its group. */
  readonly groupOf: readonly number[]
}

/** The known pods of a namespace: `every pod of namespace shop` speaks of pods that are there. */
interface Home {
  readonly namespace: string
  readonly pods: number[]
  readonly names: Set<string>
}

/** All pods of one name. */
interface PodGroup {
  readonly whole: NamedEnds
  readonly members: number[]
}

function registerPods(universe: Universe): Registry {
  const pods = createBits(universe.ends.length)
  const homes = new Map<string, Home & { readonly position: number }>()
  const homeOf: (number | undefined)[] = []
  const members = new Map<string, number[]>()
  for (const [id, end] of universe.ends.entries()) {
    if (end.kind !== 'pod') break
    addBit(pods, id)
    const group = members.get(end.name)
    if (group === undefined) members.set(end.name, [id])
    else group.push(id)
    if (!end.known) continue
    const { namespace } = end.pod
    const home = homes.get(namespace) ?? {
      namespace,
      position: homes.size,
      pods: [],
      names: new Set<string>(),
    }
    homes.set(namespace, home)
    home.pods.push(id)
    home.names.add(end.name)
    homeOf[id] = home.position
  }
  const groups = [...members.keys()].sort().map((name): PodGroup => {
    const own = members.get(name) ?? []
    return { whole: named(name, own), members: own }
  })
  const groupOf: number[] = []
  for (const [position, group] of groups.entries()) {
    for (const id of group.members) groupOf[id] = position
  }
  return { ends: universe.ends, homes: [...homes.values()], homeOf, pods, groups, groupOf }
}

/** Names pods: what is whole, every pod or namespaces, then groups. */
function podNames(
  registry: Registry,
  { ends, pods }: { readonly ends: Bits; readonly pods: readonly number[] },
  every: EveryPod,
): readonly NamedEnds[] {
  const { homes, homeOf } = registry
  const mayBeEvery = homes.length > 1 && every.count > 0 && every.count <= pods.length
  if (mayBeEvery && hasAll(ends, every.bits)) return [named('every pod', pods)]
  if (pods.length < 2) return groupNames(registry, pods)
  const counts = homes.map(() => 0)
  for (const pod of pods) {
    const home = homeOf[pod]
    if (home !== undefined) counts[home] = (counts[home] ?? 0) + 1
  }
  const isWhole = homes.map(({ pods: all, names }, position) => {
    return names.size > 1 && counts[position] === all.length
  })
  if (!isWhole.includes(true)) return groupNames(registry, pods)
  const wholes = homes.filter((_, position) => isWhole[position] === true)
  const rest = pods.filter((pod) => isWhole[homeOf[pod] ?? -1] !== true)
  return [
    ...wholes
      .map(({ namespace, pods: all }) => named(`every pod of namespace ${namespace}`, all))
      .sort(byKey),
    ...groupNames(registry, rest),
  ]
}

function groupNames(registry: Registry, pods: readonly number[]): readonly NamedEnds[] {
  const { groups, groupOf } = registry
  const sorted = Uint32Array.from(pods, (id) => groupOf[id] ?? 0).sort()
  const counted: { readonly group: PodGroup; count: number }[] = []
  let last = -1
  for (const position of sorted) {
    const group = groups[position]
    const before = counted.at(-1)
    if (position === last && before !== undefined) before.count += 1
    else if (group !== undefined) counted.push({ group, count: 1 })
    last = position
  }
  if (counted.every(({ group, count }) => count === group.members.length)) {
    return counted.map(({ group }) => group.whole)
  }
  const given = new Set(pods)
  return counted
    .map(({ group: { whole, members }, count }) => {
      if (count === members.length) return whole
      const part = members.filter((id) => given.has(id))
      const text = `${whole.text} (${partText(registry, part, members)})`
      return named(text, part, `${whole.text} ${part.join(' ')}`)
    })
    .sort(byKey)
}

/** Says which of the pods of one name are meant: by the labels that set one class apart, else by their number. */
function partText(registry: Registry, part: readonly number[], whole: readonly number[]): string {
  const count = `${part.length} of ${whole.length} label sets`
  const [only] = part
  if (only === undefined || part.length > 1) return count
  const common = whole
    .map((id) => labelsOf(registry, id))
    .reduce((shared, labels) => shared.filter((label) => labels.includes(label)))
  const own = labelsOf(registry, only).filter((label) => !common.includes(label))
  return own.length === 0 || own.length > maxLabels ? count : own.join(', ')
}

function labelsOf(registry: Registry, id: number): readonly string[] {
  const end = registry.ends[id]
  return end?.kind === 'pod' ? labelTexts(end.pod.labels) : []
}

function outsideNames(universe: Universe, cells: readonly number[]): readonly NamedEnds[] {
  if (cells.length === 0) return []
  const total: { v4: Interval<bigint>[]; v6: Interval<bigint>[] } = { v4: [], v6: [] }
  for (const id of cells) {
    const end = universe.ends[id]
    if (end?.kind !== 'outside') continue
    total.v4.push(...end.cell.addresses.v4)
    total.v6.push(...end.cell.addresses.v6)
  }
  const addresses = { v4: toIntervals(total.v4), v6: toIntervals(total.v6) }
  const key = toPrefixes(addresses).join(' ')
  const text = equalIps(addresses, allIps) ? 'everyone outside' : addressText(addresses)
  return [named(text, cells, key)]
}

function addressText({ v4, v6 }: IpSet): string {
  const families = [
    { own: { v4, v6: [] }, all: { v4: allIps.v4, v6: [] }, name: '0.0.0.0/0' },
    { own: { v4: [], v6 }, all: { v4: [], v6: allIps.v6 }, name: '::/0' },
  ]
  return families
    .filter(({ own }) => !hasNoIps(own))
    .map(({ own, all, name }) => familyText(own, subtractIps(all, own), name))
    .join(', ')
}

/** Spells the addresses of one family as the shorter of what is in and what is left out. */
function familyText(own: IpSet, others: IpSet, family: string): string {
  const prefixes = toPrefixes(own).map(bareAddress)
  const holes = toPrefixes(others).map(bareAddress)
  if (holes.length + 1 < prefixes.length && holes.length <= maxPrefixes) {
    return `${family} except ${holes.join(', ')}`
  }
  const shown = prefixes.slice(0, maxPrefixes).join(', ')
  const more = prefixes.length - maxPrefixes
  return more > 0 ? `${shown} and ${more} more prefixes` : shown
}

function bareAddress(prefix: string): string {
  return prefix.replace(prefix.includes(':') ? /\/128$/ : /\/32$/, '')
}

function byKey(a: NamedEnds, b: NamedEnds): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}
