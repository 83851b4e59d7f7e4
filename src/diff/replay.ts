/** Replays recorded edges through the naive evaluator: what each side decides, and by which policies. */
import type { Address, Width } from '../ip.ts'
import { formatAddress, parsePrefix } from '../ip.ts'
import type { PolicyEndpoint, PolicyPod, PolicyService } from '../policy/network-policy.ts'
import { identityLabels } from '../traffic/edge-ends.ts'
import { isObserved, isPassedIcmp } from '../traffic/observed-outcomes.ts'
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import type { PolicyBook, TracedSide } from './policy-book.ts'
import type { Direction } from './verify-report.ts'

/** What became of one edge. */
export interface Replayed {
  readonly edge: Edge
  /** `unjudged` where nobody knows the labels of an end. */
  readonly judgement: 'covered' | 'denied' | 'unjudged'
  /** Sides that deny, with the ends for which they do. */
  readonly denials: readonly Denial[]
  /** Rules that match the edge, whether or not it passes: `entry direction rule` by position, each once. */
  readonly matches: readonly RuleMatch[]
}

/** One side that denies an edge. */
export interface Denial {
  readonly side: TracedSide
  readonly from: PolicyEndpoint
  readonly to: PolicyEndpoint
}

/** A rule that matches an edge. */
export interface RuleMatch {
  readonly entry: number
  readonly direction: Direction
  readonly rule: number
}

/** Outcomes of traffic that passed to or from a pod whose labels nobody knows. */
const unjudgedOutcomes: ReadonlySet<Edge['outcome']> = new Set<Edge['outcome']>([
  'unresolved',
  'service-address',
])

/**
 * Returns what the policies of a book make of each edge that they have to let through; `pods` are those of the classes,
 * by position. A folded prefix is covered when every address of it is.
 */
export function replayEdges(
  traffic: Traffic,
  book: PolicyBook,
  pods: readonly PolicyPod[],
): readonly Replayed[] {
  const endpointsOf = createEndpoints(book, pods)
  const withIcmp = judgesIcmp(book)
  return traffic.edges.flatMap((edge): readonly Replayed[] => {
    const { outcome } = edge
    if (!isReplayed(edge, withIcmp)) return []
    if (unjudgedOutcomes.has(outcome)) return [unjudged(edge)]
    const froms = endpointsOf(edge.from)
    const tos = endpointsOf(edge.to)
    if (froms.length === 0 || tos.length === 0) return [unjudged(edge)]
    return [replay(edge, serviceOf(edge), froms, tos, book)]
  })
}

/** Tells whether an edge is one that {@link replayEdges} takes up. */
export function isReplayed(edge: Edge, withIcmp: boolean): boolean {
  const { outcome, protocol } = edge
  if (!isPortProtocol(protocol)) return withIcmp && isPassedIcmp(edge)
  return isObserved(outcome) || unjudgedOutcomes.has(outcome)
}

/** Tells whether the policies of a book have a say in ICMP that was meant: NetworkPolicies alone never name it. */
export function judgesIcmp({ entries }: PolicyBook): boolean {
  return entries.some(({ policy }) => policy.kind !== 'NetworkPolicy')
}

/** Returns what an edge asks for. */
export function serviceOf({ protocol, port }: Pick<Edge, 'protocol' | 'port'>): PolicyService {
  return protocol === 'ICMPv4' || protocol === 'ICMPv6'
    ? { icmp: { family: protocol === 'ICMPv4' ? 'IPv4' : 'IPv6', type: port } }
    : { protocol, port }
}

/** Tells whether a connection comes from a node, which always reaches its own pods. */
export function isFromOwnNode(from: PolicyEndpoint): boolean {
  return from.kind === 'entity' && from.entity === 'host'
}

/** Returns the end of an edge that has no labels of a pod as the evaluator takes it; nothing for other ends. */
function strangerOf(end: EdgeEnd): PolicyEndpoint | undefined {
  switch (end.kind) {
    case 'address':
      return { kind: 'address', address: end.address, names: end.names, labels: end.labels }
    case 'entity':
      return { kind: 'entity', entity: end.entity, labels: identityLabels(end) }
    case 'remote':
      return { kind: 'entity', entity: 'remote-cluster', labels: identityLabels(end) }
    default:
      return undefined
  }
}

function unjudged(edge: Edge): Replayed {
  return { edge, judgement: 'unjudged', denials: [], matches: [] }
}

function replay(
  edge: Edge,
  service: PolicyService,
  froms: readonly PolicyEndpoint[],
  tos: readonly PolicyEndpoint[],
  book: PolicyBook,
): Replayed {
  const denials = new Map<Direction, Denial>()
  const matches = new Map<string, RuleMatch>()
  // Two pods of one class are two pods: an object of its own keeps them apart.
  const pairs = froms.flatMap((from) =>
    tos.map((to) => ({ from, to: to === from ? { ...to } : to })),
  )
  for (const { from, to } of pairs) {
    for (const side of book.decide(from, to, service)) {
      const { direction } = side
      for (const match of side.allowedBy) {
        matches.set(`${match.entry} ${direction} ${match.rule}`, { ...match, direction })
      }
      if (!denials.has(direction) && denies(side, from)) denials.set(direction, { side, from, to })
    }
  }
  return {
    edge,
    judgement: denials.size === 0 ? 'covered' : 'denied',
    denials: [...denials.values()],
    matches: [...matches.values()],
  }
}

function denies({ allowed, direction }: TracedSide, from: PolicyEndpoint): boolean {
  return !(allowed || (direction === 'ingress' && isFromOwnNode(from)))
}

function createEndpoints(
  book: PolicyBook,
  pods: readonly PolicyPod[],
): (end: EdgeEnd) => readonly PolicyEndpoint[] {
  const bounds = blockBounds(book)
  const strangers = new Map<string, readonly PolicyEndpoint[]>()
  return (end) => {
    if (end.kind === 'class')
      return pods[end.class] === undefined ? [] : pods.slice(end.class, end.class + 1)
    const key = JSON.stringify(end)
    const known = strangers.get(key)
    if (known !== undefined) return known
    const stranger = strangerOf(end)
    const made =
      stranger?.kind === 'address'
        ? pointsOf(stranger.address, bounds).map(
            (address): PolicyEndpoint => ({
              ...stranger,
              address,
              // A folded prefix stands for many addresses, of which no name is known to mean all.
              ...(address === stranger.address ? {} : { names: [] }),
            }),
          )
        : stranger === undefined
          ? []
          : [stranger]
    strangers.set(key, made)
    return made
  }
}

/** Where address blocks and their exceptions begin and end: between two bounds no rule tells addresses apart. */
function blockBounds({ entries }: PolicyBook): readonly Address[] {
  const texts = entries.flatMap(({ rules }) =>
    rules.flatMap(({ peers }) =>
      peers.flatMap(({ ipBlock }) =>
        ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])],
      ),
    ),
  )
  return [...new Set(texts)].flatMap((text) => {
    const prefix = parsePrefix(text)
    if (prefix === undefined) return []
    const { width, value } = prefix
    return [
      { width, value },
      { width, value: endOf(prefix) },
    ]
  })
}

/** Returns an address itself; of a prefix, one address of each part that rules could tell apart. */
function pointsOf(text: string, bounds: readonly Address[]): readonly string[] {
  const prefix = parsePrefix(text)
  if (prefix === undefined) return [text]
  const inside = bounds.filter(
    ({ width, value }) => width === prefix.width && value > prefix.value && value < endOf(prefix),
  )
  return [...new Set([prefix, ...inside].map(formatAddress))]
}

function endOf(prefix: { width: Width; value: bigint; length: number }): bigint {
  return prefix.value + (1n << BigInt(prefix.width - prefix.length))
}

function isPortProtocol(protocol: string): boolean {
  return protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP'
}
