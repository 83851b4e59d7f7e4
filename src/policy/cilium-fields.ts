/**
 * Reads the parts of a cilium.io/v2 policy with the rules of the published schema and the checks that Cilium makes on
 * load (cilium `pkg/k8s/apis/cilium.io/client/crds`, `pkg/policy/api/rule_validation.go`).
 */
import { parsePrefix, prefixHolds } from '../ip.ts'
import type {
  CiliumCidrRule,
  CiliumEgressRule,
  CiliumEntity,
  CiliumIngressRule,
  CiliumSpec,
} from './cilium-policy.ts'
import { ciliumEntities } from './cilium-policy.ts'
import { readFqdns, readIcmps, readPortRules } from './cilium-port-fields.ts'
import type { Field } from './field.ts'
import type { LabelSelector } from './network-policy.ts'
import {
  onlyMembers,
  readChoice,
  readRequired,
  readSelector,
  requireMapping,
} from './network-policy-fields.ts'
import { quote } from './quote.ts'
import { dnsSubdomainProblem, labelKeyProblem } from './syntax.ts'

const directions = ['ingress', 'ingressDeny', 'egress', 'egressDeny'] as const

/** Returns `spec` and `specs` as they are written; they are usable only when the root recorded no problem. */
export function readCiliumSpecs(
  root: Field,
  isClusterwide: boolean,
): { readonly spec?: CiliumSpec; readonly specs?: readonly CiliumSpec[] } {
  const spec = root.member('spec')
  const specs = root.member('specs')
  if (!spec.isPresent && !specs.isPresent) {
    spec.problem('is required, or specs', 'say which pods it is about with endpointSelector')
  }
  const list = specs.items()?.map((item) => readCiliumSpec(item, isClusterwide))
  return {
    ...(spec.isPresent && { spec: readCiliumSpec(spec, isClusterwide) }),
    ...(list && { specs: list }),
  }
}

/** Returns the syntax problem of a selector's key, which may carry the source of the label: `k8s:app`. */
export function ciliumKeyProblem(key: string): string | undefined {
  const colon = key.indexOf(':')
  // Cilium checks the key with its source as first part.
  return labelKeyProblem(
    colon < 0 ? `any.${key}` : `${key.slice(0, colon)}.${key.slice(colon + 1)}`,
  )
}

function readCiliumSpec(field: Field, isClusterwide: boolean): CiliumSpec {
  if (!requireMapping(field, 'a mapping with endpointSelector')) return {}
  onlyMembers(field, [
    'endpointSelector',
    'nodeSelector',
    'enableDefaultDeny',
    ...directions,
    'description',
    'labels',
    'log',
  ])
  const endpointSelector = readSubject(field, isClusterwide)
  const nodeSelector = readOptional(field.member('nodeSelector'))
  const [ingress, ingressDeny] = (['ingress', 'ingressDeny'] as const).map((name) =>
    field
      .member(name)
      .items()
      ?.map((rule) => readIngress(rule, name === 'ingressDeny')),
  )
  const [egress, egressDeny] = (['egress', 'egressDeny'] as const).map((name) =>
    field
      .member(name)
      .items()
      ?.map((rule) => readEgress(rule, name === 'egressDeny')),
  )
  if ([ingress, ingressDeny, egress, egressDeny].every((rules) => (rules ?? []).length === 0)) {
    const hint = 'write ingress: [{}] to isolate a pod and let nothing in'
    field.problem('must have a rule in ingress, ingressDeny, egress or egressDeny', hint)
  }
  const enableDefaultDeny = readDefaultDeny(field.member('enableDefaultDeny'))
  const description = field.member('description').text()
  const labels = field
    .member('labels')
    .items()
    ?.map(({ value }) => value)
  const log = field.member('log')
  return {
    ...(description !== undefined && { description }),
    ...(endpointSelector && { endpointSelector }),
    ...(nodeSelector && { nodeSelector }),
    ...(enableDefaultDeny && { enableDefaultDeny }),
    ...(ingress && { ingress }),
    ...(ingressDeny && { ingressDeny }),
    ...(egress && { egress }),
    ...(egressDeny && { egressDeny }),
    ...(labels && { labels }),
    ...(log.isPresent && { log: log.value }),
  }
}

function readSubject(field: Field, isClusterwide: boolean): LabelSelector | undefined {
  const pods = field.member('endpointSelector')
  const nodes = field.member('nodeSelector')
  if (pods.isPresent === nodes.isPresent) {
    const choice = isClusterwide
      ? 'just one of endpointSelector and nodeSelector'
      : 'endpointSelector'
    field.problem(`must have ${choice}`, 'write endpointSelector: {} to select every pod')
  } else if (nodes.isPresent && !isClusterwide) {
    nodes.problem('is allowed in a CiliumClusterwideNetworkPolicy alone')
  }
  return readOptional(pods)
}

function readOptional(field: Field): LabelSelector | undefined {
  return field.isPresent ? readSelector(field, ciliumKeyProblem) : undefined
}

function readDefaultDeny(field: Field): CiliumSpec['enableDefaultDeny'] {
  if (field.mapping() === undefined) return undefined
  onlyMembers(field, ['ingress', 'egress'])
  const ingress = field.member('ingress').flag()
  const egress = field.member('egress').flag()
  return { ...(ingress !== undefined && { ingress }), ...(egress !== undefined && { egress }) }
}

function readIngress(field: Field, deny: boolean): CiliumIngressRule {
  if (!requireMapping(field, 'a rule', 'write {} for a rule that lets nothing in')) return {}
  const kinds = [
    'fromEndpoints',
    'fromCIDR',
    'fromCIDRSet',
    'fromEntities',
    'fromGroups',
    'fromNodes',
  ]
  checkRule(field, kinds, 'fromRequires', deny)
  const common = readPeers(field, 'from')
  return { ...common, ...readServices(field, { direction: 'ingress', deny }) }
}

function readEgress(field: Field, deny: boolean): CiliumEgressRule {
  if (!requireMapping(field, 'a rule', 'write {} for a rule that lets nothing out')) return {}
  const kinds = [
    'toEndpoints',
    'toCIDR',
    'toCIDRSet',
    'toEntities',
    'toServices',
    'toGroups',
    'toNodes',
  ]
  checkRule(field, deny ? kinds : [...kinds, 'toFQDNs'], 'toRequires', deny)
  const toServices = field
    .member('toServices')
    .items()
    ?.map(({ value }) => value)
  const toFQDNs = deny ? undefined : readFqdns(field.member('toFQDNs'))
  return {
    ...readPeers(field, 'to'),
    ...(toServices && { toServices }),
    ...(toFQDNs && { toFQDNs }),
    ...readServices(field, { direction: 'egress', deny }),
  }
}

/** A rule has one kind of peers, and ports or ICMP types, not both. */
function checkRule(field: Field, kinds: readonly string[], requires: string, deny: boolean): void {
  onlyMembers(field, [...kinds, requires, 'toPorts', 'icmps', ...(deny ? [] : ['authentication'])])
  const isFilled = (name: string): boolean => (field.member(name).items() ?? []).length > 0
  const used = kinds.filter(isFilled)
  if (used.length > 1) {
    field.problem(`must have one kind of peers, has ${used.join(' and ')}`, 'write a rule for each')
  }
  if (isFilled(requires)) field.member(requires).problem('is not supported any more')
  if (isFilled('toPorts') && isFilled('icmps')) {
    field.problem('must not have icmps beside toPorts', 'write a rule for each')
  }
}

function readPeers<Prefix extends 'from' | 'to'>(
  field: Field,
  prefix: Prefix,
): Readonly<Record<string, unknown>> {
  const part = (name: string): Field => field.member(`${prefix}${name}`)
  const lists: Readonly<Record<string, readonly unknown[] | undefined>> = {
    Endpoints: part('Endpoints').items()?.map(readPeerSelector),
    CIDR: part('CIDR').items()?.flatMap(readCidr),
    CIDRSet: part('CIDRSet').items()?.map(readCidrRule),
    Entities: part('Entities').items()?.flatMap(readEntity),
    Groups: part('Groups')
      .items()
      ?.map(({ value }) => value),
    Nodes: part('Nodes').items()?.map(readPeerSelector),
  }
  return Object.fromEntries(
    Object.entries(lists).flatMap(([name, list]) =>
      list === undefined ? [] : [[`${prefix}${name}`, list]],
    ),
  )
}

function readPeerSelector(field: Field): LabelSelector {
  const isRead = requireMapping(field, 'a label selector', 'write {} for every pod')
  return isRead ? readSelector(field, ciliumKeyProblem) : {}
}

function readEntity(field: Field): readonly CiliumEntity[] {
  const entity = readChoice(field, ciliumEntities)
  return entity === undefined ? [] : [entity]
}

function readCidr(field: Field): readonly string[] {
  const text = readRequired(field)
  if (text === undefined) return []
  checkPrefix(field, text)
  return [text]
}

function readCidrRule(field: Field): CiliumCidrRule {
  if (!requireMapping(field, 'a mapping with cidr')) return {}
  onlyMembers(field, ['cidr', 'cidrGroupRef', 'cidrGroupSelector', 'except'])
  const names = ['cidr', 'cidrGroupRef', 'cidrGroupSelector']
  if (names.filter((name) => field.member(name).isPresent).length !== 1) {
    field.problem('must have just one of cidr, cidrGroupRef and cidrGroupSelector')
  }
  const cidr = field.member('cidr').text()
  const block = cidr === undefined ? undefined : checkPrefix(field.member('cidr'), cidr)
  const cidrGroupRef = field.member('cidrGroupRef').text()
  if (cidrGroupRef !== undefined && dnsSubdomainProblem(cidrGroupRef) !== undefined) {
    field
      .member('cidrGroupRef')
      .problem(`is ${quote(cidrGroupRef)}, expected the name of an object`)
  }
  const cidrGroupSelector = readOptional(field.member('cidrGroupSelector'))
  const except = field
    .member('except')
    .items()
    ?.map((item) => {
      const text = readRequired(item) ?? ''
      const hole = text === '' ? undefined : checkPrefix(item, text)
      if (hole && block && !(hole.length >= block.length && prefixHolds(block, hole))) {
        item.problem(`must be inside cidr (${cidr}), is ${quote(text)}`)
      }
      return text
    })
  return {
    ...(cidr !== undefined && { cidr }),
    ...(cidrGroupRef !== undefined && { cidrGroupRef }),
    ...(cidrGroupSelector && { cidrGroupSelector }),
    ...(except && { except }),
  }
}

function checkPrefix(field: Field, text: string): ReturnType<typeof parsePrefix> {
  const prefix = parsePrefix(text)
  if (prefix === undefined) {
    field.problem(
      `must be a CIDR such as 10.0.0.0/8 or 2001:db8::/32, is ${quote(text)}`,
      'the length of the prefix is required',
    )
  }
  return prefix
}

function readServices(
  field: Field,
  place: { readonly direction: 'ingress' | 'egress'; readonly deny: boolean },
): Pick<CiliumIngressRule, 'toPorts' | 'icmps' | 'authentication'> {
  const toPorts = readPortRules(field.member('toPorts'), place)
  const icmps = readIcmps(field.member('icmps'))
  const authentication = field.member('authentication')
  if (authentication.isPresent && !place.deny) {
    readChoice(authentication.member('mode'), ['disabled', 'required', 'test-always-fail'])
  }
  return {
    ...(toPorts && { toPorts }),
    ...(icmps && { icmps }),
    ...(authentication.isPresent && !place.deny && { authentication: authentication.value }),
  }
}
