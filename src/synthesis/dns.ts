/** DNS: a group whose egress is isolated cannot resolve a name unless the resolvers are let through. */

import { formatPrefix } from '../ip.ts'
import { namespaceNameLabel } from '../labels.ts'
import { isResolver } from '../policy/label-keys.ts'
import type { Edge } from '../traffic/traffic.ts'
import type { Contribution } from './edge-grants.ts'
import { isObligation } from './edge-grants.ts'
import { asPrefix } from './outside.ts'
import type { Plan } from './plan.ts'
import { describeEnd, groupOfEnd } from './plan.ts'
import { knowsCilium, specialPeersOf } from './special-grants.ts'
import type { Finding, Grant, GrantPeer, Group, Widening } from './synthesis.ts'

/** Something that answers DNS queries. */
interface Resolver {
  readonly peer: GrantPeer
  readonly ports: readonly number[]
  readonly text: string
  /** The group, when the resolver is one. */
  readonly group?: number
}

const nothing: Contribution = { grants: [], widenings: [], findings: [] }

/** Every pod of every namespace. */
const everyPod: GrantPeer = { kind: 'selector', peer: { namespaceSelector: {} } }

/**
 * Returns the grants that let every subject (`dns: 'all'`), or those that were seen to ask (`'observed'`), reach the
 * resolvers over UDP and TCP, and the resolvers be reached where they are subjects themselves.
 */
export function grantDns(plan: Plan): Contribution {
  const mode = plan.options.dns ?? 'all'
  if (mode === 'none' || plan.subjects.size === 0) return nothing
  const { resolvers, assumed } = findResolvers(plan)
  const askers = mode === 'all' ? [...plan.subjects] : askingSubjects(plan)
  const pairs = askers
    .toSorted((a, b) => a - b)
    .flatMap((id) => plan.groups[id] ?? [])
    .flatMap((subject) => resolvers.map((resolver) => ({ subject, resolver })))
    .filter(({ subject, resolver }) => resolver.group !== subject.id)
  const answers = resolvers.map((resolver) => answerAll(plan, resolver))
  return {
    grants: [
      ...pairs.flatMap(({ subject, resolver }) =>
        bothProtocols(resolver, 'egress', subject.id, resolver.peer),
      ),
      ...answers.flatMap((answer) => answer.grants),
    ],
    widenings: [
      ...pairs.map(({ subject, resolver }) => widening(plan, subject, resolver)),
      ...answers.flatMap((answer) => answer.widenings),
    ],
    findings: assumed && askers.length > 0 ? [assumption(resolvers)] : [],
  }
}

/** A resolver that is a subject itself must go on answering every pod of the cluster, seen or not. */
function answerAll(plan: Plan, resolver: Resolver): Contribution {
  const subject = plan.groups[resolver.group ?? -1]
  if (subject === undefined || !plan.subjects.has(subject.id)) return nothing
  return {
    grants: bothProtocols(resolver, 'ingress', subject.id, everyPod),
    widenings: [
      {
        ...widening(plan, subject, resolver),
        direction: 'ingress',
        peer: 'every pod of the cluster',
        size: 'every pod that was not seen to ask',
        hint: 'leave its namespace out with -n, and it keeps the policies it has',
      },
    ],
    findings: [],
  }
}

function bothProtocols(
  resolver: Resolver,
  direction: 'ingress' | 'egress',
  subject: number,
  peer: GrantPeer,
): readonly Grant[] {
  return resolver.ports.flatMap((port) =>
    (['TCP', 'UDP'] as const).map((protocol) => ({
      direction,
      subject,
      peer,
      protocol,
      port,
      why: 'dns' as const,
    })),
  )
}

function widening(plan: Plan, subject: Group, resolver: Resolver): Widening {
  return {
    reason: 'dns',
    policy: plan.policyNames[subject.id] ?? '',
    direction: 'egress',
    subject: subject.name,
    peer: resolver.text,
    ports: resolver.ports.flatMap((port) => [`${port}/TCP`, `${port}/UDP`]),
    size: 'whatever of these queries was not seen',
    hint: 'grant DNS only where it was seen with --dns observed',
  }
}

function findResolvers(plan: Plan): { resolvers: readonly Resolver[]; assumed: boolean } {
  const found = new Map<string, { resolver: Resolver; ports: Set<number>; outside: boolean }>()
  for (const edge of plan.traffic.edges) {
    if (!isDnsEdge(plan, edge)) continue
    const resolver = resolverOf(plan, edge)
    if (resolver === undefined) continue
    const key = JSON.stringify(resolver.peer)
    const known = found.get(key)
    if (known !== undefined) known.ports.add(edge.port)
    else {
      const outside = resolver.peer.kind === 'block' && !isNodeLocal(edge)
      found.set(key, { resolver, ports: new Set([edge.port]), outside })
    }
  }
  const all = [...found.keys()].sort().flatMap((key) => found.get(key) ?? [])
  const inside = all.filter((one) => !one.outside)
  const used = inside.length > 0 ? inside : all
  if (used.length > 0) {
    return {
      resolvers: used.map(({ resolver, ports }) => ({
        ...resolver,
        ports: [...ports].sort((a, b) => a - b),
      })),
      assumed: false,
    }
  }
  return { resolvers: [knownResolver(plan) ?? assumedResolver], assumed: true }
}

/** A resolver outside the cluster that only a resolver inside asks is its upstream, and nobody else's business. */
function isDnsEdge(plan: Plan, edge: Edge): boolean {
  if (!isObligation(plan, edge) || (edge.protocol !== 'UDP' && edge.protocol !== 'TCP'))
    return false
  const server = groupOfEnd(plan, edge.to)
  if (server !== undefined) {
    // A marked resolver may listen elsewhere (1053, 5353); over TCP it serves metrics and health, too.
    return edge.port === 53 || (edge.protocol === 'UDP' && looksLikeResolver(plan, server))
  }
  const client = groupOfEnd(plan, edge.from)
  return edge.port === 53 && !(client !== undefined && looksLikeResolver(plan, client))
}

function looksLikeResolver(plan: Plan, group: Group): boolean {
  return group.classes.some((id) => {
    const labels = plan.traffic.classes[id]?.labels
    return labels !== undefined && isResolver(labels)
  })
}

function isNodeLocal(edge: Edge): boolean {
  return edge.to.kind === 'address' && edge.to.address.startsWith('169.254.')
}

function resolverOf(plan: Plan, edge: Edge): Resolver | undefined {
  const group = groupOfEnd(plan, edge.to)
  const text = describeEnd(plan, edge.to)
  if (group !== undefined) {
    const peer: GrantPeer =
      (plan.selectors[group.id]?.selectors.length ?? 0) > 0
        ? { kind: 'group', group: group.id }
        : { kind: 'namespace', namespace: group.namespace }
    return { peer, ports: [], text, group: group.id }
  }
  if (edge.to.kind === 'address') {
    const prefix = asPrefix(edge.to.address)
    if (prefix === undefined) return undefined
    return { peer: { kind: 'block', cidr: formatPrefix(prefix), except: [] }, ports: [], text }
  }
  if (edge.to.kind !== 'entity') return undefined
  const [special] = knowsCilium(plan.options) ? specialPeersOf(edge.to) : []
  return { peer: special ?? { kind: 'everyone' }, ports: [], text }
}

function knownResolver(plan: Plan): Resolver | undefined {
  const group = plan.groups.find(
    (one) => looksLikeResolver(plan, one) && (plan.selectors[one.id]?.selectors.length ?? 0) > 0,
  )
  return group === undefined
    ? undefined
    : { peer: { kind: 'group', group: group.id }, ports: [53], text: group.name, group: group.id }
}

const assumedResolver: Resolver = {
  peer: {
    kind: 'selector',
    peer: {
      namespaceSelector: { matchLabels: { [namespaceNameLabel]: 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  },
  ports: [53],
  text: 'kube-system pods labelled k8s-app=kube-dns',
}

function askingSubjects(plan: Plan): readonly number[] {
  const asking = new Set<number>()
  for (const edge of plan.traffic.edges) {
    const client = groupOfEnd(plan, edge.from)
    if (client !== undefined && plan.subjects.has(client.id) && isDnsEdge(plan, edge)) {
      asking.add(client.id)
    }
  }
  return [...asking]
}

function assumption(resolvers: readonly Resolver[]): Finding {
  return {
    code: 'DNS_ASSUMED',
    severity: 'action',
    subject: resolvers.map((resolver) => resolver.text).join(', '),
    message: 'is taken for the resolver, since no DNS traffic was seen',
    hint: 'record for longer, or leave DNS out with --dns none',
  }
}
