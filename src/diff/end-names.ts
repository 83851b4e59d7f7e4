/** Sets of ends in the words of a reader: whole namespaces, groups, prefixes. */
import { labelTexts } from '../labels.ts'
import type { Bits } from '../policy/bits.ts'
import {
  addBit,
  BitsMap,
  bitsOf,
  commonBits,
  copyBits,
  createBits,
  equalBits,
  hasAll,
  hasBit,
  isEmptyBits,
  membersOf,
  nextMember,
  removeBits,
  withoutBits,
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
  const groups = (pods: readonly number[]): readonly NamedEnds[] =>
    groupNames(registry, bitsOf(universe.ends.length, pods))
  const outsideNames = rememberOutside(universe)
  const podsOf = rememberPods(registry)
  const split: EndNames['split'] = (ends, universal) => {
    if (equalBits(ends, universal)) return [named('everyone', membersOf(ends))]
    const others = membersOf(withoutBits(ends, registry.pods))
    const outside = others.filter((id) => universe.ends[id]?.kind === 'outside')
    const entities = others.flatMap((id) => {
      const end = universe.ends[id]
      return end?.kind === 'entity' ? named(end.name, [id]) : []
    })
    return [
      ...podNames(registry, commonBits(ends, registry.pods), podsOf(universal)),
      ...outsideNames(outside),
      ...entities,
    ]
  }
  return { groups, split: rememberSplits(split) }
}

/** The same sources reach many ends. */
function rememberSplits(split: EndNames['split']): EndNames['split'] {
  const known = new Map<Bits, BitsMap<readonly NamedEnds[]>>()
  return (ends, universal) => {
    const byEnds = known.get(universal) ?? new BitsMap()
    known.set(universal, byEnds)
    return byEnds.take(ends, () => split(ends, universal))
  }
}

/** Returns the pods that, all together, are called `every pod`. */
function rememberPods({ pods }: Registry): (universal: Bits) => Bits {
  const known = new Map<Bits, Bits>()
  return (universal) => {
    const every = known.get(universal) ?? commonBits(universal, pods)
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
  /** Sorted by name. */
  readonly homes: readonly Home[]
  /** Number of namespaces, those that have no name of their own here among them. */
  readonly homeCount: number
  /** All pods. */
  readonly pods: Bits
  /** All pods of one name, sorted by it. */
  readonly groups: readonly NamedEnds[]
  /** By pod: the position of its group. */
  readonly groupOf: readonly number[]
}

/** The known pods of a namespace: `every pod of namespace shop` speaks of pods that are there. */
interface Home {
  readonly whole: NamedEnds
  readonly pods: Bits
  /** One of them. */
  readonly first: number
}

function registerPods(universe: Universe): Registry {
  const pods = createBits(universe.ends.length)
  const homes = new Map<string, number[]>()
  const members = new Map<string, number[]>()
  for (const [id, end] of universe.ends.entries()) {
    if (end.kind !== 'pod') break
    addBit(pods, id)
    const group = members.get(end.name)
    if (group === undefined) members.set(end.name, [id])
    else group.push(id)
    if (!end.known) continue
    const home = homes.get(end.pod.namespace)
    if (home === undefined) homes.set(end.pod.namespace, [id])
    else home.push(id)
  }
  const groups = [...members.keys()].sort().map((name) => named(name, members.get(name) ?? []))
  const groupOf: number[] = []
  for (const [position, group] of groups.entries()) {
    for (const id of group.members) groupOf[id] = position
  }
  return { ends: universe.ends, ...wholeHomes(universe, homes), pods, groups, groupOf }
}

/** Returns the namespaces that have a name here: one whose pods all have one name is called by that. */
function wholeHomes(
  { ends }: Universe,
  byName: ReadonlyMap<string, readonly number[]>,
): Pick<Registry, 'homes' | 'homeCount'> {
  const homes: Home[] = []
  for (const namespace of [...byName.keys()].sort()) {
    const pods = byName.get(namespace) ?? []
    if (new Set(pods.map((id) => podName(ends[id]))).size < 2) continue
    const whole = named(`every pod of namespace ${namespace}`, pods)
    homes.push({ whole, pods: bitsOf(ends.length, pods), first: pods[0] ?? 0 })
  }
  return { homes, homeCount: byName.size }
}

function podName(end: UniverseEnd | undefined): string {
  return end?.kind === 'pod' ? end.name : ''
}

/** Names pods: what is whole, every pod or namespaces, then groups. */
function podNames(registry: Registry, pods: Bits, every: Bits): readonly NamedEnds[] {
  const { homes, homeCount } = registry
  if (homeCount > 1 && !isEmptyBits(every) && hasAll(pods, every)) {
    return [named('every pod', membersOf(pods))]
  }
  const wholes = homes.filter(({ first, pods: all }) => hasBit(pods, first) && hasAll(pods, all))
  if (wholes.length === 0) return groupNames(registry, pods)
  const rest = copyBits(pods)
  for (const home of wholes) removeBits(rest, home.pods)
  return [...wholes.map(({ whole }) => whole), ...groupNames(registry, rest)]
}

function groupNames(registry: Registry, pods: Bits): readonly NamedEnds[] {
  const { groups, groupOf } = registry
  const touched = createBits(groups.length)
  for (let pod = nextMember(pods, 0); pod >= 0; pod = nextMember(pods, pod + 1)) {
    addBit(touched, groupOf[pod] ?? 0)
  }
  const names: NamedEnds[] = []
  let isWhole = true
  for (let at = nextMember(touched, 0); at >= 0; at = nextMember(touched, at + 1)) {
    const whole = groups[at]
    if (whole === undefined) continue
    const part = whole.members.length === 1 ? whole : partOf(registry, whole, pods)
    isWhole &&= part === whole
    names.push(part)
  }
  // The groups are in order; what a part is called may come elsewhere.
  return isWhole ? names : names.sort(byKey)
}

function partOf(registry: Registry, whole: NamedEnds, pods: Bits): NamedEnds {
  const part = whole.members.filter((id) => hasBit(pods, id))
  if (part.length === whole.members.length) return whole
  const text = `${whole.text} (${partText(registry, part, whole.members)})`
  return named(text, part, `${whole.text} ${part.join(' ')}`)
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
