/** From edges to grants: what each learned edge needs on either side, and what NetworkPolicy cannot say of it. */
import { NetweirError } from '../errors.ts'
import { isObserved, isPassedIcmp } from '../traffic/observed-outcomes.ts'
import type { Edge, EdgeEnd } from '../traffic/traffic.ts'
import type { Plan } from './plan.ts'
import { describeEdge, describeEnd, groupOfEnd } from './plan.ts'
import { describeSpecial, knowsCilium, specialPeersOf } from './special-grants.ts'
import type { Finding, Grant, GrantPeer, Group, Widening } from './synthesis.ts'

/** What a step of the synthesis contributes. */
export interface Contribution {
  readonly grants: readonly Grant[]
  readonly widenings: readonly Widening[]
  readonly findings: readonly Finding[]
}

/** Evidence that a subject exchanged traffic with an address outside. */
export interface OutsideUse {
  readonly direction: 'ingress' | 'egress'
  readonly subject: number
  /** An address or a folded prefix. */
  readonly address: string
  readonly names: readonly string[]
  /** `kube-apiserver`, or nothing. */
  readonly labels: readonly string[]
  readonly protocol: Edge['protocol']
  readonly port: number
}

/** Tells whether an edge must be allowed by what is emitted, under the options of the plan. */
export function isObligation(plan: Plan, edge: Edge): boolean {
  if (!isWanted(plan, edge)) return false
  if (edge.outcome === 'learned') return true
  if (knowsCilium(plan.options)) return !isFreeHostEdge(plan, edge)
  if (plan.options.onInexpressible === 'block') return false
  return !isFreeHostEdge(plan, edge)
}

/** Tells whether an edge was seen to pass, and is of a protocol that the target can name. */
function isWanted({ options }: Plan, edge: Edge): boolean {
  if (isPortProtocol(edge.protocol)) return isObserved(edge.outcome)
  return knowsCilium(options) && isPassedIcmp(edge) && isNameable(edge.from) && isNameable(edge.to)
}

function isNameable(end: EdgeEnd): boolean {
  return end.kind === 'class' || end.kind === 'address' || specialPeersOf(end).length > 0
}

/** An edge as one of its two subjects sees it. */
interface Use {
  readonly edge: Edge
  readonly direction: 'ingress' | 'egress'
  readonly subject: Group
  readonly protocol: Edge['protocol']
  /** The other end. */
  readonly end: EdgeEnd
}

/**
 * Returns the grants that the edges call for between groups and to nameless ends, and the uses of outside addresses,
 * which need the whole picture of a subject before they become blocks.
 * @throws {NetweirError} `INEXPRESSIBLE` under `onInexpressible: 'fail'`.
 */
export function grantEdges(plan: Plan): Contribution & { readonly outside: readonly OutsideUse[] } {
  const grants: Grant[] = []
  const widenings: Widening[] = []
  const outside: OutsideUse[] = []
  const strangers: Use[] = []
  // One object stands for a group as a peer, wherever it is one.
  const peers = plan.groups.map(({ id }): GrantPeer => ({ kind: 'group', group: id }))
  forEachUse(plan, (edge, direction, own) => {
    const { protocol, port } = edge
    const subject = own.id
    const end = peerEnd(edge, direction)
    const group = groupOfEnd(plan, end)
    const peer = group === undefined ? undefined : peers[group.id]
    if (group === undefined || peer === undefined) {
      if (end.kind !== 'address') strangers.push({ edge, direction, subject: own, protocol, end })
      else
        outside.push({
          direction,
          subject,
          protocol,
          port,
          address: end.address,
          names: end.names,
          labels: end.labels,
        })
    } else if ((plan.selectors[group.id]?.selectors.length ?? 0) > 0) {
      grants.push({ direction, subject, protocol, port, peer, why: 'learned' })
    } else {
      const everyPod = { kind: 'namespace', namespace: group.namespace } as const
      grants.push({ direction, subject, protocol, port, peer: everyPod, why: 'namespace-peer' })
      const use = { edge, direction, subject: own, protocol, end }
      widenings.push(namespacePeer(plan, use, group))
    }
  })
  const isFree = (use: Use): boolean => isFreeHostEdge(plan, use.edge)
  const bound = strangers.filter((use) => !isFree(use))
  const opened = knowsCilium(plan.options) ? nameStrangers(plan, bound) : openPorts(plan, bound)
  return {
    grants: [...grants, ...opened.grants],
    widenings: [...widenings, ...opened.widenings],
    findings: [...reportHost(plan, strangers.filter(isFree)), ...opened.findings],
    outside,
  }
}

const directions = ['egress', 'ingress'] as const

/** Shows every edge to each of its ends that is a subject. */
function forEachUse(
  plan: Plan,
  see: (edge: Edge, direction: 'ingress' | 'egress', subject: Group) => void,
): void {
  for (const edge of plan.traffic.edges) {
    if (!isWanted(plan, edge)) continue
    for (const direction of directions) {
      const subject = groupOfEnd(plan, direction === 'egress' ? edge.from : edge.to)
      if (subject === undefined || !plan.subjects.has(subject.id)) continue
      see(edge, direction, subject)
    }
  }
}

/** Where the target has words for them, ends that are no pods are peers like all others. */
function nameStrangers(plan: Plan, uses: readonly Use[]): Contribution {
  const grants: Grant[] = []
  const widenings: Widening[] = []
  for (const use of uses) {
    const { direction, subject, protocol, edge } = use
    const cell = { direction, subject: subject.id, protocol, port: edge.port }
    const [seen, ...others] = specialPeersOf(use.end)
    if (seen === undefined) continue
    grants.push({ ...cell, peer: seen, why: 'learned' })
    for (const peer of others) {
      grants.push({ ...cell, peer, why: 'node-pair' })
      widenings.push(nodePair(plan, use, describeSpecial(peer)))
    }
  }
  return { grants, widenings, findings: [] }
}

function nodePair(plan: Plan, { direction, subject, protocol, edge }: Use, peer: string): Widening {
  return {
    reason: 'node-pair',
    policy: plan.policyNames[subject.id] ?? '',
    direction,
    subject: subject.name,
    peer,
    ports: [`${edge.port}/${protocol}`],
    size: 'the same client or server, should it or the pod move to another node',
    hint: 'nothing needs to be done: which node is the local one depends on where the pod runs',
  }
}

function openPorts(plan: Plan, uses: readonly Use[]): Contribution {
  const mode = plan.options.onInexpressible ?? 'port'
  const edges = [...new Set(uses.map(({ edge }) => describeEdge(plan, edge)))]
  if (mode === 'fail' && edges.length > 0) {
    throw new NetweirError(
      'INEXPRESSIBLE',
      `${edges.length === 1 ? 'an edge that was seen' : `${edges.length} edges that were seen`} cannot be named by a NetworkPolicy: ${edges.slice(0, 3).join('; ')}`,
      {
        hint: 'open just their ports with --on-inexpressible port, or leave them closed with --on-inexpressible block',
      },
    )
  }
  const openings = [...groupOpenings(uses).values()]
  const findings = openings.map((same) => inexpressible(plan, same, mode))
  if (mode === 'block') return { grants: [], widenings: [], findings }
  return {
    grants: uses.map(({ direction, subject, protocol, edge: { port } }) => ({
      direction,
      subject: subject.id,
      peer: { kind: 'everyone' },
      protocol,
      port,
      why: 'inexpressible',
    })),
    widenings: openings.flatMap((same) => openedPort(plan, same)),
    findings,
  }
}

/** Uses of one port of one subject in one direction are one opening, whoever is at the other end. */
function groupOpenings(uses: readonly Use[]): ReadonlyMap<string, readonly Use[]> {
  const openings = new Map<string, Use[]>()
  for (const use of uses) {
    const key = `${use.subject.id} ${use.direction} ${use.edge.port}/${use.protocol}`
    const same = openings.get(key)
    if (same === undefined) openings.set(key, [use])
    else same.push(use)
  }
  return openings
}

function inexpressible(plan: Plan, uses: readonly Use[], mode: 'port' | 'block' | 'fail'): Finding {
  const [first] = uses
  const peers = peersOf(plan, uses)
  const port = `${first?.edge.port}/${first?.protocol}`
  const subject = first?.subject.name ?? ''
  const way = first?.direction === 'egress' ? 'reach' : 'be reached by'
  const flows = uses.reduce((sum, { edge }) => sum + edge.evidence.flows, 0)
  const seen = flows === 1 ? '1 flow was seen' : `${flows} flows were seen`
  return {
    code: 'INEXPRESSIBLE',
    severity: 'action',
    subject:
      first?.direction === 'egress'
        ? `${subject} -> ${peers} ${port}`
        : `${peers} -> ${subject} ${port}`,
    message:
      mode === 'block'
        ? `a NetworkPolicy has no word for ${peers}: this will be blocked (${seen})`
        : `a NetworkPolicy has no word for ${peers}: ${subject} may ${way} everyone on ${port} (${seen})`,
    hint: tighterWay(uses),
  }
}

function openedPort(plan: Plan, uses: readonly Use[]): readonly Widening[] {
  const [first] = uses
  if (first === undefined) return []
  return [
    {
      reason: 'inexpressible',
      policy: plan.policyNames[first.subject.id] ?? '',
      direction: first.direction,
      subject: first.subject.name,
      peer: 'everyone',
      ports: [`${first.edge.port}/${first.protocol}`],
      size: `any pod, node or address, for the sake of ${peersOf(plan, uses)}`,
      hint: tighterWay(uses),
    },
  ]
}

function peersOf(plan: Plan, uses: readonly Use[]): string {
  return [...new Set(uses.map(({ end }) => describeEnd(plan, end)))].sort().join(', ')
}

/**
 * Tells whether an edge from the host needs no rule: the node may always reach its own pods on ports that kubelet
 * probes, and without an inventory nothing says that the host is anything but kubelet (DESIGN: section 5).
 */
function isFreeHostEdge(plan: Plan, edge: Edge): boolean {
  if (edge.from.kind !== 'entity' || edge.from.entity !== 'host') return false
  // Cilium always lets the node itself in; another node has no business to ping a pod.
  if (!isPortProtocol(edge.protocol)) return true
  const { inventory } = plan.options
  if (inventory === undefined || !(inventory.has.pods || inventory.has.workloads)) return true
  const group = groupOfEnd(plan, edge.to)
  if (group === undefined) return true
  const pods = new Set(
    group.classes.flatMap((id) => plan.traffic.classes[id]?.pods.map((pod) => pod.name) ?? []),
  )
  const probed = (one: {
    namespace: string
    name: string
    probePorts: readonly number[]
  }): boolean => one.namespace === group.namespace && one.probePorts.includes(edge.port)
  return (
    inventory.pods.some((pod) => pods.has(pod.name) && probed(pod)) ||
    inventory.workloads.some(
      (workload) =>
        probed(workload) &&
        group.workloads.some((ref) => ref.kind === workload.kind && ref.name === workload.name),
    )
  )
}

function reportHost(plan: Plan, uses: readonly Use[]): readonly Finding[] {
  const { inventory } = plan.options
  if (inventory?.has.pods === true || inventory?.has.workloads === true) return []
  return uses.map(({ edge }) => ({
    code: 'HOST_INGRESS',
    severity: 'info',
    subject: describeEdge(plan, edge),
    message:
      'comes from the node itself, as kubelet probes do, which needs no rule; a hostNetwork client that may move to another node would',
    hint: 'give an inventory with --inventory, so that probe ports are known',
  }))
}

function namespacePeer(plan: Plan, use: Use, peer: Group): Widening {
  return {
    reason: 'namespace-peer',
    policy: plan.policyNames[use.subject.id] ?? '',
    direction: use.direction,
    subject: use.subject.name,
    peer: `every pod of namespace ${peer.namespace}`,
    ports: [`${use.edge.port}/${use.protocol}`],
    size: `every pod of namespace ${peer.namespace}`,
    hint: `label ${peer.name}: no usable label tells it from other pods`,
  }
}

function tighterWay(uses: readonly Use[]): string {
  return uses.every(({ end }) => end.kind === 'remote')
    ? 'close it with --on-inexpressible block; a policy kind that names clusters (CiliumNetworkPolicy) can say it exactly'
    : 'close it with --on-inexpressible block; a policy kind that names nodes and the API server (CiliumNetworkPolicy entities) can say it exactly'
}

function peerEnd(edge: Edge, direction: 'ingress' | 'egress'): EdgeEnd {
  return direction === 'egress' ? edge.to : edge.from
}

function isPortProtocol(protocol: string): boolean {
  return protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP'
}
