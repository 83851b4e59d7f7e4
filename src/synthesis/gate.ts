/**
 * The gate: nothing is written before the policies have been replayed. Two evaluators that share no code judge what was
 * learned; and what the policies allow over known classes, all addresses and nodes must equal what the synthesis
 * declares: learned, widened on purpose, retained.
 */
import { NetweirError } from '../errors.ts'
import { formatAddress, parsePrefix } from '../ip.ts'
import { labelTexts, namespaceNameLabel, toLabels } from '../labels.ts'
import { specsOf } from '../policy/cilium-policy.ts'
import type { Evaluator } from '../policy/evaluate.ts'
import { createEvaluator } from '../policy/evaluate.ts'
import { unjudgedPart } from '../policy/lower-cilium.ts'
import type { KnownEntity } from '../policy/mixed-ends.ts'
import type { Policy, PolicyEndpoint, PolicyPod, PolicyService } from '../policy/network-policy.ts'
import type { Universe } from '../policy/universe.ts'
import { layOutUniverse } from '../policy/universe.ts'
import { addressMarks, identityLabels } from '../traffic/edge-ends.ts'
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import { blockOf, declare } from './declared.ts'
import { checkRequests, narrowsRequests, refusedRequest } from './gate-requests.ts'
import { anyEntity, compareAllowed } from './gate-rows.ts'
import { checkReasons } from './grant-reasons.ts'
import type { ObligedEnd } from './obligations.ts'
import { areClasses, obligationsOf } from './obligations.ts'
import type { GeneratedPolicy, Synthesis } from './synthesis.ts'

/** How much the gate has checked: figures for the summary, and for tests that it did work. */
export interface GateReport {
  /** Learned or opened edges that were replayed, each over every class of both ends, by both evaluators. */
  readonly edges: number
  /** Points (source, destination, range of ports that nothing tells apart) that the exact engine compared. */
  readonly points: number
  /** Points among them that the naive evaluator judged too: all of them where they are few. */
  readonly sampled: number
}

/**
 * Proves a synthesis, or throws.
 * @throws {NetweirError} `GATE_FAILED` with the first edge that would be denied, or the first point that is allowed
 * although nothing declares it.
 */
export function prove(traffic: Traffic, synthesis: Synthesis): GateReport {
  checkReasons(traffic, synthesis)
  const judged = synthesis.policies.filter((one) => one.carried !== true)
  const options = { cluster: traffic.cluster }
  const evaluator = createEvaluator(policiesOf(judged), options)
  // What is taken over unchanged adds what it allows, and isolates, too: nothing learned may fail because of it.
  const inForce = policiesOf(synthesis.policies).filter(isOurKind)
  const whole = createEvaluator(inForce, options)
  const universe = universeOf(traffic, synthesis, judged)
  const pods = podsOf(universe)
  const obligations = obligationsOf(traffic, synthesis)
  checkRequests(synthesis, judged)
  const judge: Judge = { evaluator, isNarrowed: narrowsRequests(policiesOf(judged)) }
  const wholeJudge: Judge = {
    evaluator: whole,
    isNarrowed: narrowsRequests(policiesOf(synthesis.policies)),
  }
  const endpoints = rememberEndpoints(pods)
  for (const { edge, from, to } of obligations) {
    const destinations = endpoints(to)
    for (const source of endpoints(from)) {
      for (const destination of destinations) {
        replay(edge, source, destination, judge)
        if (judged.length < synthesis.policies.length) {
          replay(edge, source, destination, wholeJudge)
        }
      }
    }
  }
  const compared = compareAllowed({
    policies: policiesOf(judged),
    declared: declare(traffic, synthesis, universe),
    universe,
    evaluator,
    obligations,
  })
  return { edges: obligations.length, ...compared }
}

function universeOf(
  traffic: Traffic,
  synthesis: Synthesis,
  judged: readonly GeneratedPolicy[],
): Universe {
  const ends: EdgeEnd[] = []
  for (const index of synthesis.obligations) {
    const edge = traffic.edges[index]
    if (edge !== undefined && edge.from.kind !== 'class') ends.push(edge.from)
    if (edge !== undefined && edge.to.kind !== 'class') ends.push(edge.to)
  }
  return layOutUniverse(policiesOf(judged), {
    pods: traffic.classes.map((known) => ({
      name: `${known.namespace}/{${labelTexts(known.labels).join(',')}}`,
      pod: {
        kind: 'pod',
        namespace: known.namespace,
        namespaceLabels: namespaceLabels(traffic, known.namespace),
        labels: known.labels,
      },
    })),
    blocks: synthesis.grants
      .filter(({ peer }) => peer.kind === 'block')
      .flatMap(({ peer }) => blockOf(peer)),
    // What is learned must be cut out of what is not, and no more: blocks tell the rest apart.
    learned: [...addressMarks(ends)].map(([address, { names, labels }]) => ({
      address,
      likeness: '',
      names,
      labels,
    })),
    entities: policiesOf(judged).every(({ kind }) => kind === 'NetworkPolicy')
      ? [anyEntity]
      : ends.flatMap((end) => knownEntity(end) ?? []),
    cluster: traffic.cluster,
  })
}

/** What somebody edited into a policy that denies, or that nobody can judge, is not ours to prove. */
function isOurKind(policy: Policy): boolean {
  if (policy.kind === 'NetworkPolicy') return true
  if (unjudgedPart(policy) !== undefined) return false
  const specs = specsOf(policy)
  return specs.every(({ ingressDeny, egressDeny }) => !(ingressDeny ?? egressDeny))
}

function policiesOf(judged: readonly GeneratedPolicy[]): readonly Policy[] {
  return judged.map((one) => one.policy)
}

function podsOf(universe: Universe): readonly PolicyPod[] {
  return universe.ends.flatMap((end) => (end.kind === 'pod' ? end.pod : []))
}

/** The classes of a group are one list, however many edges the group has. */
function rememberEndpoints(
  pods: readonly PolicyPod[],
): (end: ObligedEnd) => readonly PolicyEndpoint[] {
  const known = new Map<ObligedEnd, readonly PolicyEndpoint[]>()
  return (end) => {
    if (!areClasses(end)) return strangersOf(end)
    const before = known.get(end)
    if (before !== undefined) return before
    const endpoints = end.flatMap((id) => pods[id] ?? [])
    known.set(end, endpoints)
    return endpoints
  }
}

/** Who judges, and whether policies let just some requests through. */
interface Judge {
  readonly evaluator: Evaluator
  readonly isNarrowed: boolean
}

function replay(edge: Edge, from: PolicyEndpoint, to: PolicyEndpoint, judge: Judge): void {
  const { evaluator, isNarrowed } = judge
  const service = serviceOfEdge(edge)
  if (evaluator.allows(from, to, service)) {
    const refused = isNarrowed ? refusedRequest(edge, from, to, evaluator) : undefined
    if (refused !== undefined) throw deniedEdge(edge, from, to, `for the request ${refused}`)
    return
  }
  const { egress } = evaluator.evaluate(from, to, service)
  throw deniedEdge(edge, from, to, `on its ${egress.allowed ? 'ingress' : 'egress'} side`)
}

function strangersOf(end: Exclude<ObligedEnd, readonly number[]>): readonly PolicyEndpoint[] {
  switch (end.kind) {
    case 'address':
      return addressesOf(end.address).map((address) => ({
        kind: 'address',
        address,
        labels: end.labels,
        // No name is known to mean every address of a prefix.
        names: address === end.address ? end.names : [],
      }))
    case 'entity':
      return [{ kind: 'entity', entity: end.entity, labels: identityLabels(end) }]
    case 'remote':
      return [{ kind: 'entity', entity: 'remote-cluster', labels: identityLabels(end) }]
    case 'unresolved':
      return []
  }
}

function knownEntity(end: EdgeEnd): KnownEntity | undefined {
  if (end.kind === 'entity') return { name: end.entity, labels: identityLabels(end) }
  if (end.kind !== 'remote') return undefined
  const labels = identityLabels(end)
  return { name: 'remote-cluster', labels, text: labels.join(' ') }
}

function serviceOfEdge({ protocol, port }: Edge): PolicyService {
  return protocol === 'ICMPv4' || protocol === 'ICMPv6'
    ? { icmp: { family: protocol === 'ICMPv4' ? 'IPv4' : 'IPv6', type: port } }
    : { protocol, port }
}

function addressesOf(text: string): readonly string[] {
  const prefix = parsePrefix(text)
  if (prefix === undefined) return [text]
  const last = prefix.value | ((1n << BigInt(prefix.width - prefix.length)) - 1n)
  return [formatAddress(prefix), formatAddress({ width: prefix.width, value: last })]
}

function namespaceLabels(traffic: Traffic, namespace: string): Readonly<Record<string, string>> {
  return Object.hasOwn(traffic.namespaces, namespace)
    ? (traffic.namespaces[namespace] ?? {})
    : toLabels([[namespaceNameLabel, namespace]])
}

function deniedEdge(
  edge: Edge,
  from: PolicyEndpoint,
  to: PolicyEndpoint,
  part: string,
): NetweirError {
  return new NetweirError(
    'GATE_FAILED',
    `the policies would deny a learned edge ${part}: ${describe(from)} -> ${describe(to)} ${edge.port}/${edge.protocol}`,
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
