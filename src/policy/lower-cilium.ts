/**
 * Cilium's policies in the plain form of the exact engine. Selectors of pods become pairs of selectors of namespaces and
 * of labels, so that everything that knows those knows Cilium's.
 */
import { namespaceNameLabel, toLabels } from '../labels.ts'
import type {
  CiliumEgressRule,
  CiliumIcmpRule,
  CiliumIngressRule,
  CiliumPolicy,
  CiliumPort,
  CiliumPortRule,
} from './cilium-policy.ts'
import { specsOf } from './cilium-policy.ts'
import { icmpTypeNumber } from './icmp-types.ts'
import { passesIdentityFilter } from './label-keys.ts'
import type { LabelSelector, LabelSelectorRequirement, Policy } from './network-policy.ts'
import type {
  PlainPolicy,
  PlainRule,
  PolicyRequest,
  RuleDirection,
  RulePeer,
  RulePort,
} from './plain-rule.ts'
import { portProtocols } from './port-set.ts'
import { canonicalSelector, requirementsOf } from './selector.ts'

/** The label that Cilium gives every pod for its namespace, and those for the labels of the namespace and the cluster. */
export const podNamespaceKey = 'io.kubernetes.pod.namespace'
export const namespaceLabelPrefix = 'io.cilium.k8s.namespace.labels.'
export const clusterKey = 'io.cilium.k8s.policy.cluster'
export const serviceAccountKey = 'io.cilium.k8s.policy.serviceaccount'

/** Nobody. */
const nobody: RulePeer = {}

/** Returns why a policy cannot be judged by its ends alone, in words; undefined when it can. */
export function unjudgedPart(policy: Policy): string | undefined {
  if (policy.kind === 'NetworkPolicy') return undefined
  for (const spec of specsOf(policy)) {
    if (spec.nodeSelector !== undefined) return 'nodeSelector'
    if (asksForAccount(spec.endpointSelector)) return 'a selector of service accounts'
    const ingress = [...(spec.ingress ?? []), ...(spec.ingressDeny ?? [])]
    const egress = [...(spec.egress ?? []), ...(spec.egressDeny ?? [])]
    const found =
      ingress.map(unjudgedIngress).find((part) => part !== undefined) ??
      egress.map(unjudgedEgress).find((part) => part !== undefined)
    if (found !== undefined) return found
  }
  return undefined
}

/** Which account a pod runs under is no label of it, and not known here. */
function asksForAccount(selector: LabelSelector | undefined): boolean {
  return requirementsOf(selector ?? {}).some(({ key }) => bareKey(key) === serviceAccountKey)
}

function unjudgedIngress(rule: CiliumIngressRule): string | undefined {
  if ((rule.fromEndpoints ?? []).some(asksForAccount)) return 'a selector of service accounts'
  if ((rule.fromGroups ?? []).length > 0) return 'fromGroups'
  if ((rule.fromNodes ?? []).length > 0) return 'fromNodes'
  const hasGroup = (rule.fromCIDRSet ?? []).some(({ cidr }) => cidr === undefined)
  return hasGroup ? 'a cidrGroup' : undefined
}

function unjudgedEgress(rule: CiliumEgressRule): string | undefined {
  if ((rule.toEndpoints ?? []).some(asksForAccount)) return 'a selector of service accounts'
  if ((rule.toServices ?? []).length > 0) return 'toServices'
  if ((rule.toGroups ?? []).length > 0) return 'toGroups'
  if ((rule.toNodes ?? []).length > 0) return 'toNodes'
  const hasGroup = (rule.toCIDRSet ?? []).some(({ cidr }) => cidr === undefined)
  return hasGroup ? 'a cidrGroup' : undefined
}

/** Returns the first part of a policy in plain form. */
export function lowerCilium(policy: CiliumPolicy): PlainPolicy {
  const isClusterwide = policy.kind === 'CiliumClusterwideNetworkPolicy'
  const namespace = isClusterwide ? '' : policy.metadata.namespace
  const [spec = {}] = specsOf(policy)
  const { ingress = [], ingressDeny = [], egress = [], egressDeny = [] } = spec
  const lower =
    (direction: RuleDirection, allowing: number) =>
    (rule: CiliumIngressRule & CiliumEgressRule, index: number): PlainRule => ({
      direction,
      rule: index,
      deny: index >= allowing,
      ...lowerRule(rule, namespace),
    })
  const rules = [
    ...[...ingress, ...ingressDeny].map(lower('ingress', ingress.length)),
    ...[...egress, ...egressDeny].map(lower('egress', egress.length)),
  ]
  const about = (['ingress', 'egress'] as const).filter((one) =>
    rules.some(({ direction }) => direction === one),
  )
  return {
    namespace,
    subject: lowerSubject(spec.endpointSelector, namespace),
    isolates: about.filter((one) => spec.enableDefaultDeny?.[one] !== false),
    about,
    rules,
  }
}

/** A policy of a namespace selects there: Cilium replaces the label of the namespace where the selector has it. */
function lowerSubject(selector: LabelSelector | undefined, namespace: string): RulePeer {
  if (selector === undefined) return nobody
  const parts = splitSelector(namespace === '' ? selector : withoutNamespace(selector))
  if (parts === undefined || parts.reserved) return nobody
  const podSelector = toSelector(parts.pods)
  const cluster = parts.cluster.length > 0 ? { cluster: parts.cluster } : {}
  if (namespace !== '' && parts.namespaces.length === 0) return { podSelector, ...cluster }
  const home: readonly LabelSelectorRequirement[] =
    namespace === '' ? [] : [{ key: namespaceNameLabel, operator: 'In', values: [namespace] }]
  const namespaceSelector = toSelector([...home, ...parts.namespaces])
  return { namespaceSelector, podSelector, ...cluster }
}

function withoutNamespace({ matchLabels = {}, matchExpressions = [] }: LabelSelector) {
  const { [`k8s:${podNamespaceKey}`]: _replaced, ...rest } = matchLabels
  return { matchLabels: toLabels(Object.entries(rest)), matchExpressions }
}

function lowerRule(
  rule: CiliumIngressRule & CiliumEgressRule,
  namespace: string,
): Pick<PlainRule, 'peers' | 'ports'> {
  const ports = lowerPorts(rule.toPorts, rule.icmps)
  if (ports === 'none') return { peers: [nobody], ports: undefined }
  const peers = lowerPeers(rule, namespace)
  if (peers === undefined && ports === undefined) return { peers: [nobody], ports }
  return { peers, ports }
}

/** Returns the peers of a rule; undefined for everyone. */
function lowerPeers(
  rule: CiliumIngressRule & CiliumEgressRule,
  namespace: string,
): readonly RulePeer[] | undefined {
  const endpoints = rule.fromEndpoints ?? rule.toEndpoints
  const cidrs = rule.fromCIDR ?? rule.toCIDR
  const sets = rule.fromCIDRSet ?? rule.toCIDRSet
  const entities = rule.fromEntities ?? rule.toEntities
  const nodes = rule.fromNodes ?? rule.toNodes
  if ([endpoints, cidrs, sets, entities, nodes].some((list) => list?.length === 0)) return [nobody]
  const peers = [
    ...(endpoints ?? []).flatMap((selector) => lowerEndpoint(selector, namespace)),
    ...(cidrs ?? []).map((cidr): RulePeer => ({ ipBlock: { cidr } })),
    ...(sets ?? []).flatMap(({ cidr, except }): readonly RulePeer[] =>
      cidr === undefined ? [] : [{ ipBlock: except === undefined ? { cidr } : { cidr, except } }],
    ),
    ...(entities ?? []).map((entity): RulePeer => ({ special: { kind: 'entity', entity } })),
    ...(rule.toFQDNs ?? []).map((selector): RulePeer => ({ special: { kind: 'fqdn', selector } })),
  ]
  if (peers.length > 0) return peers
  return endpoints === undefined ? undefined : [nobody]
}

function lowerEndpoint(selector: LabelSelector, namespace: string): readonly RulePeer[] {
  const requirements = requirementsOf(selector)
  const parts = splitSelector(selector)
  if (requirements.some(({ key }) => key.startsWith('reserved:'))) {
    return [{ special: { kind: 'identity', requirements, local: true } }]
  }
  const home = homeRequirements(requirements, namespace)
  if (parts === undefined) {
    return hasCluster(requirements) ? [remotePeer([...requirements, ...home])] : [nobody]
  }
  const own: RulePeer = {
    namespaceSelector: toSelector([...parts.namespaces, ...home.map(toNamespace)]),
    podSelector: toSelector(parts.pods),
  }
  if (parts.cluster.length === 0) {
    return [isOwnNamespace(own, namespace) ? { podSelector: own.podSelector ?? {} } : own]
  }
  return [{ ...own, cluster: parts.cluster }, remotePeer([...requirements, ...home])]
}

function remotePeer(requirements: readonly LabelSelectorRequirement[]): RulePeer {
  return { special: { kind: 'identity', requirements, local: false } }
}

function hasCluster(requirements: readonly LabelSelectorRequirement[]): boolean {
  return requirements.some(({ key }) => bareKey(key) === clusterKey)
}

/** What is added to a selector that says nothing of namespaces. */
function homeRequirements(
  requirements: readonly LabelSelectorRequirement[],
  namespace: string,
): readonly LabelSelectorRequirement[] {
  const keys = requirements.map(({ key }) => bareKey(key))
  if (keys.includes(podNamespaceKey)) return []
  const key = `k8s:${podNamespaceKey}`
  if (namespace === '') return [{ key, operator: 'Exists' }]
  if (keys.some((one) => one.startsWith(namespaceLabelPrefix))) return []
  return [{ key, operator: 'In', values: [namespace] }]
}

function isOwnNamespace({ namespaceSelector }: RulePeer, namespace: string): boolean {
  const [only, ...rest] = requirementsOf(namespaceSelector ?? {})
  return (
    namespace !== '' &&
    rest.length === 0 &&
    only?.key === namespaceNameLabel &&
    only.operator === 'In' &&
    only.values?.length === 1 &&
    only.values[0] === namespace
  )
}

/** A selector by what it asks of. */
interface SelectorParts {
  readonly pods: readonly LabelSelectorRequirement[]
  readonly namespaces: readonly LabelSelectorRequirement[]
  readonly cluster: readonly LabelSelectorRequirement[]
  /** True when it asks for a label that pods never have. */
  readonly reserved: boolean
}

/** Returns the parts of a selector; undefined for one that no pod meets: it asks for a label that identities lack. */
function splitSelector(selector: LabelSelector): SelectorParts | undefined {
  const parts = {
    pods: [] as LabelSelectorRequirement[],
    namespaces: [] as LabelSelectorRequirement[],
    cluster: [] as LabelSelectorRequirement[],
    reserved: false,
  }
  for (const requirement of requirementsOf(selector)) {
    const { source, key } = splitKey(requirement.key)
    const isPositive = requirement.operator === 'In' || requirement.operator === 'Exists'
    const isOfPods = source === 'k8s' || source === 'any'
    if (source === 'reserved') parts.reserved ||= isPositive
    else if (isOfPods && (key === clusterKey || isOfNamespace(key) || passesIdentityFilter(key))) {
      addPart(parts, requirement, key)
    } else if (isPositive) return undefined
  }
  return parts
}

function isOfNamespace(key: string): boolean {
  return key === podNamespaceKey || key.startsWith(namespaceLabelPrefix)
}

function addPart(
  parts: Record<'pods' | 'namespaces' | 'cluster', LabelSelectorRequirement[]>,
  requirement: LabelSelectorRequirement,
  key: string,
): void {
  if (key === clusterKey) parts.cluster.push(requirement)
  else if (key === podNamespaceKey) parts.namespaces.push(toNamespace(requirement))
  else if (key.startsWith(namespaceLabelPrefix)) {
    parts.namespaces.push({ ...requirement, key: key.slice(namespaceLabelPrefix.length) })
  } else parts.pods.push({ ...requirement, key })
}

/** Returns a requirement on the namespace of a pod as one on the name of the namespace, which all of them have. */
function toNamespace(requirement: LabelSelectorRequirement): LabelSelectorRequirement {
  return { ...requirement, key: namespaceNameLabel }
}

/** Returns the source of a key, `any` where it has none, and the key itself. */
export function splitKey(text: string): { readonly source: string; readonly key: string } {
  const colon = text.indexOf(':')
  return colon < 0
    ? { source: 'any', key: text }
    : { source: text.slice(0, colon), key: text.slice(colon + 1) }
}

function bareKey(text: string): string {
  return splitKey(text).key
}

function toSelector(requirements: readonly LabelSelectorRequirement[]): LabelSelector {
  const some = requirements.filter(
    ({ key, operator }) => !(key === namespaceNameLabel && operator === 'Exists'),
  )
  return canonicalSelector({ matchExpressions: some })
}

/** Tells whether a requirement holds for a value. */
export function holdsFor(
  { operator, values = [] }: LabelSelectorRequirement,
  value: string | undefined,
): boolean {
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    return (operator === 'Exists') === (value !== undefined)
  }
  return (operator === 'In') === (value !== undefined && values.includes(value))
}

/** Returns the ports of a rule; undefined for all of them, and `none` where its lists are there and empty. */
function lowerPorts(
  toPorts: readonly CiliumPortRule[] = [],
  icmps: readonly CiliumIcmpRule[] = [],
): readonly RulePort[] | undefined | 'none' {
  if (toPorts.length + icmps.length === 0) return undefined
  const ports = [
    ...toPorts.flatMap(lowerPortRule),
    ...icmps
      .flatMap((rule) => rule.fields ?? [])
      .flatMap(({ family = 'IPv4', type }): readonly RulePort[] => {
        const number = icmpTypeNumber(type, family)
        return number === undefined ? [] : [{ icmp: { family, type: number } }]
      }),
  ]
  return ports.length === 0 ? 'none' : ports
}

function lowerPortRule({ ports = [], rules }: CiliumPortRule): readonly RulePort[] {
  const requests = requestsOf(rules)
  const lowered = ports.flatMap(lowerPort)
  return requests === undefined ? lowered : lowered.map((port) => ({ ...port, requests }))
}

/** Returns the requests that rules of a proxy let through; undefined for every request, and for what is not known. */
function requestsOf(rules: CiliumPortRule['rules']): readonly PolicyRequest[] | undefined {
  const { http = [], dns = [] } = rules ?? {}
  if (dns.some(({ matchPattern = '' }) => /^\*+$/.test(matchPattern))) return undefined
  const requests = [
    ...http.map((one): PolicyRequest => ({ http: one })),
    ...dns.map((one): PolicyRequest => ({ dns: one })),
  ]
  return requests.length === 0 ? undefined : requests
}

function lowerPort({ port = '0', endPort = 0, protocol = 'ANY' }: CiliumPort): readonly RulePort[] {
  const protocols = portProtocols.filter((one) => protocol === 'ANY' || protocol === one)
  return protocols.map((one) => ({ protocol: one, ...portValue(port, endPort) }))
}

function portValue(port: string, endPort: number): Omit<RulePort, 'protocol'> {
  const number = Number(port)
  if (Number.isNaN(number)) return { port: port.toLowerCase() }
  if (number === 0) return {}
  return endPort > number ? { port: number, endPort } : { port: number }
}
