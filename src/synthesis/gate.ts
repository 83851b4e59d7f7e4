/**
 * The gate: nothing is written before the policies have been replayed. What they allow between known classes is compared,
 * through an evaluator that shares no code with their making, with what was learned, widened on purpose and retained.
 */
import { NetweirError } from '../errors.ts'
import { formatAddress, parsePrefix } from '../ip.ts'
import { labelTexts, toLabels } from '../labels.ts'
import type { Evaluator } from '../policy/evaluate.ts'
import { createEvaluator } from '../policy/evaluate.ts'
import type { PolicyEndpoint, PolicyPod, PortProtocol } from '../policy/network-policy.ts'
import { selectorMatches } from '../policy/selector.ts'
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import { checkReasons } from './grant-reasons.ts'
import type { Grant, Synthesis } from './synthesis.ts'

/** How much the gate has checked: figures for the summary, and for tests that it did work. */
export interface GateReport {
  /** Learned or opened edges that were replayed, each over every class of both ends. */
  readonly edges: number
  /** Points (source class, destination class, protocol, port) that were compared. */
  readonly points: number
}

/**
 * Proves a synthesis, or throws.
 * @throws {NetweirError} `GATE_FAILED` with the first edge that would be denied, or the first point that is allowed
 * although nothing declares it.
 */
export function prove(traffic: Traffic, synthesis: Synthesis): GateReport {
  const judged = synthesis.policies.filter((one) => one.carried !== true)
  const evaluator = createEvaluator(judged.map((one) => one.policy))
  const pods = traffic.classes.map(
    (known): PolicyPod => ({
      kind: 'pod',
      namespace: known.namespace,
      namespaceLabels: namespaceLabels(traffic, known.namespace),
      labels: known.labels,
    }),
  )
  checkReasons(traffic, synthesis)
  const edges = replayEdges(traffic, synthesis, evaluator, pods)
  const denied = new Set(
    judged.filter((one) => one.role === 'default-deny').map((one) => one.policy.metadata.namespace),
  )
  const points = comparePoints(traffic, synthesis, evaluator, pods, denied)
  return { edges, points }
}

function replayEdges(
  traffic: Traffic,
  synthesis: Synthesis,
  evaluator: Evaluator,
  pods: readonly PolicyPod[],
): number {
  const groupOf = new Map(
    synthesis.groups.flatMap((group) => group.classes.map((id) => [id, group] as const)),
  )
  const endpoints = (end: EdgeEnd): readonly PolicyEndpoint[] =>
    end.kind === 'class'
      ? (groupOf.get(end.class)?.classes ?? [end.class]).flatMap((id) => pods[id] ?? [])
      : strangersOf(end)
  for (const index of synthesis.obligations) {
    const edge = traffic.edges[index]
    if (edge === undefined) continue
    const pairs = endpoints(edge.from).flatMap((from) =>
      endpoints(edge.to).map((to) => ({ from, to: from === to ? { ...to } : to })),
    )
    for (const { from, to } of pairs) replay(edge, from, to, evaluator)
  }
  return synthesis.obligations.length
}

function replay(edge: Edge, from: PolicyEndpoint, to: PolicyEndpoint, evaluator: Evaluator): void {
  const { protocol, port } = edge
  if (protocol === 'ICMPv4' || protocol === 'ICMPv6') return
  const decision = evaluator.evaluate(from, to, { protocol, port })
  if (!decision.allowed) throw deniedEdge(edge, from, to, decision.egress.allowed)
}

function strangersOf(end: EdgeEnd): readonly PolicyEndpoint[] {
  switch (end.kind) {
    case 'address':
      return addressesOf(end.address).map((address) => ({ kind: 'address', address }))
    case 'entity':
      return [{ kind: 'entity', entity: end.entity, labels: end.labels }]
    case 'remote':
      return [{ kind: 'entity', entity: 'remote-cluster', labels: labelTexts(end.labels) }]
    default:
      return []
  }
}

function addressesOf(text: string): readonly string[] {
  const prefix = parsePrefix(text)
  if (prefix === undefined) return [text]
  const last = prefix.value | ((1n << BigInt(prefix.width - prefix.length)) - 1n)
  return [formatAddress(prefix), formatAddress({ width: prefix.width, value: last })]
}

function comparePoints(
  traffic: Traffic,
  synthesis: Synthesis,
  evaluator: Evaluator,
  pods: readonly PolicyPod[],
  denied: ReadonlySet<string>,
): number {
  const sides = declaredSides(traffic, synthesis, denied)
  let points = 0
  for (const [from, source] of pods.entries()) {
    for (const [to, pod] of pods.entries()) {
      // Two pods of one class are two pods: an object of its own keeps the evaluator from seeing one.
      const destination = from === to ? { ...pod } : pod
      for (const service of servicesToCheck(sides.egress[from], sides.ingress[to])) {
        const isDeclared =
          declares(sides.egress[from], to, service) && declares(sides.ingress[to], from, service)
        const { allowed } = evaluator.evaluate(source, destination, service)
        points += 1
        if (allowed !== isDeclared) throw undeclaredPoint(source, destination, service, allowed)
      }
    }
  }
  return points
}

/** What the grants say of one class in one direction. */
interface DeclaredSide {
  readonly isolated: boolean
  readonly grants: readonly {
    readonly grant: Grant
    readonly reaches: ReadonlySet<number> | undefined
  }[]
  readonly services: readonly PortService[]
}

/** A protocol and a port. */
type PortService = { readonly protocol: PortProtocol; readonly port: number }

function declaredSides(
  traffic: Traffic,
  synthesis: Synthesis,
  denied: ReadonlySet<string>,
): { egress: readonly DeclaredSide[]; ingress: readonly DeclaredSide[] } {
  const bySubject = new Map<string, Grant[]>()
  for (const grant of synthesis.grants) {
    const key = `${grant.direction} ${grant.subject}`
    const list = bySubject.get(key)
    if (list === undefined) bySubject.set(key, [grant])
    else list.push(grant)
  }
  const selecting = traffic.classes.map((): number[] => [])
  for (const subject of synthesis.subjects) {
    for (const id of synthesis.selected[subject] ?? []) selecting[id]?.push(subject)
  }
  const reach = new Map<string, ReadonlySet<number> | undefined>()
  const side = (direction: 'ingress' | 'egress', id: number): DeclaredSide => {
    const subjects = selecting[id] ?? []
    const grants = subjects
      .flatMap((subject) => bySubject.get(`${direction} ${subject}`) ?? [])
      .map((grant) => {
        const key = JSON.stringify([grant.peer, traffic.classes[id]?.namespace])
        if (!reach.has(key)) reach.set(key, reachedClasses(traffic, synthesis, grant, id))
        return { grant, reaches: reach.get(key) }
      })
    const services = new Map<string, PortService>()
    for (const { grant } of grants) {
      for (const port of [grant.port, grant.endPort ?? grant.port]) {
        services.set(`${grant.protocol} ${port}`, { protocol: grant.protocol, port })
      }
    }
    return {
      isolated: subjects.length > 0 || denied.has(traffic.classes[id]?.namespace ?? ''),
      grants,
      services: [...services.values()],
    }
  }
  return {
    egress: traffic.classes.map((known) => side('egress', known.id)),
    ingress: traffic.classes.map((known) => side('ingress', known.id)),
  }
}

/** Returns the classes that a peer reaches; undefined when it reaches everyone. */
function reachedClasses(
  traffic: Traffic,
  synthesis: Synthesis,
  grant: Grant,
  subjectClass: number,
): ReadonlySet<number> | undefined {
  const { peer } = grant
  switch (peer.kind) {
    case 'everyone':
      return undefined
    case 'block':
      return new Set()
    case 'group':
      return new Set(synthesis.selected[peer.group] ?? [])
    case 'namespace':
      return new Set(
        traffic.classes
          .filter((known) => known.namespace === peer.namespace)
          .map((known) => known.id),
      )
    case 'selector': {
      const own = traffic.classes[subjectClass]?.namespace
      const { podSelector, namespaceSelector } = peer.peer
      return new Set(
        traffic.classes
          .filter((known) =>
            namespaceSelector === undefined
              ? known.namespace === own
              : selectorMatches(namespaceSelector, namespaceLabels(traffic, known.namespace)),
          )
          .filter(
            (known) => podSelector === undefined || selectorMatches(podSelector, known.labels),
          )
          .map((known) => known.id),
      )
    }
  }
}

function declares(side: DeclaredSide | undefined, peer: number, service: PortService): boolean {
  if (side?.isolated !== true) return true
  return side.grants.some(
    ({ grant, reaches }) =>
      grant.protocol === service.protocol &&
      grant.port <= service.port &&
      service.port <= (grant.endPort ?? grant.port) &&
      (reaches === undefined || reaches.has(peer)),
  )
}

/** Every port that either side names, and one of each protocol that neither does; none where nothing is isolated. */
function servicesToCheck(
  out: DeclaredSide | undefined,
  into: DeclaredSide | undefined,
): readonly PortService[] {
  if (out === undefined || into === undefined || (!out.isolated && !into.isolated)) return []
  const services = new Map<string, PortService>()
  for (const service of [...out.services, ...into.services]) {
    services.set(`${service.protocol} ${service.port}`, service)
  }
  for (const protocol of ['TCP', 'UDP', 'SCTP'] as const) {
    let port = 1
    while (services.has(`${protocol} ${port}`)) port += 1
    services.set(`${protocol} ${port}`, { protocol, port })
  }
  return [...services.values()]
}

function namespaceLabels(traffic: Traffic, namespace: string): Readonly<Record<string, string>> {
  return Object.hasOwn(traffic.namespaces, namespace)
    ? (traffic.namespaces[namespace] ?? {})
    : toLabels([['kubernetes.io/metadata.name', namespace]])
}

function deniedEdge(
  edge: Edge,
  from: PolicyEndpoint,
  to: PolicyEndpoint,
  egressAllowed: boolean,
): NetweirError {
  const side = egressAllowed ? 'ingress' : 'egress'
  return new NetweirError(
    'GATE_FAILED',
    `the policies would deny a learned edge on its ${side} side: ${describe(from)} -> ${describe(to)} ${edge.port}/${edge.protocol}`,
    {
      hint: 'nothing was written; this is a defect of netweir, please report it with the communication set (netweir learn)',
    },
  )
}

function undeclaredPoint(
  from: PolicyPod,
  to: PolicyPod,
  service: PortService,
  allowed: boolean,
): NetweirError {
  const what = allowed ? 'allow what nothing declares' : 'deny what is declared'
  return new NetweirError(
    'GATE_FAILED',
    `the policies would ${what}: ${describe(from)} -> ${describe(to)} ${service.port}/${service.protocol}`,
    {
      hint: 'nothing was written; this is a defect of netweir, please report it with the communication set (netweir learn)',
    },
  )
}

function describe(endpoint: PolicyEndpoint): string {
  switch (endpoint.kind) {
    case 'pod':
      return `${endpoint.namespace}/{${labelTexts(endpoint.labels).join(',')}}`
    case 'address':
      return endpoint.address
    case 'entity':
      return endpoint.entity
  }
}
