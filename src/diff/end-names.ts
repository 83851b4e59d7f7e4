/** Sets of ends in the words of a reader: whole namespaces, groups, prefixes. */
import { labelTexts } from '../labels.ts'
import type { Bits } from '../policy/bits.ts'
import {
  addBit,
  commonBits,
  createBits,
  firstDifference,
  hasAll,
  isEmptyBits,
  membersOf,
  removeBits,
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
  return {
    groups,
    split: (ends, universal) => {
      if (firstDifference(ends, universal) === undefined) {
        return [named('everyone', membersOf(ends))]
      }
      const rest = ends.slice()
      const names = wholeNames(registry, ends, universal, rest)
      const members = membersOf(rest)
      const pods = members.filter((id) => id < universe.podCount)
      const outside = members.filter((id) => universe.ends[id]?.kind === 'outside')
      const entities = members.flatMap((id) => {
        const end = universe.ends[id]
        return end?.kind === 'entity' ? named(end.name, [id]) : []
      })
      return [
        ...names,
        ...groupNames(registry, pods),
        ...outsideNames(universe, outside),
        ...entities,
      ]
    },
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
    { readonly pods: number[]; readonly groups: Set<string>; readonly bits: Bits }
  >
  /** All pods. */
  readonly pods: Bits
  readonly groups: ReadonlyMap<string, readonly number[]>
}

function registerPods(universe: Universe): Registry {
  const size = universe.ends.length
  const namespaces = new Map<string, { pods: number[]; groups: Set<string>; bits: Bits }>()
  const pods = createBits(size)
  const groups = new Map<string, number[]>()
  for (const [id, end] of universe.ends.entries()) {
    if (end.kind !== 'pod') break
    addBit(pods, id)
    const group = groups.get(end.name)
    if (group === undefined) groups.set(end.name, [id])
    else group.push(id)
    if (!end.known) continue
    const home = namespaces.get(end.pod.namespace) ?? {
      pods: [],
      groups: new Set(),
      bits: createBits(size),
    }
    home.pods.push(id)
    addBit(home.bits, id)
    home.groups.add(end.name)
    namespaces.set(end.pod.namespace, home)
  }
  return { ends: universe.ends, namespaces, groups, pods }
}

/** Names what is whole, every pod or namespaces, and takes it out of `rest`. */
function wholeNames(
  { namespaces, pods }: Registry,
  ends: Bits,
  universal: Bits,
  rest: Bits,
): readonly NamedEnds[] {
  const everyPod = commonBits(universal, pods)
  if (namespaces.size > 1 && !isEmptyBits(everyPod) && hasAll(ends, everyPod)) {
    const every = membersOf(commonBits(ends, pods))
    if (every.length > 0) {
      removeBits(rest, pods)
      return [named('every pod', every)]
    }
  }
  const names: NamedEnds[] = []
  for (const [namespace, home] of namespaces) {
    if (home.groups.size < 2 || !hasAll(ends, home.bits)) continue
    names.push(named(`every pod of namespace ${namespace}`, home.pods))
    removeBits(rest, home.bits)
  }
  return names.sort(byKey)
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
