/** What becomes of each object, and which of its rules differ. */
import type { Location } from '../errors.ts'
import type { Labels } from '../labels.ts'
import { canonicalPolicy } from '../policy/canonical.ts'
import type {
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Policy,
} from '../policy/network-policy.ts'
import { policyName } from '../policy/plain-rule.ts'
import { renderPolicy } from '../policy/render.ts'
import { ciliumLines } from './cilium-lines.ts'
import type { ObjectChange } from './policy-diff.ts'
import { portText } from './rule-words.ts'

/**
 * Returns one entry for each object of either set, sorted by namespace and name. Objects that are created or deleted
 * have no rules listed: all of them would be.
 */
export function compareObjects(
  old: readonly LocatedPolicy[],
  fresh: readonly LocatedPolicy[],
): readonly ObjectChange[] {
  const before = byName(old)
  const after = byName(fresh)
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((policy) => objectChange(policy, before.get(policy), after.get(policy)))
}

function byName(policies: readonly LocatedPolicy[]): ReadonlyMap<string, LocatedPolicy> {
  return new Map(
    policies.map((located) => {
      const { kind } = located.policy
      const name = policyName(located.policy)
      // A policy of another kind may have the same name.
      return [kind === 'NetworkPolicy' ? name : `${kind} ${name}`, located]
    }),
  )
}

function objectChange(
  policy: string,
  before: LocatedPolicy | undefined,
  after: LocatedPolicy | undefined,
): ObjectChange {
  const at = placeOf(before?.location ?? after?.location)
  const place = at === undefined ? {} : { at }
  if (before === undefined) return { policy, action: 'created', ...place, rules: [] }
  if (after === undefined) return { policy, action: 'deleted', ...place, rules: [] }
  const rules = differingLines(before.policy, after.policy)
  return { policy, action: rules.length === 0 ? 'unchanged' : 'changed', ...place, rules }
}

function placeOf(location: Location | undefined): string | undefined {
  if (location === undefined || location.file === '') return undefined
  return location.line === undefined ? location.file : `${location.file}:${location.line}`
}

function differingLines(before: Policy, after: Policy): readonly string[] {
  // Most objects do not change, and canonical form costs more than these looks.
  if (before === after) return []
  if (before.kind !== 'NetworkPolicy' || after.kind !== 'NetworkPolicy') {
    return before.kind !== 'NetworkPolicy' && after.kind !== 'NetworkPolicy'
      ? ciliumLines(before, after)
      : []
  }
  if (sameJson(before.spec, after.spec) && sameJson(before.metadata, after.metadata)) return []
  const old = piecesOf(canonicalPolicy(before))
  const fresh = piecesOf(canonicalPolicy(after))
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((head) => {
    const removed = piecesWithout(old.get(head), fresh.get(head))
    const added = piecesWithout(fresh.get(head), old.get(head))
    return removed.length === 0 && added.length === 0
      ? []
      : [
          `${head}:`,
          ...linesOf(removed).map((line) => `- ${line}`),
          ...linesOf(added).map((line) => `+ ${line}`),
        ]
  })
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** One part of a policy that is there or not: a line as it stands, or a peer. */
type Piece = string | NetworkPolicyPeer

/** The pieces of a policy by what they belong to; rules of equal ports are one, as their peers add up. */
function piecesOf({ metadata, spec }: NetworkPolicy): ReadonlyMap<string, readonly Piece[]> {
  const pieces = new Map<string, Piece[]>([
    ['labels', mapPieces(metadata.labels)],
    ['annotations', mapPieces(metadata.annotations)],
    ['podSelector', [JSON.stringify(spec.podSelector)]],
    ['policyTypes', (spec.policyTypes ?? []).map((type) => `- ${type}`)],
  ])
  const add = (head: string, peers: readonly NetworkPolicyPeer[] | undefined): void => {
    const list = pieces.get(head) ?? []
    list.push(...(peers === undefined || peers.length === 0 ? ['everyone'] : peers))
    pieces.set(head, list)
  }
  for (const { from, ports } of spec.ingress ?? []) add(`ingress on ${portsText(ports)} from`, from)
  for (const { to, ports } of spec.egress ?? []) add(`egress on ${portsText(ports)} to`, to)
  return pieces
}

function mapPieces(labels: Labels = {}): Piece[] {
  return Object.entries(labels).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  )
}

function portsText(ports: readonly NetworkPolicyPort[] = []): string {
  if (ports.length === 0) return 'all ports'
  return ports.map(portText).join(', ')
}

function piecesWithout(
  pieces: readonly Piece[] = [],
  others: readonly Piece[] = [],
): readonly Piece[] {
  const known = new Set(others.map((piece) => JSON.stringify(piece)))
  return pieces.filter((piece) => !known.has(JSON.stringify(piece)))
}

function linesOf(pieces: readonly Piece[]): readonly string[] {
  const texts = pieces.filter((piece) => typeof piece === 'string')
  const peers = pieces.filter((piece) => typeof piece !== 'string')
  return [...texts, ...(peers.length === 0 ? [] : peerLines(peers))]
}

/** Returns peers in YAML, as they stand in a rendered policy. */
function peerLines(from: readonly NetworkPolicyPeer[]): readonly string[] {
  const lines = renderPolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'peers', namespace: 'default' },
    spec: { podSelector: {}, ingress: [{ from }] },
  })
    .trimEnd()
    .split('\n')
  const list = lines.slice(lines.findIndex((line) => line.trimStart().startsWith('- from:')) + 1)
  const indent = list.reduce((least, line) => Math.min(least, line.search(/\S/)), 80)
  return list.map((line) => line.slice(indent))
}
