/** Rules that nearly allow a connection, and what is in the way: the answer to "why not?". */
import type { Labels } from '../labels.ts'
import { blockHolds } from '../policy/address-cells.ts'
import type {
  LabelSelector,
  PolicyEndpoint,
  PolicyPod,
  PolicyService,
  PortProtocol,
} from '../policy/network-policy.ts'
import type { RulePeer, RulePort } from '../policy/plain-rule.ts'
import { requirementsOf, selectorMatches } from '../policy/selector.ts'
import type { BookEntry, PlainRule, PolicyBook } from './policy-book.ts'
import { portText, requirementText } from './rule-words.ts'
import type { Direction, NearMiss } from './verify-report.ts'

/** Rules that are named. */
const maxMisses = 3

/** Obstacles beyond which a rule is not close. */
const maxObstacles = 2

/** Ports or values that a reason spells out. */
const maxListed = 5

/** A connection as one side sees it. */
export interface SideQuestion {
  readonly direction: Direction
  readonly from: PolicyEndpoint
  readonly to: PolicyEndpoint
  readonly service: PolicyService
}

/**
 * Returns the rules that fewest changes would make allow the connection, closest first: of the policies that select the
 * pod, and of those of its namespace that nearly do.
 */
export function nearMisses(book: PolicyBook, question: SideQuestion): readonly NearMiss[] {
  const subject = question.direction === 'egress' ? question.from : question.to
  if (subject.kind !== 'pod') return []
  const candidates = book
    .inNamespace(subject.namespace)
    .map((entry) => ({ entry, common: commonObstacles(entry, subject, question.direction) }))
    .filter(({ common }) => common.length <= maxObstacles)
    .sort((a, b) => a.common.length - b.common.length)
  let closest: readonly NearMiss[] = []
  for (const { entry, common } of candidates) {
    // A policy with as many obstacles of its own as the last rule has in all cannot offer a closer one.
    const last = closest[maxMisses - 1]
    if (last !== undefined && last.reasons.length <= common.length) break
    closest = [...closest, ...missesOf(entry, common, question)]
      .sort((a, b) => a.reasons.length - b.reasons.length)
      .slice(0, maxMisses)
  }
  return closest
}

/** Returns what keeps every rule of a policy from counting for a pod. */
function commonObstacles(
  entry: BookEntry,
  subject: PolicyPod,
  direction: Direction,
): readonly string[] {
  const type = direction === 'ingress' ? 'Ingress' : 'Egress'
  return [
    ...(entry.about.includes(direction)
      ? []
      : [`the policy is not about ${direction}: its policyTypes lack ${type}`]),
    ...obstacles(entry.subject.podSelector ?? {}, subject.labels, 'the policy selects pods with'),
  ]
}

function missesOf(
  entry: BookEntry,
  common: readonly string[],
  question: SideQuestion,
): readonly NearMiss[] {
  const { direction } = question
  return entry.rules
    .filter((rule) => rule.direction === direction && !rule.deny)
    .flatMap((rule): readonly NearMiss[] => {
      const own = ruleObstacles(rule, entry, question)
      const reasons = [...common, ...(own ?? [])]
      if (own === undefined || reasons.length === 0 || reasons.length > maxObstacles) return []
      const place = rule.at === undefined ? {} : { at: rule.at }
      return [{ policy: entry.reference.policy, direction, rule: rule.rule, ...place, reasons }]
    })
}

/** Returns what keeps a rule from matching; undefined when none of its peers could ever be the other end. */
function ruleObstacles(
  { peers, ports }: PlainRule,
  entry: BookEntry,
  { direction, from, to, service }: SideQuestion,
): readonly string[] | undefined {
  const peer = direction === 'egress' ? to : from
  const best = peerObstacles(peers, entry.namespace, peer)
  return best === undefined ? undefined : [...portObstacles(ports, service, to), ...best]
}

function portObstacles(
  ports: readonly RulePort[],
  service: PolicyService,
  destination: PolicyEndpoint,
): readonly string[] {
  if (ports.length === 0) return []
  if ('icmp' in service) {
    const { family, type } = service.icmp
    if (ports.some(({ icmp }) => icmp?.family === family && icmp.type === type)) return []
    return [opensOthers(ports, portText(service))]
  }
  const { protocol, port } = service
  if (ports.some((item) => opens(item, protocol, port, destination))) return []
  const named = ports.find(
    (item) =>
      typeof item.port === 'string' &&
      (item.protocol ?? 'TCP') === protocol &&
      destination.kind === 'pod' &&
      destination.ports === undefined,
  )
  if (named !== undefined) {
    return [
      `it opens the named port ${portText(named)}, whose number nobody knows without an inventory`,
    ]
  }
  return [opensOthers(ports, `${port}/${protocol}`)]
}

function opensOthers(ports: readonly RulePort[], asked: string): string {
  const shown = ports.slice(0, maxListed).map(portText).join(', ')
  const more = ports.length > maxListed ? ` and ${ports.length - maxListed} more` : ''
  return `it opens ${shown}${more}, not ${asked}`
}

function opens(
  item: RulePort,
  protocol: PortProtocol,
  port: number,
  destination: PolicyEndpoint,
): boolean {
  if (item.icmp !== undefined || (item.protocol ?? 'TCP') !== protocol) return false
  const first = item.port
  if (first === undefined) return true
  if (typeof first === 'number') return first <= port && port <= (item.endPort ?? first)
  const own = destination.kind === 'pod' ? (destination.ports ?? []) : []
  return own.some((one) => one.name === first && one.protocol === protocol && one.port === port)
}

/** Returns the obstacles of the peer that has fewest. */
function peerObstacles(
  peers: readonly RulePeer[],
  namespace: string,
  endpoint: PolicyEndpoint,
): readonly string[] | undefined {
  if (peers.length === 0) return []
  return peers
    .flatMap((peer) => {
      const found = obstaclesOf(peer, namespace, endpoint)
      return found === undefined ? [] : [found]
    })
    .reduce<readonly string[] | undefined>(
      (best, found) => (best === undefined || found.length < best.length ? found : best),
      undefined,
    )
}

function obstaclesOf(
  peer: RulePeer,
  namespace: string,
  endpoint: PolicyEndpoint,
): readonly string[] | undefined {
  if (peer.ipBlock !== undefined) {
    return endpoint.kind === 'address' ? blockObstacles(peer.ipBlock, endpoint.address) : undefined
  }
  if (endpoint.kind !== 'pod') return undefined
  const { podSelector, namespaceSelector } = peer
  // The API refuses a peer without selectors, and no pod is one.
  if (podSelector === undefined && namespaceSelector === undefined) return undefined
  const elsewhere =
    namespaceSelector === undefined
      ? endpoint.namespace === namespace
        ? []
        : [`its peer is in namespace ${namespace}, not ${endpoint.namespace}`]
      : obstacles(namespaceSelector, endpoint.namespaceLabels, 'its peer is in namespaces with')
  return [...elsewhere, ...obstacles(podSelector ?? {}, endpoint.labels, 'its peer has')]
}

function blockObstacles(
  block: { readonly cidr: string; readonly except?: readonly string[] },
  address: string,
): readonly string[] {
  if (blockHolds(block, address)) return []
  const hole = (block.except ?? []).find((cidr) => blockHolds({ cidr }, address))
  return hole === undefined
    ? [`its peer is ${block.cidr}, which does not hold ${address}`]
    : [`its peer is ${block.cidr} except ${hole}, which holds ${address}`]
}

/** Returns one text for each requirement of a selector that the labels do not meet. */
function obstacles(selector: LabelSelector, labels: Labels, what: string): readonly string[] {
  return requirementsOf(selector)
    .filter((requirement) => !selectorMatches({ matchExpressions: [requirement] }, labels))
    .map((requirement) => {
      const { key } = requirement
      const has = Object.hasOwn(labels, key) ? `${key}=${labels[key]}` : `no label ${key}`
      return `${what} ${requirementText(requirement)}, the pod${what.includes('namespaces') ? "'s namespace" : ''} has ${has}`
    })
}
