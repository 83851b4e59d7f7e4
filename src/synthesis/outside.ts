/** Addresses outside the cluster: from what was seen to the blocks that allow it. */

import type { Prefix } from '../ip.ts'
import { formatPrefix, parseAddress, parsePrefix, prefixesMeet, prefixOf } from '../ip.ts'
import type { PortProtocol } from '../policy/network-policy.ts'
import type { OpenPorts } from '../traffic/active-edges.ts'
import type { InventoryService } from '../traffic/inventory.ts'
import { coverAddresses, worldExcept } from './cidr-cover.ts'
import type { Contribution, OutsideUse } from './edge-grants.ts'
import { nameOutside } from './named-outside.ts'
import type { Plan } from './plan.ts'
import { isBehind, targetPorts } from './services.ts'
import { knowsCilium } from './special-grants.ts'
import type { Finding, Grant, GrantPeer, Group, Widening, WideningReason } from './synthesis.ts'

/** More outside clients of one port than this are taken for the world. */
export const worldClients = 8

/** More addresses behind one port than this are a finding: a list of addresses will not hold. */
export const churnAddresses = 50

/** Ranges into which no prefix may widen, whatever the cluster's own are. */
const specialRanges: readonly { readonly cidr: string; readonly name: string }[] = [
  { cidr: '169.254.169.254/32', name: 'the cloud metadata service' },
  { cidr: 'fd00:ec2::254/128', name: 'the cloud metadata service' },
  { cidr: '169.254.0.0/16', name: 'link-local addresses' },
  { cidr: 'fe80::/10', name: 'link-local addresses' },
  { cidr: '127.0.0.0/8', name: 'loopback addresses' },
  { cidr: '::1/128', name: 'loopback addresses' },
  { cidr: '224.0.0.0/4', name: 'multicast addresses' },
  { cidr: 'ff00::/8', name: 'multicast addresses' },
  { cidr: '255.255.255.255/32', name: 'the broadcast address' },
]

/** One subject and direction with everything it exchanged with the outside. */
interface Bundle {
  readonly direction: 'ingress' | 'egress'
  readonly subject: Group
  readonly uses: readonly OutsideUse[]
}

/** Returns the blocks that the uses of outside addresses call for, with what they widen. */
export function grantOutside(
  plan: Plan,
  uses: readonly OutsideUse[],
  resolving: ReadonlySet<number> = new Set(),
): Contribution {
  const named = nameOutside(plan, uses, resolving)
  const grants: Grant[] = [...named.grants]
  const widenings: Widening[] = [...named.widenings]
  const findings: Finding[] = []
  for (const bundle of bundleUses(plan, named.rest)) {
    const byPort = groupBy(bundle.uses, (use) => `${use.port}/${use.protocol}`)
    const listed: OutsideUse[] = []
    for (const [port, portUses] of byPort) {
      const opened = openToWorld(plan, bundle, port, portUses)
      if (opened === undefined) {
        listed.push(...portUses)
        findings.push(...reportChurn(bundle, port, portUses))
      } else {
        grants.push(...opened.grants)
        widenings.push(...opened.widenings)
        findings.push(...opened.findings)
      }
    }
    const blocks = listAddresses(plan, bundle, listed)
    grants.push(...blocks.grants)
    widenings.push(...blocks.widenings)
    findings.push(...reportSpecial(plan, bundle, listed))
  }
  return { grants, widenings, findings }
}

/** Returns the cluster's own ranges, as far as they were given. */
export function clusterRanges(plan: Plan): readonly Prefix[] {
  const { options } = plan
  return [
    ...(options.podCidrs ?? []),
    ...(options.serviceCidrs ?? []),
    ...(options.nodeCidrs ?? []),
    ...(options.inventory?.nodes.flatMap((node) => node.podCidrs) ?? []),
  ].flatMap((cidr) => parsePrefix(cidr) ?? [])
}

function podAddresses(plan: Plan): readonly Prefix[] {
  const pods = plan.options.inventory?.pods ?? []
  return pods.flatMap((pod) => pod.addresses).flatMap((address) => asPrefix(address) ?? [])
}

/** Returns an address or a prefix as a prefix. */
export function asPrefix(text: string): Prefix | undefined {
  const address = parseAddress(text)
  return address === undefined ? parsePrefix(text) : prefixOf(address, address.width)
}

/** Returns which ports the grants open to every address outside: a new client is nothing new to them. */
export function openPortsOf(grants: readonly Grant[]): OpenPorts {
  const open = groupBy(
    grants.filter(({ why }) => why === 'world-ingress' || why === 'outside-port'),
    ({ subject, direction, protocol }) => `${subject} ${direction} ${protocol}`,
  )
  return (group, direction, { protocol, port }) =>
    (open.get(`${group} ${direction} ${protocol}`) ?? []).some(
      (grant) => grant.port <= port && port <= (grant.endPort ?? grant.port),
    )
}

function bundleUses(plan: Plan, uses: readonly OutsideUse[]): readonly Bundle[] {
  return [...groupBy(uses, (use) => `${use.subject} ${use.direction}`).values()].flatMap((some) => {
    const first = some[0]
    const subject = first === undefined ? undefined : plan.groups[first.subject]
    return first === undefined || subject === undefined
      ? []
      : [{ direction: first.direction, subject, uses: some }]
  })
}

function openToWorld(
  plan: Plan,
  bundle: Bundle,
  port: string,
  uses: readonly OutsideUse[],
): Contribution | undefined {
  const clients = new Set(uses.map((use) => use.address)).size
  const why = worldReason(plan, bundle, uses, clients)
  const first = uses[0]
  if (why === undefined || first === undefined) return undefined
  const learned = uses.flatMap((use) => asPrefix(use.address) ?? [])
  const blocks =
    why.ranges.length > 0
      ? coverAddresses([...why.ranges.flatMap((range) => parsePrefix(range) ?? []), ...learned], {
          maxExtra: 0,
          forbidden: [],
        }).prefixes.map((prefix) => ({ cidr: formatPrefix(prefix), except: [] }))
      : worldExcept(clusterRanges(plan), learned)
  const reason: WideningReason = bundle.direction === 'ingress' ? 'world-ingress' : 'outside-port'
  const { direction, subject } = bundle
  return {
    grants: blocks.map((block) => ({
      direction,
      subject: subject.id,
      peer: worldPeer(plan, block),
      protocol: first.protocol,
      port: first.port,
      why: reason,
    })),
    widenings: [
      {
        reason,
        policy: plan.policyNames[subject.id] ?? '',
        direction,
        subject: subject.name,
        peer: blocks.map((block) => block.cidr).join(', '),
        ports: [port],
        size: `${clients} ${clients === 1 ? 'address was' : 'addresses were'} seen, the whole range is let in`,
        hint: why.hint,
      },
    ],
    findings: [
      {
        code: direction === 'ingress' ? 'WORLD_INGRESS' : 'OUTSIDE_PORT',
        severity: 'warning',
        subject: `${subject.name} ${port}`,
        message: `is open to ${why.ranges.length > 0 ? 'the source ranges of its service' : 'every address outside the cluster'}: ${why.text}`,
        hint: why.hint,
      },
    ],
  }
}

/** Cilium has a word for everything outside: it needs no list of what is inside. */
function worldPeer(
  plan: Plan,
  block: { readonly cidr: string; readonly except: readonly string[] },
): GrantPeer {
  return knowsCilium(plan.options) && plan.options.outside === 'port'
    ? { kind: 'entity', entity: 'world' }
    : { kind: 'block', ...block }
}

function worldReason(
  plan: Plan,
  bundle: Bundle,
  uses: readonly OutsideUse[],
  clients: number,
):
  | { readonly text: string; readonly hint: string; readonly ranges: readonly string[] }
  | undefined {
  if (plan.options.outside === 'port') {
    return {
      text: 'the port was asked to be opened (--outside port)',
      hint: 'list the addresses with --outside exact',
      ranges: [],
    }
  }
  const first = uses[0]
  if (bundle.direction === 'egress' || first === undefined) return undefined
  if (!isPortProtocol(first.protocol)) return undefined
  const services = publishingServices(plan, bundle.subject, first.protocol, first.port)
  if (services.length > 0) {
    const names = services.map(({ namespace, name, type }) => `${namespace}/${name} (${type})`)
    const isOpen = services.some((service) => service.loadBalancerSourceRanges.length === 0)
    return {
      text: `${services.length === 1 ? 'service' : 'services'} ${names.sort().join(', ')} ${services.length === 1 ? 'publishes' : 'publish'} it`,
      hint: 'limit the service with loadBalancerSourceRanges, which is honoured',
      ranges: isOpen ? [] : services.flatMap((service) => service.loadBalancerSourceRanges),
    }
  }
  if (clients <= worldClients) return undefined
  return {
    text: `${clients} addresses outside the cluster used it`,
    hint: 'if only some clients are wanted, write a rule for their ranges by hand and leave this port out',
    ranges: [],
  }
}

/** Services that publish a port of the subject outside the cluster. */
function publishingServices(
  plan: Plan,
  subject: Group,
  protocol: PortProtocol,
  port: number,
): readonly InventoryService[] {
  return (plan.options.inventory?.services ?? [])
    .filter((service) => service.type === 'LoadBalancer' || service.type === 'NodePort')
    .filter((service) => isBehind(plan, subject, service))
    .filter((service) =>
      service.ports.some(
        (one) =>
          one.protocol === protocol &&
          targetPorts(plan, subject, one.targetPort, protocol).includes(port),
      ),
    )
}

function listAddresses(plan: Plan, bundle: Bundle, uses: readonly OutsideUse[]): Contribution {
  const portsOf = groupBy(uses, (use) => use.address)
  const sameUse = groupBy([...portsOf.keys()], (address) =>
    JSON.stringify([...new Set((portsOf.get(address) ?? []).map(portKey))].sort()),
  )
  const parts = [...sameUse.values()].map((addresses) => {
    const first = portsOf.get(addresses[0] ?? '') ?? []
    const ports = [...new Map(first.map((use) => [portKey(use), use])).values()]
    return listBlocks(plan, bundle, addresses, ports)
  })
  return {
    grants: parts.flatMap((part) => part.grants),
    widenings: parts.flatMap((part) => part.widenings),
    findings: [],
  }
}

/** Returns the shortest list of blocks for addresses that were all used on the same ports. */
function listBlocks(
  plan: Plan,
  bundle: Bundle,
  addresses: readonly string[],
  ports: readonly OutsideUse[],
): { grants: readonly Grant[]; widenings: readonly Widening[] } {
  const { direction, subject } = bundle
  const forbidden = [
    ...clusterRanges(plan),
    ...specialRanges.flatMap(({ cidr }) => parsePrefix(cidr) ?? []),
  ]
  const seen = addresses.flatMap((address) => asPrefix(address) ?? [])
  const cover = coverAddresses(seen, { maxExtra: plan.options.cidrMaxExtra ?? 0, forbidden })
  const lossless = coverAddresses(seen, { maxExtra: 0, forbidden })
  const exact = new Set(lossless.prefixes.map(formatPrefix))
  const grants = cover.prefixes.flatMap((prefix) =>
    ports.map(({ protocol, port }): Grant => {
      const cidr = formatPrefix(prefix)
      const why = exact.has(cidr) ? 'learned' : 'cidr-merge'
      const peer = { kind: 'block', cidr, except: [] } as const
      return { direction, subject: subject.id, peer, protocol, port, why }
    }),
  )
  const widening = {
    policy: plan.policyNames[subject.id] ?? '',
    direction,
    subject: subject.name,
    ports: ports.map(portKey).sort(),
  }
  const folded = addresses
    .filter((address) => address.includes('/'))
    .map(
      (address): Widening => ({
        ...widening,
        reason: 'folded-prefix',
        peer: address,
        size: `every address of ${address}`,
        hint: 'too many addresses were seen to keep each: a policy by DNS name, or --outside port, says what is meant',
      }),
    )
  if (cover.extra === 0n) return { grants, widenings: folded }
  const merged: Widening = {
    ...widening,
    reason: 'cidr-merge',
    peer: cover.prefixes
      .map(formatPrefix)
      .filter((cidr) => !exact.has(cidr))
      .join(', '),
    size: `${cover.extra} addresses that were not seen`,
    hint: 'lower --cidr-max-extra',
  }
  return { grants, widenings: [merged, ...folded] }
}

function reportChurn(
  bundle: Bundle,
  port: string,
  uses: readonly OutsideUse[],
): readonly Finding[] {
  const addresses = new Set(uses.map((use) => use.address))
  if (addresses.size <= churnAddresses) return []
  const names = [...new Set(uses.flatMap((use) => use.names))].sort().slice(0, 3)
  return [
    {
      code: 'ADDRESS_CHURN',
      severity: 'action',
      subject: `${bundle.subject.name} ${port}`,
      message: `used ${addresses.size} addresses outside the cluster${names.length > 0 ? ` (${names.join(', ')})` : ''}: the next one will be blocked`,
      hint: 'open the port with --outside port, shorten the list with --cidr-max-extra, or use a policy kind that knows DNS names',
    },
  ]
}

function reportSpecial(
  plan: Plan,
  bundle: Bundle,
  uses: readonly OutsideUse[],
): readonly Finding[] {
  const own = [...clusterRanges(plan), ...podAddresses(plan)]
  const addresses = [...new Set(uses.map((use) => use.address))]
  return addresses.flatMap((address): readonly Finding[] => {
    const prefix = asPrefix(address)
    if (prefix === undefined) return []
    const special = specialRanges.find(({ cidr }) => {
      const range = parsePrefix(cidr)
      return range !== undefined && prefixesMeet(range, prefix)
    })
    const inside = own.find((range) => prefixesMeet(range, prefix))
    if (special === undefined && inside === undefined) return []
    const what = special?.name ?? `the cluster's own range ${inside ? formatPrefix(inside) : ''}`
    return [
      {
        code: 'SPECIAL_ADDRESS',
        severity: 'warning',
        subject: `${bundle.subject.name} ${bundle.direction === 'egress' ? '->' : '<-'} ${address}`,
        message: `belongs to ${what}: it is allowed as it was seen, alone`,
        hint:
          special === undefined
            ? 'many network plugins do not match pods and nodes by address: check that this rule does what you expect'
            : 'check that the workload needs it',
      },
    ]
  })
}

function isPortProtocol(protocol: string): protocol is PortProtocol {
  return protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP'
}

function portKey(use: OutsideUse): string {
  return `${use.port}/${use.protocol}`
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const list = groups.get(key)
    if (list === undefined) groups.set(key, [item])
    else list.push(item)
  }
  return groups
}
