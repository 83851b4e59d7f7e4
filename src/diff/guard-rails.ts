/** Guard rails: what must and must never be possible, held against the policies that would be in force. */

import type { Bits } from '../policy/bits.ts'
import { addBit, commonBits, createBits, membersOf, withoutBits } from '../policy/bits.ts'
import type { CompiledSet } from '../policy/compiled-set.ts'
import { compileSet } from '../policy/compiled-set.ts'
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import { spanTexts } from '../policy/port-line.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsTo } from '../policy/rows.ts'
import type { Universe } from '../policy/universe.ts'
import type { Block } from './blocks.ts'
import { blocksOf } from './blocks.ts'
import type { EndNames } from './end-names.ts'
import { createEndNames } from './end-names.ts'
import { splitKinds } from './policy-kinds.ts'
import type { Claim, RailRule } from './rail-claims.ts'
import { claimsOf, isSeen } from './rail-claims.ts'
import type { RailKind, RailViolation } from './rail-violation.ts'
import type { SetAtEnd } from './references.ts'
import { allowingPolicies, blockingPolicies, mergeReferences } from './references.ts'
import type { Surroundings } from './universe.ts'
import { createUniverse } from './universe.ts'

/** Policy-shaped statements, rule by rule: the pods they select, the peers, the ports. */
export interface GuardRails {
  /** Connections that must always be possible. */
  readonly permit: readonly LocatedPolicy<NetworkPolicy>[]
  /** Connections that must never be possible. */
  readonly forbid: readonly LocatedPolicy<NetworkPolicy>[]
}

/** What holds and what does not. */
export interface GuardRailCheck {
  /** Those of `forbid` first, then in the order of the rules, then by ends. */
  readonly violations: readonly RailViolation[]
  /** Rules that speak of no pod that is known: they were held against pods with just the labels they ask for. */
  readonly unmatched: readonly PolicyReference[]
}

/** Peers that a text names before the rest is only counted. */
const maxNames = 6

/**
 * Returns where a policy set breaks guard rails, decided by the exact engine over known classes, the pods that policies
 * and guard rails speak of, the whole address space and exact ports. A forbidden rule is broken when one connection of
 * it is allowed, a permitted one when one is not. Policies that cannot be evaluated have no say.
 */
export function checkGuardRails(
  rails: GuardRails,
  policies: readonly LocatedPolicy[],
  surroundings: Surroundings,
): GuardRailCheck {
  const said = [
    ...rails.forbid.map((located) => ({ kind: 'forbid' as const, located })),
    ...rails.permit.map((located) => ({ kind: 'permit' as const, located })),
  ]
  if (said.length === 0) return { violations: [], unmatched: [] }
  const inForce = splitKinds(policies).judged
  const universe = createUniverse(
    [...inForce, ...said.map(({ located }) => located)].map(({ policy }) => policy),
    surroundings,
    // A pod that might carry the labels of two workloads at once would break every rail.
    'stand-ins',
  )
  const claims = claimsOf(said, universe)
  const breaches = new Breaches(universe, compileSet(inForce, universe))
  const destinations = [...claims.byDestination].sort(([a], [b]) => a - b)
  for (const [end, list] of destinations) breaches.add(end, list)
  return {
    violations: claims.rules.flatMap((rule) => breaches.of(rule)),
    unmatched: claims.rules.filter((rule) => rule.isUnmatched).map((rule) => rule.reference),
  }
}

/** Destinations that one rule is broken at in the same way: the same sources, on the same ports. */
interface Breach {
  readonly sources: Bits
  readonly destinations: Bits
  readonly ports: readonly string[]
  readonly references: PolicyReference[]
}

/** Collects breaches destination by destination, and says them rule by rule. */
class Breaches {
  readonly #universe: Universe
  readonly #set: CompiledSet
  readonly #names: EndNames
  readonly #byRule = new Map<RailRule, Map<string, Breach>>()

  constructor(universe: Universe, set: CompiledSet) {
    this.#universe = universe
    this.#set = set
    this.#names = createEndNames(universe)
  }

  add(end: number, claims: readonly Claim[]): void {
    const universe = this.#universe
    const grants = grantsTo(this.#set, universe, end)
    const spans = claims.flatMap((claim) => claim.spans)
    const atoms = cutPorts(universe, end, [...grantSpans(grants), ...spans])
    const rows = rowsTo(this.#set, universe, end, atoms, grants)
    const allowed = passing(rows)
    const none = createBits(universe.ends.length)
    const at = { universe, set: this.#set, end, atoms, rows }
    for (const claim of claims) {
      const broken = atoms.map((atom, index) => {
        const isClaimed = claim.spans.some(({ low, high }) => low <= atom.low && atom.high <= high)
        return isClaimed ? brokenSources(claim, allowed[index] ?? none) : none
      })
      for (const block of blocksOf(broken)) this.#note(claim.rule, at, block)
    }
  }

  of(rule: RailRule): readonly RailViolation[] {
    return [...(this.#byRule.get(rule)?.values() ?? [])]
      .map((breach) => this.#say(rule, breach))
      .sort((a, b) => compareTexts(sortKey(a), sortKey(b)))
  }

  #note(rule: RailRule, at: SetAtEnd, block: Block): void {
    const found = this.#byRule.get(rule) ?? new Map<string, Breach>()
    this.#byRule.set(rule, found)
    const ports = spanTexts(
      block.atoms.flatMap((atom) => at.atoms[atom] ?? []),
      this.#universe.portNames,
    )
    const key = `${ports.join(' ')} ${block.sources.join(',')}`
    const destinations = createBits(this.#universe.ends.length)
    const breach = found.get(key) ?? { ...block, destinations, ports, references: [] }
    found.set(key, breach)
    addBit(breach.destinations, at.end)
    const references = rule.kind === 'forbid' ? allowingPolicies : blockingPolicies
    breach.references.push(...references(at, block))
  }

  #say({ kind, reference }: RailRule, breach: Breach): RailViolation {
    const { sources, destinations, ports, references } = breach
    const source = this.#witnessOf(sources)
    const destination = this.#witnessOf(destinations)
    const from = this.#words(sources, this.#universe.sourcesOf(destination))
    const to = this.#words(destinations)
    return {
      kind,
      rail: reference.policy,
      ...(reference.at === undefined ? {} : { at: reference.at }),
      from,
      to,
      ports,
      witness: {
        from: this.#nameOf(source),
        to: this.#nameOf(destination),
        port: firstPort(ports[0] ?? ''),
      },
      policies: mergeReferences([references]),
      message: messageOf(kind, from, to, ports, reference),
    }
  }

  /** What is there says more than what may come. */
  #witnessOf(ends: Bits): number {
    const members = membersOf(ends)
    return members.find(isSeen(this.#universe)) ?? members[0] ?? 0
  }

  #words(ends: Bits, universal?: Bits): string {
    const everyone = universal ?? this.#everyEnd()
    const names = this.#names.split(ends, everyone).map(({ text }) => text)
    const more = names.length - maxNames
    const shown = names.slice(0, maxNames).join(', ')
    return more > 0 ? `${shown} and ${more} more` : shown
  }

  #everyEnd(): Bits {
    const all = createBits(this.#universe.ends.length)
    for (const end of this.#universe.ends.keys()) addBit(all, end)
    return all
  }

  #nameOf(id: number): string {
    const end = this.#universe.ends[id]
    return end?.kind === 'outside' ? end.cell.witness : (end?.name ?? '')
  }
}

function brokenSources({ rule, sources }: Claim, allowed: Bits): Bits {
  return rule.kind === 'forbid' ? commonBits(sources, allowed) : withoutBits(sources, allowed)
}

function messageOf(
  kind: RailKind,
  from: string,
  to: string,
  ports: readonly string[],
  { policy }: PolicyReference,
): string {
  const what = `${to} on ${ports.join(', ')}`
  return kind === 'forbid'
    ? `${from} can reach ${what}, which ${policy} forbids`
    : `${from} cannot reach ${what}, which ${policy} must permit`
}

/** Returns the first port of a range, and `1/TCP` for all ports. */
function firstPort(text: string): string {
  if (text === 'all ports') return '1/TCP'
  return text.replace(/^(\d+)-\d+\//, '$1/')
}

function sortKey({ to, from, ports }: RailViolation): string {
  return [to, from, ...ports].join('\n')
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
