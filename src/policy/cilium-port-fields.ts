/** Reads ports, ICMP types and proxy rules of Cilium policies, with the checks of Cilium's `pkg/policy/api` sanitiser. */
import type {
  CiliumHttpRule,
  CiliumIcmpField,
  CiliumIcmpRule,
  CiliumL7Rules,
  CiliumPort,
  CiliumPortRule,
  FqdnSelector,
} from './cilium-policy.ts'
import { ciliumProtocols } from './cilium-policy.ts'
import { expressionProblem } from './expression.ts'
import type { Field } from './field.ts'
import { icmpTypeNumber } from './icmp-types.ts'
import { checkSyntax, onlyMembers, readChoice, requireMapping } from './network-policy-fields.ts'
import { maxPort } from './port-set.ts'
import { quote } from './quote.ts'
import { portNameProblem } from './syntax.ts'

/** Most ports, and most ICMP types, that Cilium takes in one rule. */
export const maxCiliumPorts = 40

/** Where a list of ports stands. */
export interface PortPlace {
  readonly direction: 'ingress' | 'egress'
  readonly deny: boolean
}

/** Returns the ports of a rule; undefined when it has none. */
export function readPortRules(
  field: Field,
  place: PortPlace,
): readonly CiliumPortRule[] | undefined {
  return field.items()?.map((item) => readPortRule(item, place))
}

/** Returns the ICMP types of a rule; undefined when it has none. */
export function readIcmps(field: Field): readonly CiliumIcmpRule[] | undefined {
  return field.items()?.map((item) => {
    if (!requireMapping(item, 'a mapping with fields')) return {}
    onlyMembers(item, ['fields'])
    const list = item.member('fields')
    const fields = list.items()
    limit(list, fields)
    return fields === undefined ? {} : { fields: fields.flatMap((one) => readIcmp(one) ?? []) }
  })
}

/** Returns names or patterns of names; undefined when there are none. */
export function readFqdns(field: Field): readonly FqdnSelector[] | undefined {
  return field.items()?.map(readFqdn)
}

function limit(field: Field, items: readonly unknown[] | undefined): void {
  if (items !== undefined && items.length > maxCiliumPorts) {
    const hint = 'spread them over several entries'
    field.problem(`must have at most ${maxCiliumPorts} items, has ${items.length}`, hint)
  }
}

function readPortRule(field: Field, place: PortPlace): CiliumPortRule {
  if (!requireMapping(field, 'a mapping with ports')) return {}
  const extras = ['terminatingTLS', 'originatingTLS', 'serverNames', 'listener'] as const
  onlyMembers(field, place.deny ? ['ports'] : ['ports', 'rules', ...extras])
  const list = field.member('ports')
  const items = list.items()
  limit(list, items)
  const ports = items?.map(readPort)
  const rulesField = field.member('rules')
  const rules = rulesField.isPresent ? readL7(rulesField, ports ?? [], place) : undefined
  const serverNames = field
    .member('serverNames')
    .items()
    ?.flatMap((item) => item.text() ?? [])
  if (serverNames?.includes('') === true) field.problem('must not have an empty server name')
  const rest = Object.fromEntries(
    (['terminatingTLS', 'originatingTLS', 'listener'] as const).flatMap((name) => {
      const { isPresent, value } = field.member(name)
      return isPresent ? [[name, value]] : []
    }),
  )
  return {
    ...(ports && { ports }),
    ...(rules && { rules }),
    ...(serverNames && { serverNames }),
    ...rest,
  }
}

function readPort(field: Field): CiliumPort {
  if (!requireMapping(field, 'a port')) return {}
  onlyMembers(field, ['port', 'endPort', 'protocol'])
  const protocol = readChoice(field.member('protocol'), ciliumProtocols)
  const portField = field.member('port')
  const port = portField.text()
  if (!portField.isPresent) portField.problem('is required', 'write "0" for every port')
  else if (port !== undefined) checkPort(portField, port, protocol)
  const endPort = readEndPort(field.member('endPort'), port)
  return {
    ...(port !== undefined && { port }),
    ...(endPort !== undefined && { endPort }),
    ...(protocol && { protocol }),
  }
}

function checkPort(field: Field, port: string, protocol: CiliumPort['protocol']): void {
  if (!/^\d+$/.test(port)) {
    // Names are compared without regard to case.
    checkSyntax(field, port.toLowerCase(), portNameProblem)
    return
  }
  if (String(Number(port)) !== port || Number(port) > maxPort) {
    field.problem(`must be from "0" to "${maxPort}" without leading zeros, is ${quote(port)}`)
  } else if (port !== '0' && (protocol === 'VRRP' || protocol === 'IGMP')) {
    field.problem(`must be "0" for ${protocol}, which has no ports`)
  }
}

function readEndPort(field: Field, port: string | undefined): number | undefined {
  const endPort = field.integer()
  if (endPort === undefined) return undefined
  if (endPort < 0 || endPort > maxPort) {
    field.problem(`must be from 0 to ${maxPort}, is ${endPort}`)
  } else if (endPort > 0 && port !== undefined) {
    if (!/^\d+$/.test(port)) field.problem('must not stand beside a named port')
    else if (port === '0') field.problem('must not stand beside port "0", which is every port')
    else if (endPort < Number(port)) field.problem(`must be at least port (${port}), is ${endPort}`)
  }
  return endPort
}

function readIcmp(field: Field): CiliumIcmpField | undefined {
  if (!requireMapping(field, 'a mapping with type')) return undefined
  onlyMembers(field, ['family', 'type'])
  const family = readChoice(field.member('family'), ['IPv4', 'IPv6'])
  const typeField = field.member('type')
  const type = typeField.value
  const isType = typeof type === 'number' || typeof type === 'string'
  if (!isType || icmpTypeNumber(type, family ?? 'IPv4') === undefined) {
    typeField.problem(
      `must be a number from 0 to 255 or the name of an ${family ?? 'IPv4'} type, is ${quote(String(type))}`,
    )
    return undefined
  }
  return { ...(family && { family }), type }
}

function readL7(field: Field, ports: readonly CiliumPort[], place: PortPlace): CiliumL7Rules {
  if (field.mapping() === undefined) return {}
  onlyMembers(field, ['http', 'dns', 'kafka', 'l7proto', 'l7'])
  const http = field.member('http').items()?.map(readHttp)
  const dnsField = field.member('dns')
  const dns = readFqdns(dnsField)
  const kafka = raw(field.member('kafka'))
  const l7proto = field.member('l7proto').text()
  const l7 = raw(field.member('l7'))
  const kinds = [http, dns, kafka, l7proto].filter((kind) => kind !== undefined)
  if (kinds.length !== 1) {
    field.problem('must have just one of http, dns, kafka and l7proto')
  }
  const isDns = (dns ?? []).length > 0
  if (isDns && place.direction === 'ingress') dnsField.problem('is not allowed on ingress')
  if (isDns && ports.length === 0) dnsField.problem('needs a list of ports', 'write port "53"')
  if (ports.some(({ port }) => port === '0')) field.problem('must not stand beside port "0"')
  if (!isDns && ports.some(({ protocol }) => protocol !== 'TCP')) {
    field.problem('can only check TCP: every port beside it needs protocol: TCP')
  }
  return {
    ...(http && { http }),
    ...(dns && { dns }),
    ...(kafka && { kafka }),
    ...(l7proto !== undefined && { l7proto }),
    ...(l7 && { l7 }),
  }
}

function raw(field: Field): readonly unknown[] | undefined {
  return field.items()?.map(({ value }) => value)
}

function readHttp(field: Field): CiliumHttpRule {
  if (!requireMapping(field, 'a kind of requests', 'write {} for every request')) return {}
  onlyMembers(field, ['method', 'path', 'host', 'headers', 'headerMatches'])
  const texts = (['method', 'path', 'host'] as const).flatMap((name) => {
    const one = field.member(name)
    const text = one.text()
    const problem = text === undefined ? undefined : expressionProblem(text)
    if (text !== undefined && problem !== undefined) {
      one.problem(`${problem}: ${quote(text)}`, 'Cilium refuses this when it loads the policy')
    }
    return text === undefined ? [] : [[name, text] as const]
  })
  const headers = field
    .member('headers')
    .items()
    ?.flatMap((item) => item.text() ?? [])
  const headerMatches = raw(field.member('headerMatches'))
  return {
    ...Object.fromEntries(texts),
    ...(headers && { headers }),
    ...(headerMatches && { headerMatches }),
  }
}

function readFqdn(field: Field): FqdnSelector {
  if (!requireMapping(field, 'a mapping with matchName or matchPattern')) return {}
  onlyMembers(field, ['matchName', 'matchPattern'])
  const name = field.member('matchName')
  const pattern = field.member('matchPattern')
  if (name.isPresent === pattern.isPresent) {
    field.problem('must have just one of matchName and matchPattern')
  }
  const matchName = readName(name, /^([-a-zA-Z0-9_]+[.]?)+$/, '0-9, a-z, A-Z, "-", "_" and "."')
  const matchPattern = readName(
    pattern,
    /^([-a-zA-Z0-9_*]+[.]?)+$/,
    '0-9, a-z, A-Z, "-", "_", "." and "*"',
  )
  return { ...(matchName && { matchName }), ...(matchPattern && { matchPattern }) }
}

function readName(field: Field, syntax: RegExp, characters: string): string | undefined {
  const text = field.text()
  // The length comes first: the published expression takes long for long texts that do not match.
  if (text !== undefined && (text.length > 255 || text.includes('..') || !syntax.test(text))) {
    field.problem(`is ${quote(text)}, expected at most 255 of ${characters}`)
  }
  return text
}
