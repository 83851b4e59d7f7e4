/** The one form in which Cilium policies that say the same are the same. */
import { canonicalMetadata, compareTexts } from './canonical.ts'
import type {
  CiliumEgressRule,
  CiliumIcmpRule,
  CiliumIngressRule,
  CiliumPolicy,
  CiliumPort,
  CiliumPortRule,
  CiliumSpec,
} from './cilium-policy.ts'
import type { LabelSelector } from './network-policy.ts'
import { canonicalSelector } from './selector.ts'

/**
 * Returns the policy in canonical form, which allows exactly the same: rules, peers, ports and values sorted and once,
 * defaults of ports written, lists without effect left out (a list of peers that is empty selects nobody, and stays),
 * members in a fixed order.
 */
export function canonicalCiliumPolicy(policy: CiliumPolicy): CiliumPolicy {
  const { name, namespace, ...rest } = canonicalMetadata(policy.metadata)
  const isClusterwide = policy.kind === 'CiliumClusterwideNetworkPolicy'
  const metadata = isClusterwide ? { name, ...rest } : { name, namespace, ...rest }
  return {
    apiVersion: 'cilium.io/v2',
    kind: policy.kind,
    // A clusterwide policy is written without a namespace.
    metadata: metadata as CiliumPolicy['metadata'],
    ...(policy.spec && { spec: canonicalSpec(policy.spec) }),
    ...(policy.specs && { specs: sortedOnce(policy.specs.map(canonicalSpec)) }),
  }
}

function canonicalSpec(spec: CiliumSpec): CiliumSpec {
  const { endpointSelector, nodeSelector, enableDefaultDeny, description, labels, log } = spec
  return {
    ...(description !== undefined && { description }),
    ...(endpointSelector && { endpointSelector: canonicalSelector(endpointSelector) }),
    ...(nodeSelector && { nodeSelector: canonicalSelector(nodeSelector) }),
    ...(enableDefaultDeny && { enableDefaultDeny }),
    ...rules('ingress', spec.ingress, canonicalIngress),
    ...rules('ingressDeny', spec.ingressDeny, canonicalIngress),
    ...rules('egress', spec.egress, canonicalEgress),
    ...rules('egressDeny', spec.egressDeny, canonicalEgress),
    ...(labels && { labels }),
    ...(log !== undefined && { log }),
  }
}

function rules<Name extends string, Rule extends object>(
  name: Name,
  list: readonly Rule[] | undefined,
  canonical: (rule: Rule) => Rule,
): Partial<Record<Name, readonly Rule[]>> {
  const sorted = sortedOnce((list ?? []).map(canonical))
  return sorted.length === 0 ? {} : ({ [name]: sorted } as Record<Name, readonly Rule[]>)
}

function canonicalIngress(rule: CiliumIngressRule): CiliumIngressRule {
  return {
    ...peers(rule, {
      fromEndpoints: selectors,
      fromEntities: sortedOnce,
      fromCIDR: sortedOnce,
      fromCIDRSet: cidrRules,
      fromGroups: sortedOnce,
      fromNodes: selectors,
    }),
    ...services(rule),
  }
}

function canonicalEgress(rule: CiliumEgressRule): CiliumEgressRule {
  return {
    ...peers(rule, {
      toEndpoints: selectors,
      toEntities: sortedOnce,
      toFQDNs: sortedOnce,
      toCIDR: sortedOnce,
      toCIDRSet: cidrRules,
      toServices: sortedOnce,
      toGroups: sortedOnce,
      toNodes: selectors,
    }),
    ...services(rule),
  }
}

/** Returns the lists of peers that a rule has, in the order of `forms`. */
function peers<Rule extends object>(
  rule: Rule,
  forms: { readonly [Name in keyof Rule]?: (list: never) => unknown },
): Rule {
  const entries = Object.entries(forms).flatMap(([name, form]) => {
    const list = (rule as Readonly<Record<string, unknown>>)[name]
    return list === undefined ? [] : [[name, (form as (all: unknown) => unknown)(list)]]
  })
  return Object.fromEntries(entries) as Rule
}

function selectors(list: readonly LabelSelector[]): readonly LabelSelector[] {
  return sortedOnce(list.map(canonicalSelector))
}

function cidrRules(
  list: NonNullable<CiliumEgressRule['toCIDRSet']>,
): NonNullable<CiliumEgressRule['toCIDRSet']> {
  return sortedOnce(
    list.map(({ except = [], ...rest }) => {
      const holes = sortedOnce(except)
      return holes.length === 0 ? rest : { ...rest, except: holes }
    }),
  )
}

function services({
  toPorts = [],
  icmps = [],
  authentication,
}: CiliumIngressRule): Pick<CiliumIngressRule, 'toPorts' | 'icmps' | 'authentication'> {
  return {
    ...(toPorts.length > 0 && { toPorts: sortedOnce(toPorts.map(portRule)) }),
    ...(icmps.length > 0 && { icmps: sortedOnce(icmps.map(icmpRule)) }),
    ...(authentication !== undefined && { authentication }),
  }
}

function portRule({ ports, ...rest }: CiliumPortRule): CiliumPortRule {
  return { ...(ports && { ports: sortedOnce(ports.map(canonicalPort), portRank) }), ...rest }
}

function canonicalPort({ port = '0', endPort = 0, protocol = 'ANY' }: CiliumPort): CiliumPort {
  return { port, ...(endPort > Number(port) && { endPort }), protocol }
}

function portRank({ port = '', endPort = 0, protocol }: CiliumPort): string {
  const number = /^\d+$/.test(port) ? port.padStart(5, '0') : `x${port}`
  return `${protocol} ${number} ${String(endPort).padStart(5, '0')}`
}

function icmpRule({ fields }: CiliumIcmpRule): CiliumIcmpRule {
  if (fields === undefined) return {}
  const written = fields.map(({ family = 'IPv4' as const, type }) => ({ family, type }))
  return {
    fields: sortedOnce(written, ({ family, type }) => `${family} ${String(type).padStart(3, '0')}`),
  }
}

/** Returns the items once, by rank and then by their JSON. */
function sortedOnce<Item>(
  items: readonly Item[],
  rank: (item: Item) => string = () => '',
): readonly Item[] {
  const once = new Map(items.map((item) => [`${rank(item)} ${JSON.stringify(item)}`, item]))
  return [...once].sort(([a], [b]) => compareTexts(a, b)).map(([, item]) => item)
}
