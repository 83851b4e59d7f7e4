/**
 * Scenarios as data. A case names its ends, says which connections were recorded, and asserts by hand what the policies
 * must allow and deny: `frontend -> backend 8080/TCP`. This file reads that language, and nothing of it comes from the
 * code under test.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { toLabels } from '../../src/labels.ts'
import type { PolicyEndpoint, PolicyService } from '../../src/policy/network-policy.ts'
import type { End, FlowOptions, PodEnd } from './flows.ts'
import { flowLine } from './flows.ts'

/** What is recorded of a connection, besides its ends and port. */
export interface Recorded {
  /** `frontend -> backend 8080/TCP, 9125/UDP` */
  readonly flow: string
  /**
   * Default `opened`: verdicts, delivery and answer of a new connection. `established`: packets without SYN. `answered`:
   * the answers alone. `denied`, `denied-explicit`, `audit`: as policies judged it at the server. `stray`: a late packet
   * of the server `from` to the client's port, taken for a new connection. `egress`: only the client's verdict.
   */
  readonly as?: (typeof shapes)[number]
  /** Minutes after the start. Default: 0. */
  readonly at?: number
  readonly sourcePort?: number
  /** False where the connection must not be allowed although it was seen. */
  readonly learned?: false
  /** Names under which the server's address was looked up. */
  readonly names?: readonly string[]
  /** HTTP requests that a proxy at the server saw, `GET /orders/7`; the connection is then sent to it. */
  readonly http?: readonly string[]
  /** Names that were asked for through a proxy at the client. */
  readonly queries?: readonly string[]
}

const shapes = [
  'opened',
  'established',
  'answered',
  'egress',
  'denied',
  'denied-explicit',
  'audit',
  'stray',
] as const

/** `case.json` of a scenario. */
export interface Scenario {
  readonly name: string
  /** The folder of the case. */
  readonly dir: string
  /** What the case is about, in one sentence. */
  readonly about: string
  /** Every end by name, those that only assertions mention among them. */
  readonly ends: Readonly<Record<string, End>>
  readonly flows: readonly (string | Recorded)[]
  /** Records written as they stand. */
  readonly records?: readonly unknown[]
  /** Node that reports. Default: `worker-1`. */
  readonly node?: string
  /** Flags of the command line. */
  readonly options?: readonly string[]
  /** Default: 0. */
  readonly exit?: number
  /** Connections that must be allowed beyond those that were opened in the recording. */
  readonly allowed?: readonly string[]
  readonly denied?: readonly string[]
  /** Patterns that the policies must, and must not, contain. */
  readonly present?: readonly string[]
  readonly absent?: readonly string[]
  /** Patterns that diff or summary must, and must not, contain. */
  readonly findings?: readonly string[]
  readonly silent?: readonly string[]
  /** Outcomes of the ledger with their exact counts. */
  readonly ledger?: Readonly<Record<string, number>>
  /** How many policies exist after all, where that is the point. */
  readonly policies?: number
  /** What is different with Cilium's targets, each of which is a case of its own then ({@link forEachTarget}). */
  readonly onCilium?: Partial<Scenario>
  /** Folder of what was reviewed, below `dir`. Default: `expected`. */
  readonly expected?: string
}

/** One connection of a case: ends by name, and what is asked for. */
export interface Connection {
  readonly from: string
  readonly to: string
  readonly service: PolicyService
}

/** Returns every case below a folder, sorted by name. */
export function readScenarios(folder: string): readonly Scenario[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'case.json')))
    .sort()
    .map((name) => {
      const dir = join(folder, name)
      const text = readFileSync(join(dir, 'case.json'), 'utf8')
      return { ...JSON.parse(text), name, dir }
    })
}

/** Returns a case, followed by the same with each of Cilium's targets where it says what they do. */
export function forEachTarget(scenario: Scenario): readonly Scenario[] {
  const { onCilium, options = [] } = scenario
  if (onCilium === undefined) return [scenario]
  const targets = ['cilium', 'hybrid'].map((target): Scenario => {
    const own = { ...scenario, ...onCilium, name: `${scenario.name}-on-${target}` }
    const flags = [...(onCilium.options ?? options), '--target', target]
    return { ...own, options: flags, expected: join('expected', target) }
  })
  return [scenario, ...targets]
}

/** Returns the lines of a case's recording. */
export function recordingOf(scenario: Scenario): readonly string[] {
  const recorded = scenario.flows.flatMap((flow, index) => linesOf(scenario, flow, index))
  return [...recorded, ...(scenario.records ?? []).map((record) => JSON.stringify(record))]
}

/** Returns the connections between pods and addresses that the recording opened: they must stay allowed. */
export function openedIn(scenario: Scenario): readonly Connection[] {
  return scenario.flows
    .map((flow) => (typeof flow === 'string' ? { flow } : flow))
    .filter(
      ({ as = 'opened', learned }) =>
        learned !== false && ['opened', 'established', 'answered', 'egress'].includes(as),
    )
    .flatMap(({ flow }) => connectionsOf(flow))
    .filter(({ from, to, service }) => {
      const ends = [endOf(scenario, from), endOf(scenario, to)]
      return !('icmp' in service) && ends.every(isExpressible)
    })
}

function isExpressible(end: End): boolean {
  return 'world' in end || ('ns' in end && end.cluster === undefined)
}

/** Returns the connections that a text names: `a -> b 80/TCP, 53/UDP`, `a -> b ICMP`. */
export function connectionsOf(text: string): readonly Connection[] {
  const [, from, to, services] = /^(\S+) -> (\S+) (.+)$/.exec(text) ?? []
  if (from === undefined || to === undefined || services === undefined) {
    throw new Error(`not a connection: "${text}"`)
  }
  return services.split(', ').map((service) => ({ from, to, service: serviceOf(service) }))
}

function serviceOf(text: string): PolicyService {
  if (text === 'ICMP') return { icmp: { family: 'IPv4', type: 8 } }
  const [, port, protocol] = /^(\d+)\/(TCP|UDP|SCTP)$/.exec(text) ?? []
  if (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'SCTP') {
    throw new Error(`not a service: "${text}"`)
  }
  return { protocol, port: Number(port) }
}

/** Returns an end by name; `world:192.0.2.7` needs no entry. */
export function endOf(scenario: Scenario, name: string): End {
  if (name.startsWith('world:')) return { world: name.slice('world:'.length) }
  if (!Object.hasOwn(scenario.ends, name)) throw new Error(`${scenario.name}: no end "${name}"`)
  return scenario.ends[name] as End
}

/** Returns an end as policies see it: with all of its labels, those that no selector may use among them. */
export function policyEndpointOf(end: End): PolicyEndpoint {
  if ('world' in end) {
    const labels = (end.rawLabels ?? [])
      .map((label) => label.replace('reserved:', ''))
      .filter((label) => label !== 'world')
    return { kind: 'address', address: end.world, names: end.names ?? [], labels }
  }
  if ('raw' in end) throw new Error('a raw end cannot be evaluated')
  if ('entity' in end) {
    const labels = typeof end.entity === 'string' ? [end.entity] : end.entity
    return { kind: 'entity', entity: labels[0] ?? '', labels }
  }
  if (end.remote === true) {
    const labels = Object.entries(podLabels(end)).map(([key, value]) => `k8s:${key}=${value}`)
    const home = [
      `k8s:io.kubernetes.pod.namespace=${end.ns}`,
      `k8s:io.cilium.k8s.policy.cluster=${end.cluster}`,
    ]
    return { kind: 'entity', entity: 'remote-cluster', labels: [...labels, ...home] }
  }
  return {
    kind: 'pod',
    namespace: end.ns,
    namespaceLabels: toLabels([
      ...Object.entries(end.nsLabels ?? {}),
      ['kubernetes.io/metadata.name', end.ns],
    ]),
    labels: toLabels(Object.entries(podLabels(end))),
  }
}

function podLabels(end: PodEnd): Readonly<Record<string, string>> {
  return end.labels ?? (end.app === undefined ? {} : { app: end.app })
}

function linesOf(scenario: Scenario, entry: string | Recorded, index: number): readonly string[] {
  const recorded = typeof entry === 'string' ? { flow: entry } : entry
  return connectionsOf(recorded.flow).flatMap(({ from, to, service }, nth) => {
    const time = (recorded.at ?? 0) * 60_000 + index * 100 + nth * 10
    const base: FlowOptions = {
      from: endOf(scenario, from),
      to: endOf(scenario, to),
      ...l4Of(service, recorded.sourcePort ?? 40_000 + index * 16 + nth),
      time,
      node: scenario.node ?? 'worker-1',
      ...(recorded.names === undefined ? {} : { destinationNames: recorded.names }),
    }
    const packets =
      recorded.http === undefined && recorded.queries === undefined
        ? packetsOf(base, recorded.as ?? 'opened')
        : proxied(base, recorded)
    return packets.map((packet) => flowLine(packet))
  })
}

function l4Of(service: PolicyService, sourcePort: number): Partial<FlowOptions> {
  if ('icmp' in service) return { protocol: 'ICMPv4', icmpType: service.icmp.type }
  return { protocol: service.protocol, port: service.port, sourcePort }
}

function packetsOf(base: FlowOptions, as: (typeof shapes)[number]): readonly FlowOptions[] {
  const isFromPod = 'ns' in base.from
  const isToPod = 'ns' in base.to
  const drop = { ...base, direction: 'INGRESS', verdict: 'DROPPED' } as const
  switch (as) {
    case 'opened':
      return [
        ...(isFromPod ? egressVerdict(base) : []),
        ...(isToPod ? delivery(base, 'SYN', 'NEW') : []),
        ...answer(base, 'SYN,ACK'),
      ]
    case 'egress':
      return egressVerdict(base)
    case 'established':
      return isToPod ? delivery(base, 'ACK', 'ESTABLISHED') : trace(base, 'ACK', 'ESTABLISHED')
    case 'answered':
      return answer(base, 'ACK')
    case 'audit':
      return [{ ...base, direction: 'INGRESS', verdict: 'AUDIT' }, ...delivery(base, 'SYN', 'NEW')]
    case 'denied':
      return [
        { ...drop, dropReason: 'POLICY_DENIED' },
        { ...drop, dropReason: 'POLICY_DENIED', type: 1, subType: 133 },
      ]
    case 'denied-explicit':
      return [{ ...drop, dropReason: 'POLICY_DENY', type: 1, subType: 181 }]
    case 'stray':
      return delivery(
        { ...base, sourcePort: base.port ?? 0, port: base.sourcePort ?? 0 },
        'ACK',
        'NEW',
      )
  }
}

/** A connection that a verdict sends to a proxy, and what the proxy reports. */
function proxied(base: FlowOptions, { http = [], queries = [] }: Recorded): readonly FlowOptions[] {
  const direction = queries.length > 0 ? 'EGRESS' : 'INGRESS'
  const sent = { ...base, direction, verdict: 'REDIRECTED' } as const
  const asked = { ...base, direction, verdict: 'FORWARDED' } as const
  const answered = {
    ...asked,
    from: base.to,
    to: base.from,
    sourcePort: base.port ?? null,
    port: base.sourcePort ?? 0,
    isReply: true,
  } as const
  return [
    ...(direction === 'INGRESS' ? egressVerdict(base) : []),
    sent,
    ...(direction === 'INGRESS' ? delivery(base, 'SYN', 'NEW') : []),
    ...http.flatMap((text): readonly FlowOptions[] => {
      const [method = '', path = ''] = text.split(' ')
      const one = { method, url: `http://server:${base.port}${path}` }
      return [
        { ...asked, http: { kind: 'REQUEST', ...one } },
        { ...answered, http: { kind: 'RESPONSE', code: 200, ...one } },
      ]
    }),
    ...queries.flatMap((query): readonly FlowOptions[] => [
      { ...asked, dns: { kind: 'REQUEST', query } },
      { ...answered, dns: { kind: 'RESPONSE', query, rcode: 3 } },
    ]),
  ]
}

function egressVerdict(base: FlowOptions): readonly FlowOptions[] {
  return base.protocol === 'ICMPv4' ? trace(base, '', 'NEW') : [{ ...base, direction: 'EGRESS' }]
}

function trace(base: FlowOptions, flags: string, reason: string): readonly FlowOptions[] {
  return [{ ...base, point: 'TO_STACK', subType: 3, flags, reason, direction: 'EGRESS' }]
}

function delivery(base: FlowOptions, flags: string, reason: string): readonly FlowOptions[] {
  return [{ ...base, point: 'TO_ENDPOINT', flags, reason, direction: 'EGRESS' }]
}

/** The server's packet: delivered to a client that is a pod, else leaving the server's node. */
function answer(base: FlowOptions, flags: string): readonly FlowOptions[] {
  const { destinationNames, ...rest } = base
  const toPod = 'ns' in base.from
  return [
    {
      ...rest,
      from: base.to,
      to: base.from,
      sourcePort: base.port ?? null,
      ...(base.protocol === 'ICMPv4' ? { icmpType: 0 } : { port: base.sourcePort ?? 0 }),
      ...(destinationNames === undefined ? {} : { sourceNames: destinationNames }),
      flags,
      isReply: true,
      reason: 'REPLY',
      direction: toPod ? 'EGRESS' : 'INGRESS',
      ...(toPod ? { point: 'TO_ENDPOINT' } : { point: 'TO_STACK', subType: 3 }),
    },
  ]
}
