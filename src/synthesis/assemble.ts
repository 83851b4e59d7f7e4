/** From grants to policies: peers with the same ports share a rule, one policy a group. */
import { formatPrefix, parsePrefix } from '../ip.ts'
import { toLabels } from '../labels.ts'
import { canonicalPolicy } from '../policy/canonical.ts'
import type {
  EgressRule,
  IngressRule,
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../policy/network-policy.ts'
import { managedBy, managedByLabel } from '../policy/network-policy.ts'
import { coverAddresses } from './cidr-cover.ts'
import { toLabelSelector } from './conjunction.ts'
import { cubesOf } from './grant-cubes.ts'
import type { Cube } from './peer-cubes.ts'
import { cubeText, mergeCubes, toPeer } from './peer-cubes.ts'
import type { Plan } from './plan.ts'
import type { GeneratedPolicy, Grant } from './synthesis.ts'

/** A policy whose JSON is longer is split: etcd refuses objects of about 1.5 MiB, and people refuse to read them. */
export const maxPolicyBytes: number = 256 * 1024

/** Peers that one rule may hold before it is split. */
const maxPeers = 1_000

/** One rule without its direction's name for peers. */
interface Rule {
  readonly peers: readonly NetworkPolicyPeer[]
  readonly ports: readonly NetworkPolicyPort[]
}

/** The grants of one subject. */
interface Sides {
  readonly ingress: Grant[]
  readonly egress: Grant[]
}

/** Returns the policies that say exactly the grants, one for each subject, sorted by namespace and name. */
export function assemblePolicies(plan: Plan, grants: readonly Grant[]): readonly GeneratedPolicy[] {
  const used = new Set(plan.policyNames)
  const bySubject = new Map<number, Sides>()
  for (const subject of plan.subjects) bySubject.set(subject, { ingress: [], egress: [] })
  for (const grant of grants) bySubject.get(grant.subject)?.[grant.direction].push(grant)
  return [...bySubject.keys()]
    .sort((a, b) => a - b)
    .flatMap((subject) => policiesOf(plan, subject, bySubject.get(subject), used))
}

/** Returns a managed policy with the label that marks it, both directions isolated. */
export function managedPolicy(
  fullName: string,
  podSelector: LabelSelector,
  rules: { readonly ingress: readonly IngressRule[]; readonly egress: readonly EgressRule[] },
): NetworkPolicy {
  const slash = fullName.indexOf('/')
  return canonicalPolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: fullName.slice(slash + 1),
      namespace: fullName.slice(0, slash),
      labels: toLabels([[managedByLabel, managedBy]]),
    },
    spec: { podSelector, policyTypes: ['Ingress', 'Egress'], ...rules },
  })
}

function policiesOf(
  plan: Plan,
  subject: number,
  sides: Sides | undefined,
  used: Set<string>,
): readonly GeneratedPolicy[] {
  const group = plan.groups[subject]
  const name = plan.policyNames[subject]
  if (group === undefined || name === undefined || sides === undefined) return []
  const ingress = makeRules(plan, group.namespace, sides.ingress)
  const egress = makeRules(plan, group.namespace, sides.egress)
  const parts = splitRules(ingress, egress)
  const selectors = plan.selectors[subject]?.selectors ?? []
  return selectors
    .flatMap((conjunction) => parts.map((part) => ({ conjunction, part })))
    .map(({ conjunction, part }, index) => ({
      policy: managedPolicy(
        index === 0 ? name : freeName(name, index + 1, used),
        toLabelSelector(conjunction),
        part,
      ),
      role: 'workload' as const,
      group: subject,
    }))
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

function makeRules(plan: Plan, namespace: string, grants: readonly Grant[]): readonly Rule[] {
  const open = new Set(grants.filter((grant) => grant.peer.kind === 'everyone').map(portKey))
  const closed = open.size === 0 ? grants : grants.filter((grant) => !open.has(portKey(grant)))
  const byPeer = new Map<string, { peer: Cube | NetworkPolicyPeer; ports: Set<string> }>()
  for (const grant of closed) {
    for (const peer of peersOf(plan, grant, namespace)) {
      const key = isCube(peer) ? cubeText(peer) : JSON.stringify(peer)
      const known = byPeer.get(key) ?? { peer, ports: new Set<string>() }
      byPeer.set(key, known)
      known.ports.add(portKey(grant))
    }
  }
  const byPorts = new Map<
    string,
    { ports: ReadonlySet<string>; peers: (Cube | NetworkPolicyPeer)[] }
  >()
  for (const { peer, ports } of byPeer.values()) {
    const key = [...ports].sort().join()
    const known = byPorts.get(key) ?? { ports, peers: [] }
    byPorts.set(key, known)
    known.peers.push(peer)
  }
  const rules = [...byPorts.keys()].sort().flatMap((key): readonly Rule[] => {
    const same = byPorts.get(key)
    if (same === undefined) return []
    const cubes = same.peers.filter(isCube)
    const others = same.peers.filter((peer): peer is NetworkPolicyPeer => !isCube(peer))
    const peers = [
      ...mergeCubes(cubes).map((cube) => toPeer(cube, namespace)),
      ...mergeBlocks(others),
    ]
    return [{ peers, ports: toPorts(same.ports) }]
  })
  return open.size > 0 ? [{ peers: [], ports: toPorts(open) }, ...rules] : rules
}

/** Returns the peers of a grant as cubes, or as what stands in a policy where no cube says it. */
function peersOf(
  plan: Plan,
  grant: Grant,
  namespace: string,
): readonly (Cube | NetworkPolicyPeer)[] {
  const cubes = cubesOf(plan, grant.peer, namespace)
  return cubes.length > 0 ? cubes : opaquePeer(grant)
}

function isCube(peer: Cube | NetworkPolicyPeer): peer is Cube {
  return 'literals' in peer
}

function opaquePeer({ peer }: Grant): readonly NetworkPolicyPeer[] {
  if (peer.kind === 'selector') return [peer.peer]
  if (peer.kind !== 'block') return []
  const { cidr, except } = peer
  return [{ ipBlock: except.length > 0 ? { cidr, except } : { cidr } }]
}

/** Blocks without exceptions are one set of addresses: its shortest list of prefixes says the same. */
function mergeBlocks(peers: readonly NetworkPolicyPeer[]): readonly NetworkPolicyPeer[] {
  const plain: NetworkPolicyPeer[] = []
  const rest: NetworkPolicyPeer[] = []
  for (const peer of peers) {
    const whole = peer.ipBlock !== undefined && (peer.ipBlock.except ?? []).length === 0
    ;(whole ? plain : rest).push(peer)
  }
  const prefixes = plain.flatMap((peer) => parsePrefix(peer.ipBlock?.cidr ?? '') ?? [])
  const cover = coverAddresses(prefixes, { maxExtra: 0, forbidden: [] })
  return [...rest, ...cover.prefixes.map((prefix) => ({ ipBlock: { cidr: formatPrefix(prefix) } }))]
}

function portKey(grant: Grant): string {
  const end = grant.endPort === undefined ? '' : String(grant.endPort)
  return `${grant.protocol} ${grant.port} ${end}`
}

function toPorts(keys: ReadonlySet<string>): readonly NetworkPolicyPort[] {
  return [...keys].map((key) => {
    const [protocol, port, endPort] = key.split(' ')
    const kind = protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP'
    const range = { protocol: kind, port: Number(port) } as const
    return endPort === undefined || endPort === '' ? range : { ...range, endPort: Number(endPort) }
  })
}

/** Splits rules into parts that stay under the size limits; what several policies of one selector allow adds up. */
function splitRules(
  ingress: readonly Rule[],
  egress: readonly Rule[],
): readonly { readonly ingress: readonly IngressRule[]; readonly egress: readonly EgressRule[] }[] {
  const parts: { ingress: IngressRule[]; egress: EgressRule[] }[] = [{ ingress: [], egress: [] }]
  let bytes = 0
  const place = (
    rule: Rule,
    put: (part: { ingress: IngressRule[]; egress: EgressRule[] }) => void,
  ): void => {
    const size = JSON.stringify(rule).length
    if (bytes > 0 && bytes + size > maxPolicyBytes) {
      parts.push({ ingress: [], egress: [] })
      bytes = 0
    }
    bytes += size
    const part = parts.at(-1)
    if (part !== undefined) put(part)
  }
  for (const rule of ingress.flatMap(splitPeers)) {
    const peers = rule.peers.length > 0 ? { from: rule.peers } : {}
    place(rule, (part) => part.ingress.push({ ...peers, ports: rule.ports }))
  }
  for (const rule of egress.flatMap(splitPeers)) {
    const peers = rule.peers.length > 0 ? { to: rule.peers } : {}
    place(rule, (part) => part.egress.push({ ...peers, ports: rule.ports }))
  }
  return parts
}

function splitPeers(rule: Rule): readonly Rule[] {
  if (rule.peers.length <= maxPeers) return [rule]
  const count = Math.ceil(rule.peers.length / maxPeers)
  return Array.from({ length: count }, (_, index) => ({
    peers: rule.peers.slice(index * maxPeers, (index + 1) * maxPeers),
    ports: rule.ports,
  }))
}
