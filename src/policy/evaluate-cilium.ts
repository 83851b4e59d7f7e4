/**
 * Cilium's policies as the naive evaluator reads them, from the text of Cilium's documentation and API: every end has a
 * set of identity labels, and selectors are held against those.
 */
import type { Labels } from '../labels.ts'
import type {
  CiliumCidrRule,
  CiliumEgressRule,
  CiliumEntity,
  CiliumIngressRule,
  CiliumPolicy,
  CiliumPort,
  CiliumSpec,
  FqdnSelector,
} from './cilium-policy.ts'
import type { RangeReader } from './evaluate-addresses.ts'
import type { Direction, RuleQuestion, SelectingPolicy } from './evaluate-network.ts'
import { nameHolds, requestHolds } from './evaluate-requests.ts'
import { icmpTypeNumber } from './icmp-types.ts'
import type {
  LabelSelector,
  LabelSelectorRequirement,
  PolicyEndpoint,
  PolicyPod,
  PolicyService,
} from './network-policy.ts'

/** What rules are held against beside the ends. */
interface Context {
  readonly ranges: RangeReader
  readonly cluster: string
}

/** One rule of either direction. */
type Rule = CiliumIngressRule & CiliumEgressRule

const namespaceKey = 'io.kubernetes.pod.namespace'
const namespaceLabelPrefix = 'io.cilium.k8s.namespace.labels.'
const clusterKey = 'io.cilium.k8s.policy.cluster'

/** Returns what of a policy depends on more than ends, in words: services, node labels; undefined for nothing. */
export function unknownPart(policy: CiliumPolicy): string | undefined {
  for (const spec of [policy.spec ?? [], policy.specs ?? []].flat()) {
    const part = unknownSubject(spec) ?? rulesOf(spec).map(unknownPeers).find(isKnown)
    if (part !== undefined) return part
  }
  return undefined
}

function rulesOf(spec: CiliumSpec): readonly Rule[] {
  return [spec.ingress, spec.ingressDeny, spec.egress, spec.egressDeny].flatMap(
    (rules): readonly Rule[] => rules ?? [],
  )
}

function isKnown(part: string | undefined): boolean {
  return part !== undefined
}

function unknownSubject({ nodeSelector, endpointSelector }: CiliumSpec): string | undefined {
  if (nodeSelector !== undefined) return 'a nodeSelector'
  return namesAccount(endpointSelector) ? accountPart : undefined
}

const accountPart = 'a selector of service accounts'

function namesAccount({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): boolean {
  const keys = [...Object.keys(matchLabels), ...matchExpressions.map(({ key }) => key)]
  return keys.some((key) => parseKey(key).key === 'io.cilium.k8s.policy.serviceaccount')
}

function unknownPeers(rule: Rule): string | undefined {
  const selectors = [...(rule.toEndpoints ?? []), ...(rule.fromEndpoints ?? [])]
  if (selectors.some(namesAccount)) return accountPart
  if ((rule.toServices ?? []).length > 0) return 'toServices'
  if ([...(rule.toGroups ?? []), ...(rule.fromGroups ?? [])].length > 0) return 'groups of a cloud'
  if ([...(rule.toNodes ?? []), ...(rule.fromNodes ?? [])].length > 0) return 'peers by node labels'
  const sets = [...(rule.toCIDRSet ?? []), ...(rule.fromCIDRSet ?? [])]
  return sets.some(({ cidr }) => cidr === undefined) ? 'a cidrGroup' : undefined
}

/** Returns what a policy says of a pod; undefined when no part of it selects the pod. */
export function askCiliumPolicy(
  policy: CiliumPolicy,
  direction: Direction,
  pod: PolicyPod,
  context: Context,
): SelectingPolicy | undefined {
  const { namespace, name } = policy.metadata
  const home = policy.kind === 'CiliumNetworkPolicy' ? namespace : ''
  if (home !== '' && home !== pod.namespace) return undefined
  const own = identityOf(pod, context.cluster)
  const never: RuleQuestion = { deny: false, matches: () => false }
  let isolates = false
  let isSelected = false
  const rules: RuleQuestion[] = []
  for (const spec of [policy.spec ?? [], policy.specs ?? []].flat()) {
    const asked = questionsOf(spec, direction, home, context)
    // The parts that do not select the pod keep their numbers.
    if (!selectorHolds(subjectSelector(spec, home), own)) {
      rules.push(...asked.map(() => never))
      continue
    }
    isSelected = true
    rules.push(...asked)
    if (asked.length > 0 && spec.enableDefaultDeny?.[direction] !== false) isolates = true
  }
  const title = home === '' ? name : `${namespace}/${name}`
  return isSelected ? { name: title, isolates, rules } : undefined
}

/** A policy of a namespace selects there, whatever a match on the namespace's own label says. */
function subjectSelector({ endpointSelector = {} }: CiliumSpec, home: string): LabelSelector {
  const { matchLabels = {}, ...rest } = endpointSelector
  if (home === '') return endpointSelector
  const own = Object.entries(matchLabels).filter(([key]) => key !== `k8s:${namespaceKey}`)
  return { ...rest, matchLabels: Object.fromEntries(own) }
}

function questionsOf(
  spec: CiliumSpec,
  direction: Direction,
  home: string,
  context: Context,
): readonly RuleQuestion[] {
  const toQuestion =
    (deny: boolean) =>
    (rule: Rule): RuleQuestion => ({
      deny,
      matches: (peer, service, destination) =>
        peersHold(rule, peer, home, context) && servicesHold(rule, service, destination),
    })
  const [allowing, denying] =
    direction === 'ingress' ? [spec.ingress, spec.ingressDeny] : [spec.egress, spec.egressDeny]
  return [...(allowing ?? []).map(toQuestion(false)), ...(denying ?? []).map(toQuestion(true))]
}

/** One label of an identity. */
interface IdentityLabel {
  readonly source: string
  readonly key: string
  readonly value: string
}

function identityOf(endpoint: PolicyEndpoint, cluster: string): readonly IdentityLabel[] {
  switch (endpoint.kind) {
    case 'pod':
      return [
        ...k8sLabels(endpoint.labels).filter(({ key }) => isKept(key)),
        ...k8sLabels(endpoint.namespaceLabels, namespaceLabelPrefix),
        { source: 'k8s', key: namespaceKey, value: endpoint.namespace },
        { source: 'k8s', key: clusterKey, value: cluster },
      ]
    case 'address':
      return ['world', ...(endpoint.labels ?? [])].map(reserved)
    case 'entity':
      return endpoint.labels.map((text) =>
        text.startsWith('k8s:') ? fromText(text) : reserved(text),
      )
  }
}

function k8sLabels(labels: Labels, prefix = ''): readonly IdentityLabel[] {
  return Object.keys(labels).map((key) => ({
    source: 'k8s',
    key: `${prefix}${key}`,
    value: labels[key] ?? '',
  }))
}

function reserved(key: string): IdentityLabel {
  return { source: 'reserved', key, value: '' }
}

function fromText(text: string): IdentityLabel {
  const [, key = '', value = ''] = /^k8s:([^=]*)=?(.*)$/s.exec(text) ?? []
  return { source: 'k8s', key, value }
}

/** Cilium leaves labels out of identities that change with every pod, or that are its own (pkg/labelsfilter). */
const leftOut =
  /^(io\.kubernetes|kubernetes\.io|statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index|batch\.kubernetes\.io\/(job-completion-index|controller-uid)|controller-uid|k8s\.io|pod-template-generation|pod-template-hash|controller-revision-hash|annotation|etcd_node)|beta\.kubernetes\.io/

function isKept(key: string): boolean {
  return !leftOut.test(key)
}

function selectorHolds(selector: LabelSelector, identity: readonly IdentityLabel[]): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  const equalities = Object.keys(matchLabels).map(
    (key): LabelSelectorRequirement => ({ key, operator: 'In', values: [matchLabels[key] ?? ''] }),
  )
  return [...equalities, ...matchExpressions].every((one) => requirementHolds(one, identity))
}

function requirementHolds(
  { key, operator, values = [] }: LabelSelectorRequirement,
  identity: readonly IdentityLabel[],
): boolean {
  const wanted = parseKey(key)
  const found = identity.find(
    (label) =>
      label.key === wanted.key && (wanted.source === 'any' || label.source === wanted.source),
  )
  if (operator === 'Exists') return found !== undefined
  if (operator === 'DoesNotExist') return found === undefined
  const isListed = found !== undefined && values.includes(found.value)
  return (operator === 'In') === isListed
}

function parseKey(key: string): { readonly source: string; readonly key: string } {
  const colon = key.indexOf(':')
  return colon < 0
    ? { source: 'any', key }
    : { source: key.slice(0, colon), key: key.slice(colon + 1) }
}

/**
 * A selector of peers means pods of the policy's own namespace and of the local cluster unless it says otherwise; a
 * clusterwide policy means pods of any namespace.
 */
function peerSelectorHolds(
  selector: LabelSelector,
  identity: readonly IdentityLabel[],
  home: string,
  cluster: string,
): boolean {
  const keys = [
    ...Object.keys(selector.matchLabels ?? {}),
    ...(selector.matchExpressions ?? []).map(({ key }) => key),
  ].map(parseKey)
  if (keys.some(({ source }) => source === 'reserved')) return selectorHolds(selector, identity)
  const names = (key: string): boolean =>
    keys.some((one) => one.key === key && (one.source === 'k8s' || one.source === 'any'))
  const extra: LabelSelectorRequirement[] = []
  if (!names(namespaceKey)) {
    const isByLabels = keys.some((one) => one.key.startsWith(namespaceLabelPrefix))
    const key = `k8s:${namespaceKey}`
    if (home === '') extra.push({ key, operator: 'Exists' })
    else if (!isByLabels) extra.push({ key, operator: 'In', values: [home] })
  }
  if (!names(clusterKey)) {
    extra.push({ key: `k8s:${clusterKey}`, operator: 'In', values: [cluster] })
  }
  return selectorHolds(selector, identity) && selectorHolds({ matchExpressions: extra }, identity)
}

/** The peers of a rule, whichever direction it is about. */
interface Peers {
  readonly endpoints: readonly LabelSelector[] | undefined
  readonly cidrs: readonly string[] | undefined
  readonly sets: readonly CiliumCidrRule[] | undefined
  readonly entities: readonly CiliumEntity[] | undefined
  readonly nodes: readonly LabelSelector[] | undefined
  readonly fqdns: readonly FqdnSelector[]
}

function peersOf(rule: Rule): Peers {
  return {
    endpoints: rule.fromEndpoints ?? rule.toEndpoints,
    cidrs: rule.fromCIDR ?? rule.toCIDR,
    sets: rule.fromCIDRSet ?? rule.toCIDRSet,
    entities: rule.fromEntities ?? rule.toEntities,
    nodes: rule.fromNodes ?? rule.toNodes,
    fqdns: rule.toFQDNs ?? [],
  }
}

/** Without any list of peers a rule means everyone, if it names ports; a list that is empty means nobody. */
function peersHold(rule: Rule, peer: PolicyEndpoint, home: string, context: Context): boolean {
  const peers = peersOf(rule)
  const { endpoints, cidrs, sets, entities, nodes, fqdns } = peers
  const lists = [endpoints, cidrs, sets, entities, nodes]
  if (lists.some((list) => list?.length === 0)) return false
  if (fqdns.length === 0 && lists.every((list) => list === undefined)) {
    return (rule.toPorts ?? []).length + (rule.icmps ?? []).length > 0
  }
  const { cluster, ranges } = context
  const identity = identityOf(peer, cluster)
  return (
    (endpoints ?? []).some((one) => peerSelectorHolds(one, identity, home, cluster)) ||
    (entities ?? []).some((entity) => entityHolds(entity, identity, cluster)) ||
    (peer.kind === 'address' && addressHolds(peers, peer.address, peer.names ?? [], ranges))
  )
}

function addressHolds(
  { cidrs = [], sets = [], fqdns }: Peers,
  address: string,
  names: readonly string[],
  ranges: RangeReader,
): boolean {
  return (
    cidrs.some((cidr) => ranges.isWithin(address, cidr)) ||
    sets.some((set) => setHolds(set, address, ranges)) ||
    fqdns.some((selector) => names.some((name) => nameHolds(selector, name)))
  )
}

function setHolds({ cidr, except }: CiliumCidrRule, address: string, ranges: RangeReader): boolean {
  if (cidr === undefined || !ranges.isWithin(address, cidr)) return false
  return !(except ?? []).some((hole) => ranges.isWithin(address, hole))
}

/** What `cluster` stands for beside the pods of the cluster. */
const clusterReserved = [
  'host',
  'remote-node',
  'init',
  'ingress',
  'health',
  'unmanaged',
  'kube-apiserver',
]

function entityHolds(
  entity: CiliumEntity,
  identity: readonly IdentityLabel[],
  cluster: string,
): boolean {
  if (entity === 'all') return true
  const isReserved = (name: string): boolean =>
    identity.some(({ source, key }) => source === 'reserved' && key === name)
  if (entity !== 'cluster') return isReserved(entity)
  return (
    clusterReserved.some(isReserved) ||
    identity.some(({ key, value }) => key === clusterKey && value === cluster)
  )
}

/** Without ports and types a rule means everything; a list of ports that is empty means nothing. */
function servicesHold(
  { toPorts = [], icmps = [] }: Rule,
  service: PolicyService,
  destination: PolicyEndpoint,
): boolean {
  if (toPorts.length === 0 && icmps.length === 0) return true
  if (!('icmp' in service)) {
    return toPorts.some(
      ({ ports, rules }) =>
        (ports ?? []).some((port) => portHolds(port, service, destination)) &&
        requestHolds(rules, service.request),
    )
  }
  const { family, type } = service.icmp
  return icmps.some(({ fields }) =>
    (fields ?? []).some(
      (field) => (field.family ?? 'IPv4') === family && icmpTypeNumber(field.type, family) === type,
    ),
  )
}

function portHolds(
  { port = '0', endPort = 0, protocol = 'ANY' }: CiliumPort,
  service: Exclude<PolicyService, { readonly icmp: unknown }>,
  destination: PolicyEndpoint,
): boolean {
  if (protocol !== 'ANY' && protocol !== service.protocol) return false
  const number = Number(port)
  if (number === 0) return true
  if (!Number.isNaN(number)) {
    return number <= service.port && service.port <= Math.max(number, endPort)
  }
  return (
    destination.kind === 'pod' &&
    (destination.ports ?? []).some(
      (own) =>
        own.name === port.toLowerCase() &&
        own.protocol === service.protocol &&
        own.port === service.port,
    )
  )
}
