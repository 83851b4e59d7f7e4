/** Sets of ends in the words of a reader: whole namespaces, groups, prefixes. */
import { labelTexts } from '../labels.ts'
import type { Bits } from '../policy/bits.ts'
import { countBits, membersOf } from '../policy/bits.ts'
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
  const countPods = rememberCount(universe.podCount)
  const groups = (pods: readonly number[]): readonly NamedEnds[] => groupNames(registry, pods)
  return {
    groups,
    split: (ends, universal) => {
      const members = membersOf(ends)
      if (members.length === countBits(universal)) return [named('everyone', members)]
      const pods = members.filter((id) => id < universe.podCount)
      const outside = members.filter((id) => universe.ends[id]?.kind === 'outside')
      const entities = members.flatMap((id) => {
        const end = universe.ends[id]
        return end?.kind === 'entity' ? named(end.name, [id]) : []
      })
      return [
        ...podNames(registry, pods, countPods(universal)),
        ...outsideNames(universe, outside),
        ...entities,
      ]
    },
  }
}

/** What a set of ends is compared with is one of a few sets: each is counted once. */
function rememberCount(podCount: number): (ends: Bits) => number {
  const counts = new WeakMap<Bits, number>()
  return (ends) => {
    const known = counts.get(ends)
    if (known !== undefined) return known
    const count = membersOf(ends).filter((id) => id < podCount).length
    counts.set(ends, count)
    return count
  }
}

function named(text: string, members: readonly number[], key = text): NamedEnds {
  return { text, key, members }
}

/** The pods of a universe by namespace and by name. */
interface Registry {
  readonly ends: readonly UniverseEnd[]
  /** Known pods only: `every pod of namespace shop` speaks of pods that are there. */
  readonly namespaces: ReadonlyMap<
    string,
    { readonly pods: number[]; readonly groups: Set<string> }
  >
  readonly groups: ReadonlyMap<string, readonly number[]>
}

function registerPods(universe: Universe): Registry {
  const namespaces = new Map<string, { pods: number[]; groups: Set<string> }>()
  const groups = new Map<string, number[]>()
  for (const [id, end] of universe.ends.entries()) {
    if (end.kind !== 'pod') break
    const group = groups.get(end.name)
    if (group === undefined) groups.set(end.name, [id])
    else group.push(id)
    if (!end.known) continue
    const home = namespaces.get(end.pod.namespace) ?? { pods: [], groups: new Set() }
    home.pods.push(id)
    home.groups.add(end.name)
    namespaces.set(end.pod.namespace, home)
  }
  return { ends: universe.ends, namespaces, groups }
}

function podNames(
  registry: Registry,
  pods: readonly number[],
  podCount: number,
): readonly NamedEnds[] {
  if (pods.length === podCount && registry.namespaces.size > 1) return [named('every pod', pods)]
  const counts = new Map<string, number>()
  for (const id of pods) {
    const end = registry.ends[id]
    if (end?.kind !== 'pod' || !end.known) continue
    counts.set(end.pod.namespace, (counts.get(end.pod.namespace) ?? 0) + 1)
  }
  const whole = new Set<string>()
  const names: NamedEnds[] = []
  for (const [namespace, count] of counts) {
    const home = registry.namespaces.get(namespace)
    if (home === undefined || home.groups.size < 2 || count < home.pods.length) continue
    whole.add(namespace)
    names.push(named(`every pod of namespace ${namespace}`, home.pods))
  }
  const rest = pods.filter((id) => {
    const end = registry.ends[id]
    return end?.kind !== 'pod' || !end.known || !whole.has(end.pod.namespace)
  })
  return [...names.sort(byKey), ...groupNames(registry, rest)]
}

function groupNames(registry: Registry, pods: readonly number[]): readonly NamedEnds[] {
  const parts = new Map<string, number[]>()
  for (const id of [...pods].sort((a, b) => a - b)) {
    const end = registry.ends[id]
    if (end?.kind !== 'pod') continue
    const part = parts.get(end.name)
    if (part === undefined) parts.set(end.name, [id])
    else part.push(id)
  }
  return [...parts]
    .map(([name, part]) => {
      const whole = registry.groups.get(name) ?? part
      if (part.length === whole.length) return named(name, part)
      return named(
        `${name} (${partText(registry, part, whole)})`,
        part,
        `${name} ${part.join(' ')}`,
      )
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
