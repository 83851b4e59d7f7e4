/**
 * A policy set whose decisions carry places: the naive evaluator says by which policy and rule, and the book knows where
 * each of them stands. Two objects of one name stay two.
 */
import type { Location } from '../errors.ts'
import type { DirectionDecision, EvaluateOptions } from '../policy/evaluate.ts'
import { createEvaluator } from '../policy/evaluate.ts'
import type {
  LocatedPolicy,
  Policy,
  PolicyEndpoint,
  PolicyService,
} from '../policy/network-policy.ts'
import type { RulePeer, RulePort } from '../policy/plain-rule.ts'
import { partsOf, plainPolicy, policyName } from '../policy/plain-rule.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { Direction, RuleReference } from './verify-report.ts'

/** One rule, whichever direction it is about. */
export interface PlainRule {
  readonly direction: Direction
  /** Position among the rules of the direction, from 0. */
  readonly rule: number
  /** What it matches never passes. */
  readonly deny: boolean
  /** Empty for everyone. */
  readonly peers: readonly RulePeer[]
  /** Empty for all ports. */
  readonly ports: readonly RulePort[]
  readonly at?: string
}

/** One policy of the book, or one part of a Cilium policy that has several. */
export interface BookEntry {
  /** Position in {@link PolicyBook.entries}. */
  readonly id: number
  readonly reference: PolicyReference
  readonly policy: Policy
  /** Empty for a clusterwide policy. */
  readonly namespace: string
  /** The pods that it selects. */
  readonly subject: RulePeer
  readonly isolates: readonly Direction[]
  /** Directions that it has a say in. */
  readonly about: readonly Direction[]
  /** Every rule, of directions that the policy is not about too. */
  readonly rules: readonly PlainRule[]
}

/** What one side of a connection decides, by positions in the book. */
export interface TracedSide {
  readonly direction: Direction
  readonly allowed: boolean
  readonly isolatedBy: readonly number[]
  readonly allowedBy: readonly BookRule[]
  readonly deniedBy: readonly BookRule[]
}

/** A rule by the positions of its entry and its own. */
export interface BookRule {
  readonly entry: number
  readonly rule: number
}

/** Policies in order of namespace, name and place. */
export interface PolicyBook {
  readonly entries: readonly BookEntry[]
  /** Returns the entries that can select pods of a namespace. */
  readonly inNamespace: (namespace: string) => readonly BookEntry[]
  /** Returns what the naive evaluator decides; pass the same object for the same end, and different ones for two pods. */
  readonly decide: (
    from: PolicyEndpoint,
    to: PolicyEndpoint,
    service: PolicyService,
  ) => readonly [egress: TracedSide, ingress: TracedSide]
}

/** Returns the book of some policies; their order does not matter. */
export function createPolicyBook(
  policies: readonly LocatedPolicy[],
  options: EvaluateOptions = {},
): PolicyBook {
  const entries = policies
    .flatMap(partsOf)
    .map((located) => ({ located, key: sortKey(located) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ located }, id) => createEntry(located, id))
  const byNamespace = new Map<string, BookEntry[]>()
  for (const entry of entries) {
    const { namespace } = entry
    const list = byNamespace.get(namespace)
    if (list === undefined) byNamespace.set(namespace, [entry])
    else list.push(entry)
  }
  const evaluator = createEvaluator(entries.map(numbered), options)
  return {
    entries,
    inNamespace: (namespace) => [
      ...(byNamespace.get(namespace) ?? []),
      ...(byNamespace.get('') ?? []),
    ],
    decide: (from, to, service) => {
      const { egress, ingress } = evaluator.evaluate(from, to, service)
      return [
        { direction: 'egress', ...traced(egress) },
        { direction: 'ingress', ...traced(ingress) },
      ]
    },
  }
}

/** The evaluator names policies by namespace and name: the position as a name is one that no two share. */
function numbered({ policy, id }: BookEntry): Policy {
  const { namespace } = policy.metadata
  return { ...policy, metadata: { namespace, name: String(id).padStart(12, '0') } }
}

function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('/') + 1))
}

function traced(side: DirectionDecision): Omit<TracedSide, 'direction'> {
  const toRules = (list: DirectionDecision['allowedBy']): readonly BookRule[] =>
    list.map(({ policy, rule }) => ({ entry: numberOf(policy), rule }))
  return {
    allowed: side.allowed,
    isolatedBy: side.isolatedBy.map(numberOf),
    allowedBy: toRules(side.allowedBy),
    deniedBy: toRules(side.deniedBy),
  }
}

function createEntry({ policy, location, rules }: LocatedPolicy, id: number): BookEntry {
  const { namespace, subject, isolates, about, rules: plain } = plainPolicy(policy)
  return {
    id,
    reference: { policy: policyName(policy), ...placed(location) },
    policy,
    namespace,
    subject,
    isolates,
    about,
    rules: plain.map(({ direction, rule, deny, peers = [], ports = [] }) => ({
      direction,
      rule,
      deny,
      peers,
      ports,
      ...placed(rules[direction][rule] ?? location),
    })),
  }
}

/** Returns rules of the book as they are named in results. */
export function ruleReferences(
  { entries }: PolicyBook,
  direction: Direction,
  rules: readonly BookRule[],
): readonly RuleReference[] {
  return rules.flatMap(({ entry, rule }) => {
    const found = entries[entry]
    const at = found?.rules.find((one) => one.direction === direction && one.rule === rule)?.at
    if (found === undefined) return []
    const { policy } = found.reference
    return [{ policy, rule, ...(at === undefined ? {} : { at }) }]
  })
}

/** A policy that was not read from a file has an empty file name, and no place. */
function placed({ file, line }: Location): { at?: string } {
  if (file === '') return {}
  return { at: line === undefined ? file : `${file}:${line}` }
}

function sortKey({ policy, location: { file, line = 0, document = 0 } }: LocatedPolicy): string {
  const { namespace, name } = policy.metadata
  const place = [line, document].map((number) => String(number).padStart(10, '0'))
  return JSON.stringify([namespace, name, file, ...place, policy])
}
