/**
 * Reads the `spec` of a networking.k8s.io/v1 NetworkPolicy with the rules of the API server
 * (kubernetes `pkg/apis/networking/validation` and apimachinery's label selector validation).
 */
import { parseAddress, parsePrefix, prefixHolds } from '../ip.ts'
import type { Field } from './field.ts'
import type {
  EgressRule,
  IngressRule,
  IpBlock,
  LabelSelector,
  LabelSelectorRequirement,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
  PolicyType,
  PortProtocol,
} from './network-policy.ts'
import { quote } from './quote.ts'
import { labelKeyProblem, labelValueProblem, portNameProblem } from './syntax.ts'

const maxPort = 65_535

/** Returns the spec as it is written; it is usable only when the field recorded no problem. */
export function readSpec(spec: Field): NetworkPolicySpec {
  const isRead = requireMapping(spec, 'a mapping with podSelector, ingress and egress')
  if (!isRead) return { podSelector: {} }
  onlyMembers(spec, ['podSelector', 'policyTypes', 'ingress', 'egress'])
  const podSelector = spec.member('podSelector')
  const hint = 'write podSelector: {} to select every pod'
  const hasSelector = requireMapping(podSelector, 'a label selector', hint)
  const policyTypes = readPolicyTypes(spec.member('policyTypes'))
  const ingress = spec.member('ingress').items()?.map(readIngressRule)
  const egress = spec.member('egress').items()?.map(readEgressRule)
  return {
    podSelector: hasSelector ? readSelector(podSelector) : {},
    ...(policyTypes && { policyTypes }),
    ...(ingress && { ingress }),
    ...(egress && { egress }),
  }
}

function readPolicyTypes(field: Field): readonly PolicyType[] | undefined {
  const items = field.items()
  if (items !== undefined && items.length > 2) {
    field.problem(`must have at most 2 items, has ${items.length}`)
  }
  return items?.flatMap((item) => readChoice<PolicyType>(item, ['Ingress', 'Egress']) ?? [])
}

function readIngressRule(field: Field): IngressRule {
  const { peers, ports } = readRule(field, 'from')
  return { ...(peers && { from: peers }), ...(ports && { ports }) }
}

function readEgressRule(field: Field): EgressRule {
  const { peers, ports } = readRule(field, 'to')
  return { ...(peers && { to: peers }), ...(ports && { ports }) }
}

function readRule(
  field: Field,
  direction: 'from' | 'to',
): {
  readonly peers: readonly NetworkPolicyPeer[] | undefined
  readonly ports: readonly NetworkPolicyPort[] | undefined
} {
  // The API server reads a null rule as {}, which allows everything: too much for a slip of the pen.
  const isRead = requireMapping(field, 'a rule', 'write {} to allow everything')
  if (!isRead) return { peers: undefined, ports: undefined }
  onlyMembers(field, [direction, 'ports'])
  return {
    peers: field.member(direction).items()?.map(readPeer),
    ports: field.member('ports').items()?.map(readPort),
  }
}

function readPeer(field: Field): NetworkPolicyPeer {
  if (!requireMapping(field, 'a peer')) return {}
  onlyMembers(field, ['podSelector', 'namespaceSelector', 'ipBlock'])
  const podSelector = field.member('podSelector')
  const namespaceSelector = field.member('namespaceSelector')
  const ipBlock = field.member('ipBlock')
  const hasSelector = podSelector.isPresent || namespaceSelector.isPresent
  if (!(hasSelector || ipBlock.isPresent)) {
    const message = 'must have a podSelector, a namespaceSelector or an ipBlock'
    field.problem(message, 'leave out the list of peers to allow all of them')
  } else if (hasSelector && ipBlock.isPresent) {
    field.problem('must not have an ipBlock beside a selector', 'write two peers')
  }
  return {
    ...(podSelector.isPresent && { podSelector: readSelector(podSelector) }),
    ...(namespaceSelector.isPresent && { namespaceSelector: readSelector(namespaceSelector) }),
    ...(ipBlock.isPresent && { ipBlock: readIpBlock(ipBlock) }),
  }
}

/** Returns a label selector; `keyProblem` says what is wrong with the syntax of a key. */
export function readSelector(
  field: Field,
  keyProblem: typeof labelKeyProblem = labelKeyProblem,
): LabelSelector {
  onlyMembers(field, ['matchLabels', 'matchExpressions'])
  const labels = field.member('matchLabels')
  const matchLabels = labels.labels()
  if (matchLabels !== undefined) {
    for (const [key, value] of labels.members()) {
      checkSyntax(value, key, keyProblem, 'key ')
      if (typeof value.value === 'string') checkSyntax(value, value.value, labelValueProblem)
    }
  }
  const expressions = field.member('matchExpressions').items()
  const matchExpressions = expressions?.flatMap((item) => readRequirement(item, keyProblem) ?? [])
  return {
    ...(matchLabels && { matchLabels }),
    ...(matchExpressions && { matchExpressions }),
  }
}

function readRequirement(
  field: Field,
  keyProblem: typeof labelKeyProblem,
): LabelSelectorRequirement | undefined {
  if (!requireMapping(field, 'an expression with key and operator')) return undefined
  onlyMembers(field, ['key', 'operator', 'values'])
  const keyField = field.member('key')
  const key = readRequired(keyField)
  if (key !== undefined) checkSyntax(keyField, key, keyProblem)
  const operatorField = field.member('operator')
  if (!operatorField.isPresent) operatorField.problem('is required')
  const operator = readChoice(operatorField, ['In', 'NotIn', 'Exists', 'DoesNotExist'])
  const values = readValues(field.member('values'), operator)
  if (key === undefined || operator === undefined) return undefined
  return { key, operator, ...(values && { values }) }
}

function readValues(
  field: Field,
  operator: LabelSelectorRequirement['operator'] | undefined,
): readonly string[] | undefined {
  const items = field.items()
  const count = items?.length ?? 0
  const takesValues = operator === 'In' || operator === 'NotIn'
  if (operator !== undefined && takesValues && count === 0) {
    field.problem(`must have a value for the operator ${operator}`)
  } else if (operator !== undefined && !takesValues && count > 0) {
    field.problem(`must be absent for the operator ${operator}`)
  }
  return items?.map((item) => {
    const value = readRequired(item)
    if (value !== undefined) checkSyntax(item, value, labelValueProblem)
    return value ?? ''
  })
}

function readIpBlock(field: Field): IpBlock {
  onlyMembers(field, ['cidr', 'except'])
  const cidrField = field.member('cidr')
  const cidr = readRequired(cidrField) ?? ''
  const block = cidr === '' ? undefined : readPrefix(cidrField, cidr)
  const except = field
    .member('except')
    .items()
    ?.map((item) => {
      const text = readRequired(item) ?? ''
      const hole = text === '' ? undefined : readPrefix(item, text)
      if (hole && block && !(hole.length > block.length && prefixHolds(block, hole))) {
        item.problem(`must be strictly inside cidr (${cidr}), is ${quote(text)}`)
      }
      return text
    })
  return { cidr, ...(except && { except }) }
}

function readPrefix(field: Field, text: string): ReturnType<typeof parsePrefix> {
  const prefix = parsePrefix(text)
  const address = text.slice(0, text.indexOf('/'))
  const isMapped = address.includes(':') && parseAddress(address)?.width === 32
  if (prefix === undefined) {
    field.problem(
      `must be a CIDR such as 10.0.0.0/8 or 2001:db8::/32, is ${quote(text)}`,
      'leading zeros are not allowed, and the length of the prefix is required',
    )
  } else if (isMapped) {
    field.problem(`must not be an IPv4-mapped IPv6 block, is ${quote(text)}`, 'write it as IPv4')
  }
  return prefix
}

function readPort(field: Field): NetworkPolicyPort {
  if (!requireMapping(field, 'a port')) return {}
  onlyMembers(field, ['protocol', 'port', 'endPort'])
  const protocol = readChoice<PortProtocol>(field.member('protocol'), ['TCP', 'UDP', 'SCTP'])
  const port = readPortValue(field.member('port'))
  const endPort = readEndPort(field.member('endPort'), field.member('port'))
  return {
    ...(protocol && { protocol }),
    ...(port !== undefined && { port }),
    ...(endPort !== undefined && { endPort }),
  }
}

function readPortValue(field: Field): number | string | undefined {
  if (typeof field.value !== 'string') return readPortNumber(field)
  const expected = portNameProblem(field.value)
  if (expected !== undefined) {
    const hint = /^\d+$/.test(field.value) ? 'write the number without quotes' : undefined
    field.problem(`is ${quote(field.value)}, ${expected}`, hint)
  }
  return field.value
}

function readPortNumber(field: Field): number | undefined {
  const port = field.integer()
  if (port !== undefined && (port < 1 || port > maxPort)) {
    field.problem(`must be from 1 to ${maxPort}, is ${port}`)
  }
  return port
}

function readEndPort(field: Field, port: Field): number | undefined {
  const endPort = readPortNumber(field)
  if (endPort === undefined) return undefined
  if (!port.isPresent) field.problem('must not stand without port')
  else if (typeof port.value === 'string') field.problem('must not stand beside a named port')
  else if (typeof port.value === 'number' && endPort < port.value) {
    field.problem(`must be at least port (${port.value}), is ${endPort}`)
  }
  return endPort
}

/** Returns a string; a problem when there is none. */
export function readRequired(field: Field): string | undefined {
  const text = field.text()
  if (!field.isPresent) field.problem('must be a string, is absent or null')
  return text
}

/** Returns one of some texts; undefined when it is absent, and a problem when it is another one. */
export function readChoice<T extends string>(field: Field, choices: readonly T[]): T | undefined {
  const text = field.text()
  const choice = choices.find((candidate) => candidate === text)
  if (text !== undefined && choice === undefined) {
    field.problem(`must be one of ${choices.join(', ')}, is ${quote(text)}`)
  }
  return choice
}

/** Tells whether the part is a mapping; a problem when it is not. */
export function requireMapping(field: Field, what: string, hint?: string): boolean {
  if (field.isPresent) return field.mapping() !== undefined
  field.problem(`must be ${what}, is ${field.value === null ? 'null' : 'absent'}`, hint)
  return false
}

/** Records a problem for each member of another name. */
export function onlyMembers(field: Field, names: readonly string[]): void {
  for (const [name, member] of field.members()) {
    if (!names.includes(name)) {
      member.problem(`is an unknown field, expected one of ${names.join(', ')}`)
    }
  }
}

/** Records a problem when a text has another syntax than the API allows. */
export function checkSyntax(
  field: Field,
  text: string,
  syntax: (text: string) => string | undefined,
  what = '',
): void {
  const expected = syntax(text)
  if (expected !== undefined) field.problem(`${what}is ${quote(text)}, ${expected}`)
}
