/** From grants to policies: rules of peers and ports, one policy a group. */
import { formatPrefix, parsePrefix } from '../ip.ts'
import { peerJson } from '../policy/canonical.ts'
import type { RulePeer, RulePort } from '../policy/plain-rule.ts'
import type { Biclique } from './biclique-cover.ts'
import { coverBicliques } from './biclique-cover.ts'
import { coverAddresses } from './cidr-cover.ts'
import type { Conjunction } from './conjunction.ts'
import { conjunctionText, fromLabelSelector, toLabelSelector } from './conjunction.ts'
import { documents } from './documents.ts'
import { cubesOf } from './grant-cubes.ts'
import { fullName } from './ownership.ts'
import type { Cube } from './peer-cubes.ts'
import { cubeText, mergeCubes, toPeer } from './peer-cubes.ts'
import type { Plan } from './plan.ts'
import type { KeyedPorts, PortLists } from './port-keys.ts'
import { addPort, portKey, portList, spellRequests } from './port-keys.ts'
import { isSpecialGrant, toSpecialPeer } from './special-grants.ts'
import type { Finding, GeneratedPolicy, Grant, GrantPeer } from './synthesis.ts'
import type { MixedRule, MixedRules } from './to-cilium.ts'

/** A policy whose JSON is longer is split: etcd refuses objects of about 1.5 MiB, and people refuse to read them. */
export const maxPolicyBytes: number = 256 * 1024

/** Peers that one rule may hold before it is split. */
const maxPeers = 1_000

/** One rule without its direction's name for peers. */
type Rule = MixedRule

/** A peer with the keys of all its ports. */
interface PeerPorts extends KeyedPorts {
  readonly peer: Cube | RulePeer
}

/** Peers that share a rule, with the keys of its ports. */
interface Share {
  readonly peers: readonly (Cube | RulePeer)[]
  readonly ports: readonly string[]
}

/** What the policies of one synthesis share. */
interface Shared {
  /** Names that are taken, `namespace/name`. */
  readonly used: Set<string>
  /** Lists of ports by their keys: rules about the same ports have the same list. */
  readonly portLists: PortLists
  /** What lets subjects reach resolvers, as texts. */
  readonly dns: ReadonlySet<string>
}

type GrantsByDirection = Readonly<Record<Grant['direction'], readonly Grant[]>>

const noGrants: GrantsByDirection = { ingress: [], egress: [] }

/** What is assembled. */
export interface Assembly {
  readonly policies: readonly GeneratedPolicy[]
  /** `RULE_CAP` where there may be fewer rules that say the same. */
  readonly findings: readonly Finding[]
}

/** Returns the policies that say exactly the grants, one for each subject, in the order of the subjects. */
export function assemblePolicies(
  plan: Plan,
  grants: readonly Grant[],
  resolving: readonly Grant[] = [],
): Assembly {
  const used = new Set([...plan.policyNames, ...plan.ownership.taken])
  const dns = new Set(resolving.map(cellKey))
  const shared = { used, portLists: new Map(), dns }
  const bySubject = new Map<number, Record<Grant['direction'], Grant[]>>()
  for (const subject of plan.subjects) bySubject.set(subject, { ingress: [], egress: [] })
  for (const grant of grants) bySubject.get(grant.subject)?.[grant.direction].push(grant)
  const parts = [...bySubject.keys()]
    .sort((a, b) => a - b)
    .map((subject) => policiesOf(plan, subject, bySubject.get(subject) ?? noGrants, shared))
  return {
    policies: parts.flatMap(({ policies }) => policies),
    findings: parts.flatMap(({ findings }) => findings),
  }
}

function policiesOf(
  plan: Plan,
  subject: number,
  grants: GrantsByDirection,
  { used, portLists, dns }: Shared,
): Assembly {
  const group = plan.groups[subject]
  const name = plan.policyNames[subject]
  if (group === undefined || name === undefined) return { policies: [], findings: [] }
  const findings: Finding[] = []
  const rulesOf = (direction: 'ingress' | 'egress'): readonly Rule[] => {
    const own = grants[direction]
    const resolved = direction === 'egress' ? namingGrants(own, dns) : []
    const plain = knowsNamesOnly(plan) ? own.filter((grant) => !resolved.includes(grant)) : own
    const { rules, exact } = makeRules(plan, group.namespace, plain, portLists)
    if (!exact) findings.push(capFinding(group.name, direction))
    if (resolved.length === 0) return rules
    const queries = makeRules(plan, group.namespace, resolved, portLists).rules
    return [...rules, ...queries.map((rule): Rule => ({ ...rule, dns: true }))]
  }
  const parts = splitRules(rulesOf('ingress'), rulesOf('egress'))
  const names = partNames(plan, subject, name, used)
  const policies = (plan.selectors[subject]?.selectors ?? []).flatMap((conjunction) =>
    parts.flatMap((part) =>
      documents(plan.options, names(conjunction), toLabelSelector(conjunction), part).map(
        (policy) => ({
          policy,
          role: 'workload' as const,
          group: subject,
        }),
      ),
    ),
  )
  return { policies, findings }
}

/** Names are known where the queries for them pass the DNS proxy: returns the grants that let them through. */
function namingGrants(grants: readonly Grant[], dns: ReadonlySet<string>): readonly Grant[] {
  const usesNames = grants.some(({ peer }) => peer.kind === 'fqdn')
  return usesNames
    ? grants.filter((grant) => grant.request === undefined && dns.has(cellKey(grant)))
    : []
}

/** A policy of Cilium's alone has no need to allow the same queries twice. */
function knowsNamesOnly({ options }: Plan): boolean {
  return options.target === 'cilium'
}

function cellKey({ subject, direction, peer, protocol, port }: Grant): string {
  return JSON.stringify([subject, direction, peer, protocol, port])
}

function capFinding(subject: string, direction: 'ingress' | 'egress'): Finding {
  return {
    code: 'RULE_CAP',
    severity: 'info',
    subject,
    message: `the search for its fewest ${direction} rules was cut off: they are right, but may not be the fewest`,
    hint: 'nothing needs to be done',
  }
}

/** A part is called as the managed policy of its selector was; the first of a new subject has the subject's name. */
function partNames(
  plan: Plan,
  subject: number,
  name: string,
  used: Set<string>,
): (conjunction: Conjunction) => string {
  const kind = plan.options.target === 'cilium' ? 'CiliumNetworkPolicy' : 'NetworkPolicy'
  const known = plan.managed
    .map(({ policy }) => policy)
    .filter((policy) => plan.originalOf(policy).kind === kind)
    .filter((policy) => plan.ownership.ownerOf.get(fullName(policy)) === subject)
    .map((policy) => ({
      name: fullName(policy),
      selector: conjunctionText(fromLabelSelector(policy.spec.podSelector)),
    }))
    .filter((policy) => policy.name !== name)
  let isNamed = false
  const isFirst = (selector: string): boolean =>
    !isNamed && !known.some((policy) => policy.selector === selector)
  const first = plan.selectors[subject]?.selectors.map(conjunctionText).find(isFirst)
  return (conjunction) => {
    const selector = conjunctionText(conjunction)
    if (!isNamed && (first === undefined || selector === first)) {
      isNamed = true
      return name
    }
    const at = known.findIndex((policy) => policy.selector === selector)
    const [before] = at < 0 ? [] : known.splice(at, 1)
    return before?.name ?? freeName(name, 2, used)
  }
}

function freeName(name: string, first: number, used: Set<string>): string {
  for (let number = first; ; number += 1) {
    const suffix = `-${number}`
    const slash = name.indexOf('/')
    const short = name.slice(slash + 1, slash + 1 + 63 - suffix.length)
    const candidate = `${name.slice(0, slash)}/${short}${suffix}`
    if (used.has(candidate)) continue
    used.add(candidate)
    return candidate
  }
}

function makeRules(
  plan: Plan,
  namespace: string,
  grants: readonly Grant[],
  portLists: PortLists,
): { readonly rules: readonly Rule[]; readonly exact: boolean } {
  const open = new Set<string>()
  for (const grant of grants) if (grant.peer.kind === 'everyone') open.add(portKey(grant))
  const byPeer = portsByPeer(plan, namespace, grants, open)
  const { shares, exact } = shareRules(byPeer, plan.options.minimise ?? 'canonical')
  const rules = shares.map(({ peers, ports }): Rule => {
    const cubes: Cube[] = []
    const others: RulePeer[] = []
    for (const peer of peers) {
      if (isCube(peer)) cubes.push(peer)
      else others.push(peer)
    }
    const merged = mergeCubes(cubes).map((cube): RulePeer => toPeer(cube, namespace))
    return {
      peers: others.length === 0 ? merged : [...merged, ...mergeBlocks(others)],
      ports: portList(portLists, ports),
    }
  })
  return {
    rules: open.size > 0 ? [{ peers: [], ports: portList(portLists, [...open]) }, ...rules] : rules,
    exact,
  }
}

/** Returns each peer once with its ports, but for those that are open to everyone. */
function portsByPeer(
  plan: Plan,
  namespace: string,
  grants: readonly Grant[],
  open: ReadonlySet<string>,
): readonly PeerPorts[] {
  const byPeer = new Map<string, PeerPorts>()
  const takeEntry = (peer: Cube | RulePeer): PeerPorts => {
    const key = isCube(peer) ? cubeText(peer) : JSON.stringify(peer)
    const known = byPeer.get(key)
    if (known !== undefined) return known
    const entry = { peer, ports: [] }
    byPeer.set(key, entry)
    return entry
  }
  // Grants are sorted: the ports of one peer come one after the other.
  let last: GrantPeer | undefined
  let entries: readonly PeerPorts[] = []
  for (const grant of grants) {
    const port = portKey(grant)
    if (open.has(port)) continue
    if (grant.peer !== last) {
      entries = peersOf(plan, grant, namespace).map(takeEntry)
      last = grant.peer
    }
    for (const entry of entries) addPort(entry, port, grant)
  }
  for (const known of byPeer.values()) spellRequests(known)
  return [...byPeer.values()]
}

/** Says which peers stand in a rule together, by the keys of their ports. */
function shareRules(
  entries: readonly PeerPorts[],
  minimise: 'canonical' | 'rules',
): { readonly shares: readonly Share[]; readonly exact: boolean } {
  if (minimise === 'canonical') return { shares: shareEqual(entries), exact: true }
  const keys = [...new Set(entries.flatMap(({ ports }) => ports))].sort()
  const columnOf = new Map(keys.map((key, column) => [key, column]))
  const rows = entries.map(({ ports }) => [...new Set(ports)].map((key) => columnOf.get(key) ?? 0))
  const { bicliques, exact } = coverBicliques(rows, keys.length)
  const toShare = ({ rows: members, columns }: Biclique): [string, Share] => {
    const ports = columns.flatMap((column) => keys[column] ?? [])
    return [ports.join(), { peers: members.flatMap((row) => entries[row]?.peer ?? []), ports }]
  }
  const byPorts = new Map(bicliques.map(toShare))
  return { shares: [...byPorts.keys()].sort().flatMap((key) => byPorts.get(key) ?? []), exact }
}

/** Peers of equal ports stand in one rule. */
function shareEqual(entries: readonly PeerPorts[]): readonly Share[] {
  const shares = new Map<string, { peers: PeerPorts['peer'][]; ports: readonly string[] }>()
  for (const { peer, ports: all } of entries) {
    const ports = all.length === 1 ? all : [...new Set(all)].sort()
    const key = ports.length === 1 ? (ports[0] ?? '') : ports.join()
    const share = shares.get(key)
    if (share === undefined) shares.set(key, { peers: [peer], ports })
    else share.peers.push(peer)
  }
  return [...shares.keys()].sort().flatMap((key) => shares.get(key) ?? [])
}

/** Returns the peers of a grant as cubes, or as what stands in a policy where no cube says it. */
function peersOf(plan: Plan, grant: Grant, namespace: string): readonly (Cube | RulePeer)[] {
  const cubes = cubesOf(plan, grant.peer, namespace)
  return cubes.length > 0 ? cubes : opaquePeer(grant)
}

function isCube(peer: Cube | RulePeer): peer is Cube {
  return 'literals' in peer
}

function opaquePeer({ peer }: Grant): readonly RulePeer[] {
  if (isSpecialGrant(peer)) return [{ special: toSpecialPeer(peer) }]
  if (peer.kind === 'selector') return [peer.peer]
  if (peer.kind !== 'block') return []
  const { cidr, except } = peer
  return [{ ipBlock: except.length > 0 ? { cidr, except } : { cidr } }]
}

/** Blocks without exceptions are one set of addresses: its shortest list of prefixes says the same. */
function mergeBlocks(peers: readonly RulePeer[]): readonly RulePeer[] {
  if (peers.length === 0) return peers
  const plain: RulePeer[] = []
  const rest: RulePeer[] = []
  for (const peer of peers) {
    const whole = peer.ipBlock !== undefined && (peer.ipBlock.except ?? []).length === 0
    ;(whole ? plain : rest).push(peer)
  }
  const prefixes = plain.flatMap((peer) => parsePrefix(peer.ipBlock?.cidr ?? '') ?? [])
  const cover = coverAddresses(prefixes, { maxExtra: 0, forbidden: [] })
  return [...rest, ...cover.prefixes.map((prefix) => ({ ipBlock: { cidr: formatPrefix(prefix) } }))]
}

/** Splits rules into parts that stay under the size limits; what several policies of one selector allow adds up. */
function splitRules(ingress: readonly Rule[], egress: readonly Rule[]): readonly MixedRules[] {
  const parts: { ingress: Rule[]; egress: Rule[] }[] = [{ ingress: [], egress: [] }]
  let bytes = 0
  const place = (rule: Rule, put: (part: { ingress: Rule[]; egress: Rule[] }) => void): void => {
    const size = sizeOf(rule)
    if (bytes > 0 && bytes + size > maxPolicyBytes) {
      parts.push({ ingress: [], egress: [] })
      bytes = 0
    }
    bytes += size
    const part = parts.at(-1)
    if (part !== undefined) put(part)
  }
  for (const rule of ingress.flatMap(splitPeers)) place(rule, (part) => part.ingress.push(rule))
  for (const rule of egress.flatMap(splitPeers)) place(rule, (part) => part.egress.push(rule))
  return parts
}

/** The length of the rule's JSON; peers and lists of ports are shared with many rules, and theirs is known. */
function sizeOf({ peers, ports }: Rule): number {
  const commas = Math.max(0, peers.length - 1)
  const lengths = peers.reduce((sum, peer) => sum + peerJson(peer).length, commas)
  return '{"peers":[],"ports":}'.length + lengths + portsLength(ports)
}

const portLengths = new WeakMap<readonly RulePort[], number>()

function portsLength(ports: readonly RulePort[]): number {
  const known = portLengths.get(ports)
  if (known !== undefined) return known
  const { length } = JSON.stringify(ports)
  portLengths.set(ports, length)
  return length
}

function splitPeers(rule: Rule): readonly Rule[] {
  if (rule.peers.length <= maxPeers) return [rule]
  const count = Math.ceil(rule.peers.length / maxPeers)
  return Array.from({ length: count }, (_, index) => ({
    peers: rule.peers.slice(index * maxPeers, (index + 1) * maxPeers),
    ports: rule.ports,
  }))
}
