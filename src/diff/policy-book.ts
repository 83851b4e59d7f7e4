/**
 * A policy set whose decisions carry places: the naive evaluator says by which policy and rule, and the book knows where
 * each of them stands. Two objects of one name stay two.
 */
import type { Location } from '../errors.ts'
import { createEvaluator } from '../policy/evaluate.ts'
import type {
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  PolicyEndpoint,
  PolicyService,
} from '../policy/network-policy.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { Direction } from './verify-report.ts'

/** One rule, whichever direction it is about. */
export interface PlainRule {
  readonly direction: Direction
  /** Position in `spec.ingress` or `spec.egress`, from 0. */
  readonly rule: number
  /** Absent or empty for everyone. */
  readonly peers: readonly NetworkPolicyPeer[]
  /** Empty for all ports. */
  readonly ports: readonly NetworkPolicyPort[]
  readonly at?: string
}

/** One policy of the book. */
export interface BookEntry {
  /** Position in {@link PolicyBook.entries}. */
  readonly id: number
  readonly reference: PolicyReference
  readonly policy: NetworkPolicy
  readonly isolates: readonly Direction[]
  /** Every rule, of directions that the policy is not about too. */
  readonly rules: readonly PlainRule[]
}

/** What one side of a connection decides, by positions in the book. */
export interface TracedSide {
  readonly direction: Direction
  readonly allowed: boolean
  readonly isolatedBy: readonly number[]
  readonly allowedBy: readonly { readonly entry: number; readonly rule: number }[]
}

/** Policies in order of namespace, name and place. */
export interface PolicyBook {
  readonly entries: readonly BookEntry[]
  /** Returns the entries of a namespace. */
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
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  options: { readonly ipBlockPods?: boolean } = {},
): PolicyBook {
  const entries = policies
    .map((located) => ({ located, key: sortKey(located) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ located }, id) => createEntry(located, id))
  const byNamespace = new Map<string, BookEntry[]>()
  for (const entry of entries) {
    const { namespace } = entry.policy.metadata
    const list = byNamespace.get(namespace)
    if (list === undefined) byNamespace.set(namespace, [entry])
    else list.push(entry)
  }
  const evaluator = createEvaluator(entries.map(numbered), options)
  return {
    entries,
    inNamespace: (namespace) => byNamespace.get(namespace) ?? [],
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
function numbered({ policy, id }: BookEntry): NetworkPolicy {
  const { namespace } = policy.metadata
  return { ...policy, metadata: { namespace, name: String(id).padStart(12, '0') } }
}

function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('/') + 1))
}

function traced(side: {
  readonly allowed: boolean
  readonly isolatedBy: readonly string[]
  readonly allowedBy: readonly { readonly policy: string; readonly rule: number }[]
}): Omit<TracedSide, 'direction'> {
  return {
    allowed: side.allowed,
    isolatedBy: side.isolatedBy.map(numberOf),
    allowedBy: side.allowedBy.map(({ policy, rule }) => ({ entry: numberOf(policy), rule })),
  }
}

function createEntry(
  { policy, location, rules }: LocatedPolicy<NetworkPolicy>,
  id: number,
): BookEntry {
  const { namespace, name } = policy.metadata
  const { spec } = policy
  const ruleAt = (direction: Direction, rule: number): { at?: string } =>
    placed(rules[direction][rule] ?? location)
  return {
    id,
    reference: { policy: `${namespace}/${name}`, ...placed(location) },
    policy,
    isolates: directionsOf(policy),
    rules: [
      ...(spec.ingress ?? []).map(
        ({ from = [], ports = [] }, rule): PlainRule => ({
          direction: 'ingress',
          rule,
          peers: from,
          ports,
          ...ruleAt('ingress', rule),
        }),
      ),
      ...(spec.egress ?? []).map(
        ({ to = [], ports = [] }, rule): PlainRule => ({
          direction: 'egress',
          rule,
          peers: to,
          ports,
          ...ruleAt('egress', rule),
        }),
      ),
    ],
  }
}

/** Without types a policy is about ingress, and about egress when it has an egress rule (networking/v1 defaults). */
function directionsOf({ spec }: NetworkPolicy): readonly Direction[] {
  const types = spec.policyTypes ?? []
  const isAbout = {
    ingress: types.length === 0 || types.includes('Ingress'),
    egress: types.length === 0 ? (spec.egress ?? []).length > 0 : types.includes('Egress'),
  }
  return (['ingress', 'egress'] as const).filter((direction) => isAbout[direction])
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
