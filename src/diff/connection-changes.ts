/** Differences at all destinations, taken together into the changes that a person reads. */

import type { Bits } from '../policy/bits.ts'
import { BitsMap, bitsOf, commonBits, hasBit } from '../policy/bits.ts'
import type { CompiledSet } from '../policy/compiled-set.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { Span } from '../policy/port-line.ts'
import { spanTexts } from '../policy/port-line.ts'
import type { Rows } from '../policy/rows.ts'
import type { Universe } from '../policy/universe.ts'
import type { Edge } from '../traffic/traffic.ts'
import type { Block } from './blocks.ts'
import { changeId } from './change-id.ts'
import type { ComparedSets, DestinationDifference, Difference } from './destination-diff.ts'
import type { EndNames, NamedEnds } from './end-names.ts'
import type { Change } from './policy-diff.ts'
import { allowingPolicies, blockingPolicies, mergeReferences } from './references.ts'

/** Ends that a change spells out before the list is shortened. */
const maxSources = 50

/** Names of one side that a message spells out. */
const maxNames = 3

/** Collects the differences at each destination. */
export interface ConnectionChanges {
  readonly add: (end: number, difference: DestinationDifference) => void
  readonly list: () => readonly Change[]
}

/** What differs at one destination for the sources of a {@link Bundle}. */
interface Part {
  readonly end: number
  readonly old: readonly PolicyReference[]
  readonly new: readonly PolicyReference[]
  readonly edges: readonly Edge[]
}

/** Destinations with the same difference: section, sources and ports are equal. */
interface Bundle {
  readonly section: Difference['section']
  readonly effect: Difference['effect']
  readonly sources: Bits
  readonly ports: readonly string[]
  readonly parts: Part[]
}

/** Returns a collector for two sets. */
export function collectConnections(sets: ComparedSets, names: EndNames): ConnectionChanges {
  const bundles: Bundle[] = []
  const bySubject = new Map<string, BitsMap<Bundle>>()
  const textsOf = rememberTexts(sets.universe)
  const bundleOf = (block: Difference, ports: readonly string[]): Bundle => {
    const { section, effect, sources } = block
    const subject = `${section} ${effect} ${ports.join(',')}`
    const alike = bySubject.get(subject) ?? new BitsMap()
    bySubject.set(subject, alike)
    return alike.take(sources, () => {
      const bundle = { section, effect, sources, ports, parts: [] }
      bundles.push(bundle)
      return bundle
    })
  }
  return {
    add: (end, difference) => {
      for (const block of difference.differences) {
        const spans = spansOf(block, difference.atoms)
        bundleOf(block, textsOf(spans)).parts.push(partAt(sets, end, difference, block, spans))
      }
    },
    list: () => {
      const everySource = rememberSources(sets.universe)
      return mergeAlike(
        bundles.flatMap((bundle) => bundleChanges(sets, names, everySource, bundle)),
      )
    },
  }
}

/** Returns the words for spans: few ports are most of what differs. */
function rememberTexts({ portNames }: Universe): (spans: readonly Span[]) => readonly string[] {
  const known = new Map<string, readonly string[]>()
  return (spans) => {
    let key = ''
    for (const { low, high } of spans) key += `${low}-${high} `
    const before = known.get(key)
    if (before !== undefined) return before
    const texts = spanTexts(spans, portNames)
    known.set(key, texts)
    return texts
  }
}

function spansOf(block: Block, atoms: readonly Span[]): readonly Span[] {
  return block.atoms.flatMap((atom) => atoms[atom] ?? [])
}

function partAt(
  sets: ComparedSets,
  end: number,
  difference: DestinationDifference,
  block: Difference,
  spans: readonly Span[],
): Part {
  const at = (set: CompiledSet, rows: Rows) => ({
    universe: sets.universe,
    set,
    end,
    atoms: difference.atoms,
    rows,
  })
  const old = at(sets.old, difference.old)
  const fresh = at(sets.new, difference.new)
  const widens = block.effect === 'widens'
  return {
    end,
    old: widens ? blockingPolicies(old, block) : allowingPolicies(old, block),
    new: widens ? allowingPolicies(fresh, block) : blockingPolicies(fresh, block),
    edges: isSeen(block.section) ? edgesOf(sets, end, block, spans) : [],
  }
}

function isSeen(section: Difference['section']): boolean {
  return section === 'breaks' || section === 'needed'
}

function edgesOf(
  sets: ComparedSets,
  end: number,
  block: Block,
  spans: readonly Span[],
): readonly Edge[] {
  return (sets.observed.get(end) ?? [])
    .filter(
      ({ sources, position }) =>
        spans.some((span) => position >= span.low && position <= span.high) &&
        sources.some((source) => hasBit(block.sources, source)),
    )
    .map(({ edge }) => edge)
}

/** A change with what two changes of the same words are told apart, and put together, by. */
interface Draft {
  readonly section: Difference['section']
  readonly effect: Difference['effect']
  readonly from: readonly NamedEnds[]
  /** One for known pods; where pods that do not exist yet take part, all that differ alike. */
  readonly to: readonly NamedEnds[]
  readonly ports: readonly string[]
  readonly parts: readonly Part[]
}

/** Returns the sources that are called `everyone` at an end, those that do not exist yet among them or not. */
type EverySource = (end: number, withFuture: boolean) => Bits

function rememberSources({ sourcesOf, known }: Universe): EverySource {
  const masked = new Map<Bits, Bits>()
  return (end, withFuture) => {
    const sources = sourcesOf(end)
    if (withFuture) return sources
    const before = masked.get(sources) ?? commonBits(sources, known)
    masked.set(sources, before)
    return before
  }
}

function bundleChanges(
  { universe }: ComparedSets,
  names: EndNames,
  everySource: EverySource,
  { section, effect, sources, ports, parts }: Bundle,
): readonly Draft[] {
  const isFuture = section === 'future'
  const from = names.split(sources, everySource(parts[0]?.end ?? 0, isFuture))
  const destinations = bitsOf(
    universe.ends.length,
    parts.map((part) => part.end),
  )
  if (isFuture) {
    const to = names.split(destinations, everyEnd(universe))
    return [{ section, effect, from, to, ports, parts }]
  }
  const every = names.split(destinations, universe.known)
  const [only] = every
  if (only !== undefined && every.length === 1) {
    return [{ section, effect, from, to: [only], ports, parts }]
  }
  return every.map((to) => {
    const members = new Set(to.members)
    const own = parts.filter((part) => members.has(part.end))
    return { section, effect, from, to: [to], ports, parts: own }
  })
}

function everyEnd(universe: Universe): Bits {
  return bitsOf(universe.ends.length, universe.ends.keys())
}

function mergeAlike(drafts: readonly Draft[]): readonly Change[] {
  const byId = new Map<string, Draft>()
  for (const draft of drafts) {
    const id = draftId(draft)
    const alike = byId.get(id)
    byId.set(
      id,
      alike === undefined ? draft : { ...alike, parts: [...alike.parts, ...draft.parts] },
    )
  }
  return [...byId].map(([id, draft]) => changeOf(id, draft))
}

function draftId({ section, from, to, ports }: Draft): string {
  return changeId([section, from.map(keyOf), to.map(keyOf), ports.join(',')])
}

function keyOf({ key }: NamedEnds): string {
  return key
}

function changeOf(id: string, { section, effect, from, to, ports, parts }: Draft): Change {
  const evidence = evidenceOf(parts)
  return {
    id,
    section,
    effect,
    from: shorten(from, maxSources),
    to: shorten(to, maxSources),
    ports,
    old: referencesOf(parts, 'old'),
    new: referencesOf(parts, 'new'),
    ...(evidence === undefined ? {} : { evidence }),
    message: `${shorten(from, maxNames)} ${verbs[effect]} ${shorten(to, maxNames)} on ${ports.join(', ')}, ${tails[section]}`,
  }
}

function referencesOf(parts: readonly Part[], set: 'old' | 'new'): readonly PolicyReference[] {
  const [only] = parts
  // The references of one part are merged already.
  return only !== undefined && parts.length === 1
    ? only[set]
    : mergeReferences(parts.map((part) => part[set]))
}

const verbs = {
  widens: 'would reach',
  narrows: 'would no longer reach',
} as const satisfies Record<Difference['effect'], string>

const tails = {
  breaks: 'which was seen',
  opens: 'which was never seen',
  needed: 'which was seen',
  tightens: 'which was never seen',
  future: 'once there are such pods',
} as const satisfies Record<Difference['section'], string>

function shorten(names: readonly NamedEnds[], limit: number): string {
  const shown = names.slice(0, limit).map((name) => name.text)
  const more = names.length > limit ? ` and ${names.length - limit} more` : ''
  return `${shown.join(', ')}${more}`
}

function evidenceOf(parts: readonly Part[]): Change['evidence'] {
  if (parts.every((part) => part.edges.length === 0)) return undefined
  const edges = [...new Set(parts.flatMap((part) => part.edges))]
  const firsts = edges.flatMap(({ evidence }) => evidence.firstMs ?? [])
  const lasts = edges.flatMap(({ evidence }) => evidence.lastMs ?? [])
  return {
    flows: edges.reduce((sum, { evidence }) => sum + evidence.flows, 0),
    ...(firsts.length === 0 ? {} : { first: timeText(smallest(firsts)) }),
    ...(lasts.length === 0 ? {} : { last: timeText(-smallest(lasts.map((time) => -time))) }),
  }
}

function smallest(numbers: readonly number[]): number {
  return numbers.reduce((least, number) => Math.min(least, number))
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
