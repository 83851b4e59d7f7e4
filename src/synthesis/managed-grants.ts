/** What a managed policy grants, cell by cell: merged peers taken apart, ports as numbers. */
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import type { PolicyRequest, RulePeer, RulePort } from '../policy/plain-rule.ts'
import type { PortRange } from '../policy/port-set.ts'
import { maxPort, portProtocols } from '../policy/port-set.ts'
import type { Conjunction, Literal } from './conjunction.ts'
import { fromPeer, toPeer } from './peer-cubes.ts'
import type { Plan } from './plan.ts'
import { describeSpecial, fromSpecialPeer, isSpecialGrant } from './special-grants.ts'
import type { Finding, Grant, GrantPeer } from './synthesis.ts'

/** Returns the grants of a managed policy for one of the subjects it selects; a port nobody can resolve is a finding. */
export function grantsOf(
  plan: Plan,
  located: LocatedPolicy<NetworkPolicy>,
  subject: number,
  findings: Finding[],
): readonly Grant[] {
  const { spec, metadata } = located.policy
  const grants: Grant[] = []
  const add = (
    direction: 'ingress' | 'egress',
    peers: readonly RulePeer[] | undefined,
    ports: readonly RulePort[] | undefined,
  ): void => {
    const everyone: readonly GrantPeer[] = [{ kind: 'everyone' }]
    const targets =
      (peers ?? []).length === 0
        ? everyone
        : (peers ?? []).flatMap((peer) => atoms(peer, metadata.namespace))
    const cell = { direction, subject, why: 'retained' } as const
    for (const { icmp } of (ports ?? []).filter((port) => port.icmp !== undefined)) {
      grants.push(...targets.map((peer) => ({ ...cell, peer, ...icmpService(icmp) })))
    }
    const addRanges = (some: readonly RulePort[] | undefined, request?: PolicyRequest): void => {
      for (const range of portRanges(plan, some, () => reportEdited(located, findings))) {
        const { protocol, first: port, last } = range
        const end = { ...(last > port && { endPort: last }), ...(request && { request }) }
        grants.push(...targets.map((peer) => ({ ...cell, peer, protocol, port, ...end })))
      }
    }
    for (const { part, request } of portParts(ports)) addRanges(part, request)
  }
  for (const rule of spec.ingress ?? []) add('ingress', rule.from, rule.ports)
  for (const rule of spec.egress ?? []) add('egress', rule.to, rule.ports)
  return grants
}

/** Ports by the kind of requests that passes on them: those for every request first. */
function portParts(
  ports: readonly RulePort[] | undefined,
): readonly { readonly part: readonly RulePort[] | undefined; readonly request?: PolicyRequest }[] {
  const narrowed = (ports ?? []).filter(({ requests }) => requests !== undefined)
  if (narrowed.length === 0) return [{ part: ports }]
  const open = (ports ?? []).filter(({ requests }) => requests === undefined)
  return [
    ...(open.length > 0 ? [{ part: open }] : []),
    ...narrowed.flatMap((port) =>
      (port.requests ?? []).map((request) => ({ part: [port], request })),
    ),
  ]
}

function icmpService(icmp: RulePort['icmp']): Pick<Grant, 'protocol' | 'port'> {
  return { protocol: icmp?.family === 'IPv6' ? 'ICMPv6' : 'ICMPv4', port: icmp?.type ?? 0 }
}

/** Splits a merged peer into the single namespaces and values that it was merged from. */
function atoms(peer: RulePeer, ownNamespace: string): readonly GrantPeer[] {
  if (peer.special !== undefined) return [fromSpecialPeer(peer.special) ?? []].flat()
  if (peer.ipBlock !== undefined) {
    return [{ kind: 'block', cidr: peer.ipBlock.cidr, except: [...(peer.ipBlock.except ?? [])] }]
  }
  const cube = fromPeer(peer, ownNamespace)
  if (cube === undefined) return [{ kind: 'selector', peer }]
  let conjunctions: readonly Conjunction[] = [[]]
  for (const literal of cube.literals) {
    const choices: readonly Literal[] =
      literal.op === 'In'
        ? literal.values.map((value) => ({ key: literal.key, op: 'Eq', values: [value] }))
        : [literal]
    if (conjunctions.length * choices.length > 1_000) return [{ kind: 'selector', peer }]
    conjunctions = conjunctions.flatMap((start) => choices.map((choice) => [...start, choice]))
  }
  return cube.namespaces.flatMap((namespace) =>
    conjunctions.map((literals): GrantPeer => {
      const single = { namespaces: [namespace], literals }
      return { kind: 'selector', peer: toPeer(single, '') }
    }),
  )
}

/** Returns the ports of a rule as ranges; `edited` is called for a named port that nobody can resolve. */
export function portRanges(
  plan: Plan,
  ports: readonly RulePort[] | undefined,
  edited: () => void,
): readonly PortRange[] {
  if (ports === undefined || ports.length === 0) {
    return portProtocols.map((protocol) => ({ protocol, first: 1, last: maxPort }))
  }
  return ports.flatMap((item): readonly PortRange[] => {
    if (item.icmp !== undefined) return []
    const protocol = item.protocol ?? 'TCP'
    if (item.port === undefined) return [{ protocol, first: 1, last: maxPort }]
    if (typeof item.port === 'number') {
      return [{ protocol, first: item.port, last: item.endPort ?? item.port }]
    }
    const { inventory } = plan.options
    const numbers = new Set(
      [...(inventory?.pods ?? []), ...(inventory?.workloads ?? [])]
        .flatMap((one) => one.ports)
        .filter((one) => one.name === item.port && one.protocol === protocol)
        .map((one) => one.port),
    )
    if (numbers.size === 0) edited()
    return [...numbers].sort((a, b) => a - b).map((port) => ({ protocol, first: port, last: port }))
  })
}

function reportEdited(located: LocatedPolicy<NetworkPolicy>, findings: Finding[]): void {
  findings.push({
    code: 'MANAGED_EDITED',
    severity: 'action',
    subject: fullName(located.policy),
    message:
      'is managed by netweir and was edited by hand to use a named port whose number is not known: that rule is not carried over',
    hint: 'give an inventory with --inventory, or move the rule to a policy without the managed-by label',
  })
}

/** Returns a kind of requests in words. */
export function describeRequest(request: PolicyRequest): string {
  if ('dns' in request) return request.dns.matchName ?? request.dns.matchPattern ?? ''
  const { method = 'any method', path = 'any path' } = request.http
  return `${method} ${path}`
}

/** Returns a peer in words: `shop/app=web`, a prefix, `everyone`. */
export function describePeer(peer: GrantPeer): string {
  if (peer.kind === 'everyone') return 'everyone'
  if (peer.kind === 'block') return peer.cidr
  if (isSpecialGrant(peer)) return describeSpecial(peer)
  if (peer.kind !== 'selector') return ''
  if (peer.peer.ipBlock !== undefined) return peer.peer.ipBlock.cidr
  const cube = fromPeer(peer.peer, '')
  if (cube === undefined) return JSON.stringify(peer.peer)
  const literals = cube.literals.map((literal) =>
    literal.values.length > 0
      ? `${literal.key}=${literal.values.join('|')}`
      : `${literal.op} ${literal.key}`,
  )
  const namespaces = cube.namespaces.filter((namespace) => namespace !== '').join('|')
  return `${namespaces === '' ? '' : `${namespaces}/`}${literals.join(',') || '*'}`
}

function fullName(policy: NetworkPolicy): string {
  return `${policy.metadata.namespace}/${policy.metadata.name}`
}
