/** Peers as cubes, namespaces times label literals, and the merging of them that changes no meaning. */
import { NetweirError } from '../errors.ts'
import { namespaceNameLabel } from '../labels.ts'
import { noteCanonical } from '../policy/canonical.ts'
import type { LabelSelector, NetworkPolicyPeer } from '../policy/network-policy.ts'
import type { Conjunction, Literal } from './conjunction.ts'
import {
  anyValueOf,
  canonicalConjunction,
  conjunctionText,
  fromLabelSelector,
  toLabelSelector,
} from './conjunction.ts'

/** The pods of some namespaces on which every literal holds. */
export interface Cube {
  /** Names; at least one. */
  readonly namespaces: readonly string[]
  /** Empty for every pod. */
  readonly literals: Conjunction
}

/**
 * Returns fewer cubes that hold exactly the same pods, those that do not exist yet included: two cubes become one when
 * they are equal but for the values of one `Eq` or `In` literal, or but for their namespaces
 * (`reference/algorithms.md` C.2). Sorted, and the same for every order of the input.
 */
export function mergeCubes(cubes: readonly Cube[]): readonly Cube[] {
  if (cubes.length < 2) return cubes.map((cube) => remembered(cube).canonical)
  const plain = mergePlain(cubes.map(remembered))
  if (plain !== undefined) return inOrder(plain)
  let merged = distinctCubes(cubes)
  const keys = new Set<string>()
  for (const { canonical } of merged) {
    for (const literal of canonical.literals) if (hasValues(literal)) keys.add(literal.key)
  }
  const slots = [...[...keys].sort().map(valueSlot), namespaceSlot]
  // Done when no slot has merged anything since the last that did: merging twice over one slot changes nothing.
  for (let turn = 0, idle = 0; idle < slots.length && merged.length > 1; turn += 1) {
    const before = merged.length
    merged = mergeOver(merged, slots[turn % slots.length] ?? namespaceSlot)
    idle = merged.length === before ? idle + 1 : 1
  }
  return inOrder(merged)
}

function inOrder(cubes: readonly Remembered[]): readonly Cube[] {
  return cubes.toSorted((a, b) => (a.text < b.text ? -1 : 1)).map(({ canonical }) => canonical)
}

/**
 * Merges cubes of one namespace and one literal each, all about one key, which most are: one look at the values, then
 * one at the namespaces, after which no two have either in common. Undefined for others.
 */
function mergePlain(cubes: readonly Remembered[]): readonly Remembered[] | undefined {
  const key = cubes[0]?.canonical.literals[0]?.key
  if (key === undefined || !cubes.every(({ canonical }) => isPlain(canonical, key)))
    return undefined
  const merged: Remembered[] = []
  for (const { first, values } of plainHomes(cubes)) {
    if (values === undefined) merged.push(first)
    else {
      const { namespaces } = first.canonical
      merged.push(remembered({ namespaces, literals: anyValueOf(key, sortedTexts(values)) }))
    }
  }
  return merged.length < 2 ? merged : mergeOver(merged, namespaceSlot)
}

function isPlain({ namespaces, literals }: Cube, key: string): boolean {
  const [literal] = literals
  return (
    namespaces.length === 1 && literals.length === 1 && literal?.key === key && hasValues(literal)
  )
}

/** Plain cubes of one namespace. */
interface PlainHome {
  readonly first: Remembered
  /** The values of all of them, where there are several. */
  values?: string[]
}

function plainHomes(cubes: readonly Remembered[]): readonly PlainHome[] {
  const homes = new Map<string, PlainHome>()
  // Those of one namespace come one after the other.
  let namespace: string | undefined
  let home: PlainHome | undefined
  for (const cube of cubes) {
    const { namespaces, literals } = cube.canonical
    if (namespaces[0] !== namespace) {
      namespace = namespaces[0]
      home = homes.get(namespace ?? '')
    }
    if (home === undefined) {
      home = { first: cube }
      homes.set(namespace ?? '', home)
      continue
    }
    home.values ??= [...(home.first.canonical.literals[0]?.values ?? [])]
    home.values.push(...(literals[0]?.values ?? []))
  }
  return [...homes.values()]
}

/** Returns a text that is equal for equal cubes alone. */
export function cubeText(cube: Cube): string {
  return remembered(cube).text
}

/** Returns the peer that stands for a cube in a policy of `ownNamespace`; the same object for the same question. */
export function toPeer(cube: Cube, ownNamespace: string): NetworkPolicyPeer {
  const { peers, canonical } = remembered(cube)
  const { namespaces } = canonical
  if (namespaces.length === 0) {
    throw new NetweirError('INTERNAL', 'a peer without namespaces was found, expected at least one')
  }
  const isOwn = namespaces.length === 1 && namespaces[0] === ownNamespace
  if (isOwn) {
    peers.near ??= made({ podSelector: toLabelSelector(canonical.literals) }, canonical)
    return peers.near
  }
  peers.far ??= made(
    {
      namespaceSelector: namespacesSelector(namespaces),
      podSelector: toLabelSelector(canonical.literals),
    },
    canonical,
  )
  return peers.far
}

/** What one literal says has one form, so that nobody has to look for the canonical one. */
function made(peer: NetworkPolicyPeer, { literals }: Cube): NetworkPolicyPeer {
  if (literals.length === 1) noteCanonical(peer)
  return peer
}

/** Returns the cube that a peer stands for, or undefined when it names its namespaces in another way than by name. */
export function fromPeer(peer: NetworkPolicyPeer, ownNamespace: string): Cube | undefined {
  if (peer.ipBlock !== undefined) return undefined
  const literals = fromLabelSelector(peer.podSelector ?? {})
  if (peer.namespaceSelector === undefined) {
    return peer.podSelector === undefined ? undefined : { namespaces: [ownNamespace], literals }
  }
  const [name, ...rest] = fromLabelSelector(peer.namespaceSelector)
  const isByName = name?.key === namespaceNameLabel && hasValues(name) && rest.length === 0
  return isByName && name.values.length > 0 ? { namespaces: name.values, literals } : undefined
}

/** One dimension in which cubes may differ. */
interface Slot {
  readonly valuesOf: (cube: Cube) => readonly string[] | undefined
  readonly withValues: (cube: Cube, values: readonly string[]) => Cube
  /** A text that is equal for cubes that are equal in every other dimension. */
  readonly restOf: (cube: Remembered) => string
}

const namespaceSlot: Slot = {
  valuesOf: (cube) => cube.namespaces,
  withValues: (cube, namespaces) => ({ namespaces, literals: cube.literals }),
  restOf: ({ canonical }) => conjunctionText(canonical.literals),
}

function valueSlot(key: string): Slot {
  const isIt = (literal: Literal): boolean => literal.key === key && hasValues(literal)
  const others = (cube: Cube): Conjunction => {
    const at = cube.literals.findIndex(isIt)
    return cube.literals.filter((_, index) => index !== at)
  }
  return {
    valuesOf: (cube) => cube.literals.find(isIt)?.values,
    withValues: (cube, values) => ({
      namespaces: cube.namespaces,
      literals: canonicalConjunction([...others(cube), { key, op: 'In', values }]),
    }),
    restOf: (cube) => {
      cube.rests ??= new Map()
      const known = cube.rests.get(key)
      if (known !== undefined) return known
      const rest = textOf(cube.canonical.namespaces, others(cube.canonical))
      cube.rests.set(key, rest)
      return rest
    },
  }
}

function mergeOver(cubes: readonly Remembered[], slot: Slot): readonly Remembered[] {
  const untouched: Remembered[] = []
  const byRest = new Map<string, Remembered[]>()
  for (const cube of cubes) {
    if (slot.valuesOf(cube.canonical) === undefined) {
      untouched.push(cube)
      continue
    }
    const rest = slot.restOf(cube)
    const alike = byRest.get(rest)
    if (alike === undefined) byRest.set(rest, [cube])
    else alike.push(cube)
  }
  if (untouched.length + byRest.size === cubes.length) return cubes
  for (const alike of byRest.values()) {
    const [first] = alike
    if (first === undefined) continue
    if (alike.length === 1) {
      untouched.push(first)
      continue
    }
    const values = alike.flatMap(({ canonical }) => slot.valuesOf(canonical) ?? [])
    untouched.push(remembered(slot.withValues(first.canonical, sortedTexts(values))))
  }
  return untouched
}

function distinctCubes(cubes: readonly Cube[]): readonly Remembered[] {
  const byText = new Map<string, Remembered>()
  for (const cube of cubes) {
    const known = remembered(cube)
    byText.set(known.text, known)
  }
  return [...byText.values()]
}

/** What was worked out for a cube: the cube of one workload is a peer in many rules. */
interface Remembered {
  /** The same cube with everything sorted and once. */
  readonly canonical: Cube
  /** Equal for equal cubes alone. */
  readonly text: string
  /** Texts of the cube without the values of one key. */
  rests?: Map<string, string>
  /** The cube as a peer in a policy of its own namespace, and of any other. */
  readonly peers: { near?: NetworkPolicyPeer; far?: NetworkPolicyPeer }
}

const memory = new WeakMap<Cube, Remembered>()

function remembered(cube: Cube): Remembered {
  const known = memory.get(cube)
  if (known !== undefined) return known
  const namespaces = sortedTexts(cube.namespaces)
  const literals = canonicalConjunction(cube.literals)
  const isCanonical = namespaces === cube.namespaces && literals === cube.literals
  const canonical = isCanonical ? cube : { namespaces, literals }
  const text = textOf(namespaces, literals)
  const fresh = { canonical, text, peers: {} }
  memory.set(cube, fresh)
  if (!isCanonical) memory.set(canonical, fresh)
  return fresh
}

function textOf(namespaces: readonly string[], literals: Conjunction): string {
  return `${JSON.stringify(namespaces)} ${conjunctionText(literals)}`
}

function hasValues(literal: Literal): boolean {
  return literal.op === 'Eq' || literal.op === 'In'
}

function namespacesSelector(namespaces: readonly string[]): LabelSelector {
  return toLabelSelector([{ key: namespaceNameLabel, op: 'In', values: namespaces }])
}

function sortedTexts(texts: readonly string[]): readonly string[] {
  const isSorted = texts.every((text, at) => at === 0 || (texts[at - 1] ?? '') < text)
  return isSorted ? texts : [...new Set(texts)].sort()
}
