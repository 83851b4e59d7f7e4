/**
 * What changes of the requests that proxies let through. Connections are compared in meaning, requests as texts: two
 * expressions that mean the same are told apart.
 */
import { peerJson } from '../policy/canonical.ts'
import type { LocatedPolicy } from '../policy/network-policy.ts'
import type { PolicyRequest, RulePeer } from '../policy/plain-rule.ts'
import { partsOf, plainPolicy, policyName } from '../policy/plain-rule.ts'
import type { PolicyDiff } from './policy-diff.ts'
import { portText } from './rule-words.ts'

type RequestChange = NonNullable<PolicyDiff['requests']>[number]

/** What one set says of one port of one rule's peers. */
interface Cell {
  readonly head: Pick<RequestChange, 'policy' | 'direction' | 'port'>
  readonly requests: Set<string>
}

/** Returns the ports on which other requests pass than before, sorted. */
export function compareRequests(
  old: readonly LocatedPolicy[],
  fresh: readonly LocatedPolicy[],
): readonly RequestChange[] {
  const [before, after] = [old, fresh].map(cellsOf)
  const keys = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort()
  return keys.flatMap((key): readonly RequestChange[] => {
    const [one, other] = [before?.get(key), after?.get(key)]
    const removed = lacking(one, other)
    const added = lacking(other, one)
    const head = (other ?? one)?.head
    if (head === undefined || removed.length + added.length === 0) return []
    return [{ ...head, removed, added }]
  })
}

function lacking(some: Cell | undefined, others: Cell | undefined): readonly string[] {
  return [...(some?.requests ?? [])].filter((text) => others?.requests.has(text) !== true).sort()
}

/** By whom a rule selects, its direction, its peers and the port: a policy may be called otherwise. */
function cellsOf(policies: readonly LocatedPolicy[]): Map<string, Cell> {
  const cells = new Map<string, Cell>()
  // A NetworkPolicy has no word for requests.
  const speaking = policies.filter(({ policy }) => policy.kind !== 'NetworkPolicy')
  for (const { policy } of speaking.flatMap(partsOf)) {
    const { namespace, subject, rules } = plainPolicy(policy)
    for (const { direction, peers = [], ports = [] } of rules) {
      const narrowed = ports.filter(({ requests }) => requests !== undefined)
      for (const port of narrowed) {
        const who = [peerText(subject), direction, ...peers.map(peerText).sort()]
        const key = JSON.stringify([namespace, ...who, portText(port)])
        const head = { policy: policyName(policy), direction, port: portText(port) }
        const cell = cells.get(key) ?? { head, requests: new Set() }
        cells.set(key, cell)
        for (const request of port.requests ?? []) cell.requests.add(requestText(request))
      }
    }
  }
  return cells
}

function peerText(peer: RulePeer): string {
  return peer.special === undefined && peer.cluster === undefined
    ? peerJson(peer)
    : JSON.stringify(peer)
}

function requestText(request: PolicyRequest): string {
  if ('dns' in request) return request.dns.matchName ?? request.dns.matchPattern ?? ''
  const { method = 'any method', path = 'any path', ...rest } = request.http
  const more = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`
  return `${method} ${path}${more}`
}
