/** What crosses from zone to zone, and which of it somebody approved. */
import { createEndTexts } from './edge-ends.ts'
import { isObserved, isPassedIcmp } from './observed-outcomes.ts'
import { compareTexts } from './text-key.ts'
import { formatTime } from './timestamp.ts'
import type { Edge, EdgeEnd, Traffic } from './traffic.ts'
import type { ZoneRules } from './zones.ts'
import { createZoneOf, impliedZones, unmetBy } from './zones.ts'

/** Stands for every zone in an approval. */
export const anyZone = '*'

/** One entry of an approvals file: who lets what cross, why, and until when. */
export interface Approval {
  /** A zone, or {@link anyZone}. */
  readonly from: string
  readonly to: string
  /** `443/TCP`; empty for all. */
  readonly ports: readonly string[]
  /** `namespace` or `namespace/workload`; absent for all of the zone. */
  readonly source?: string
  readonly destination?: string
  readonly approvedBy: string
  readonly reason: string
  /** The moment after which it is worth nothing, in milliseconds since the epoch. */
  readonly untilMs: number
  /** Where it stands, `file:line`. */
  readonly at: string
}

/** A kind of communication that crosses: one pair of ends and a port. */
export interface Crossing {
  readonly fromZone: string
  readonly toZone: string
  readonly from: string
  readonly to: string
  /** `443/TCP` */
  readonly port: string
  readonly edges: number
  /** Addresses at an end that is `addresses`. */
  readonly addresses?: number
  readonly flows: number
  readonly last?: string
  /** What is usually spoken on the port without encryption, where that is so. */
  readonly clearText?: string
  /** Records that say the packet was encrypted on the wire, or the peers authenticated; absent for none. */
  readonly encrypted?: number
  readonly authenticated?: number
  readonly state: 'approved' | 'expired' | 'unapproved'
  /** Position in {@link ZoneReport.approvals}. */
  readonly approval?: number
}

/** One cell of the matrix: what goes from one zone to another, or within one. */
export interface ZonePair {
  readonly from: string
  readonly to: string
  readonly edges: number
  readonly flows: number
  /** Kinds of communication that cross; 0 within a zone. */
  readonly crossings: number
  /** Crossings that nobody approved, or whose approval has expired. */
  readonly unapproved: number
  /** Crossings on ports that usually carry clear text, and were not seen encrypted. */
  readonly clearText: number
}

/** The part of documents that is about zones. */
export interface ZoneReport {
  readonly zones: readonly {
    readonly name: string
    readonly description?: string
    /** Workloads that were seen or are known, as `namespace/workload`. */
    readonly workloads: readonly string[]
    /** Namespaces, workloads and labels of the file that nothing meets, as `namespace patient`; absent for none. */
    readonly unmet?: readonly string[]
  }[]
  readonly matrix: readonly ZonePair[]
  /** Everything that was seen to cross, unapproved first. */
  readonly crossings: readonly Crossing[]
  /** Time at which approvals were judged, RFC 3339; absent where nothing has a time. */
  readonly asOf?: string
  readonly approvals: readonly {
    readonly from: string
    readonly to: string
    readonly ports: readonly string[]
    readonly source?: string
    readonly destination?: string
    readonly approvedBy: string
    readonly reason: string
    readonly until: string
    readonly at: string
    /** Crossings that it covers. */
    readonly crossings: number
    readonly state: 'used' | 'unused' | 'expired'
  }[]
}

/** What is classified, and by what. */
export interface ZoneInput {
  readonly traffic: Traffic
  readonly rules: ZoneRules
  /** Default: none. */
  readonly approvals?: readonly Approval[]
  /** When approvals are judged. Default: the end of the window. */
  readonly asOfMs?: number
}

/**
 * Returns who crosses between zones. A node that reaches its own pods crosses nothing: no policy has a say in it. The
 * order of approvals decides which of several covers a crossing; one that has not expired comes first.
 */
export function zoneReportOf({ traffic, rules, approvals = [], asOfMs }: ZoneInput): ZoneReport {
  const zoneOf = createZoneOf(traffic, rules)
  const nameOf = createNames(traffic)
  const at = asOfMs ?? traffic.window.lastMs
  const judge = createJudge(traffic, approvals, at)
  const seen = traffic.edges.filter(
    (edge) => (isObserved(edge.outcome) || isPassedIcmp(edge)) && !isFromOwnNode(edge.from),
  )
  const pairs = new Map<string, Writable<ZonePair>>()
  const crossings = new Map<string, GrowingCrossing>()
  for (const edge of seen) {
    const [from, to] = [zoneOf(edge.from), zoneOf(edge.to)]
    const pair = pairOf(pairs, from, to)
    pair.edges += 1
    pair.flows += edge.evidence.flows
    if (from === to) continue
    const ends = { fromZone: from, toZone: to, from: nameOf(edge.from), to: nameOf(edge.to) }
    addCrossing(crossings, ends, edge, () => judge(edge, from, to))
  }
  const sorted = [...crossings.values()].map(finished).sort(compareCrossings)
  for (const crossing of sorted) {
    const pair = pairOf(pairs, crossing.fromZone, crossing.toZone)
    pair.crossings += 1
    if (crossing.state !== 'approved') pair.unapproved += 1
    if (isClear(crossing)) pair.clearText += 1
  }
  const covers = sorted.flatMap(({ approval }) => approval ?? [])
  return {
    zones: zonesOf(traffic, rules, zoneOf, seen),
    matrix: [...pairs.keys()].sort(compareTexts).flatMap((key) => pairs.get(key) ?? []),
    crossings: sorted,
    ...(at === undefined ? {} : { asOf: formatTime(at) }),
    approvals: approvals.map(({ untilMs, ...approval }, index) => {
      const count = covers.filter((one) => one === index).length
      const isOver = at !== undefined && untilMs < at
      return {
        ...approval,
        until: formatTime(untilMs),
        crossings: count,
        state: isOver ? 'expired' : count > 0 ? 'used' : 'unused',
      }
    }),
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

type GrowingCrossing = Writable<Crossing> & { readonly peers: Set<string> }

function pairOf(
  pairs: Map<string, Writable<ZonePair>>,
  from: string,
  to: string,
): Writable<ZonePair> {
  const key = JSON.stringify([from, to])
  const fresh = { from, to, edges: 0, flows: 0, crossings: 0, unapproved: 0, clearText: 0 }
  const pair = pairs.get(key) ?? fresh
  pairs.set(key, pair)
  return pair
}

/** Addresses of one zone are one end: a page that every visitor is a line of is read by nobody. */
function addCrossing(
  crossings: Map<string, GrowingCrossing>,
  ends: Pick<Crossing, 'fromZone' | 'toZone' | 'from' | 'to'>,
  edge: Edge,
  judge: () => Pick<Crossing, 'state' | 'approval'>,
): void {
  const { port, protocol, evidence } = edge
  const text = `${port}/${protocol}`
  const key = JSON.stringify([ends, text])
  let known = crossings.get(key)
  if (known === undefined) {
    const clearText = clearTextOn(text)
    known = {
      ...ends,
      port: text,
      edges: 0,
      flows: 0,
      ...(clearText === undefined ? {} : { clearText }),
      ...judge(),
      peers: new Set(),
    }
    crossings.set(key, known)
  }
  known.edges += 1
  known.flows += evidence.flows
  for (const end of [edge.from, edge.to]) if (end.kind === 'address') known.peers.add(end.address)
  if (evidence.encrypted !== undefined) {
    known.encrypted = (known.encrypted ?? 0) + evidence.encrypted
  }
  if (evidence.authenticated !== undefined) {
    known.authenticated = (known.authenticated ?? 0) + evidence.authenticated
  }
  const last = evidence.lastMs === undefined ? undefined : formatTime(evidence.lastMs)
  if (last !== undefined && (known.last === undefined || known.last < last)) known.last = last
}

function finished({ peers, ...crossing }: GrowingCrossing): Crossing {
  const { fromZone, toZone, from, to, port, edges, flows, last, state, approval, ...rest } =
    crossing
  return {
    fromZone,
    toZone,
    from,
    to,
    port,
    edges,
    ...(peers.size === 0 ? {} : { addresses: peers.size }),
    flows,
    ...(last === undefined ? {} : { last }),
    ...rest,
    state,
    ...(approval === undefined ? {} : { approval }),
  }
}

/** Returns names of ends that leave out what tells classes and addresses apart. */
function createNames(traffic: Traffic): (end: EdgeEnd) => string {
  const names = traffic.classes.map(({ namespace, workloads }) => {
    const own = [...new Set(workloads.map(({ name }) => name))].sort(compareTexts)
    return `${namespace}/${own.length === 0 ? 'unnamed' : own.join('+')}`
  })
  const endText = createEndTexts(traffic)
  return (end) => {
    if (end.kind === 'class') return names[end.class] ?? endText(end)
    return end.kind === 'address' ? 'addresses' : endText(end)
  }
}

/** Tells whether a crossing is on a port that usually carries clear text, and nothing that was seen says otherwise. */
export function isClear({ clearText, encrypted }: Crossing): boolean {
  return clearText !== undefined && encrypted === undefined
}

/** Returns the crossings that nobody approved, or whose approval has expired. */
export function unapprovedOf({ crossings }: ZoneReport): readonly Crossing[] {
  return crossings.filter(({ state }) => state !== 'approved')
}

/** What is usually spoken on well-known ports without encryption (IANA service names). netweir sees no payload. */
const clearTextPorts: Readonly<Record<string, string>> = {
  '21/TCP': 'FTP',
  '23/TCP': 'Telnet',
  '25/TCP': 'SMTP',
  '53/TCP': 'DNS',
  '53/UDP': 'DNS',
  '69/UDP': 'TFTP',
  '80/TCP': 'HTTP',
  '110/TCP': 'POP3',
  '111/TCP': 'RPC',
  '111/UDP': 'RPC',
  '139/TCP': 'NetBIOS',
  '143/TCP': 'IMAP',
  '161/UDP': 'SNMP',
  '389/TCP': 'LDAP',
  '514/TCP': 'syslog',
  '514/UDP': 'syslog',
  '1433/TCP': 'SQL Server',
  '1521/TCP': 'Oracle',
  '1883/TCP': 'MQTT',
  '2049/TCP': 'NFS',
  '2181/TCP': 'ZooKeeper',
  '3306/TCP': 'MySQL',
  '4222/TCP': 'NATS',
  '5432/TCP': 'PostgreSQL',
  '5672/TCP': 'AMQP',
  '6379/TCP': 'Redis',
  '8000/TCP': 'HTTP',
  '8080/TCP': 'HTTP',
  '8086/TCP': 'InfluxDB',
  '9042/TCP': 'Cassandra',
  '9092/TCP': 'Kafka',
  '9200/TCP': 'Elasticsearch',
  '11211/TCP': 'memcached',
  '27017/TCP': 'MongoDB',
}

/** Returns what is usually spoken on a port without encryption, if anything. */
export function clearTextOn(port: string): string | undefined {
  return Object.hasOwn(clearTextPorts, port) ? clearTextPorts[port] : undefined
}

function createJudge(
  traffic: Traffic,
  approvals: readonly Approval[],
  at: number | undefined,
): (edge: Edge, from: string, to: string) => Pick<Crossing, 'state' | 'approval'> {
  return (edge, from, to) => {
    const port = `${edge.port}/${edge.protocol}`
    const fitting = [...approvals.entries()].filter(
      ([, approval]) =>
        (approval.from === anyZone || approval.from === from) &&
        (approval.to === anyZone || approval.to === to) &&
        (approval.ports.length === 0 || approval.ports.includes(port)) &&
        isWorkload(edge.from, approval.source, traffic) &&
        isWorkload(edge.to, approval.destination, traffic),
    )
    const valid = fitting.find(([, { untilMs }]) => at === undefined || untilMs >= at)
    if (valid !== undefined) return { state: 'approved', approval: valid[0] }
    const [first] = fitting
    return first === undefined ? { state: 'unapproved' } : { state: 'expired', approval: first[0] }
  }
}

/** Pods of several workloads that nothing tells apart are approved when each of these is. */
function isWorkload(end: EdgeEnd, wanted: string | undefined, traffic: Traffic): boolean {
  if (wanted === undefined) return true
  if (end.kind === 'unresolved') return wanted === end.namespace
  if (end.kind !== 'class') return false
  const known = traffic.classes[end.class]
  if (known === undefined) return false
  return (
    wanted === known.namespace ||
    (known.workloads.length > 0 &&
      known.workloads.every(({ name }) => wanted === `${known.namespace}/${name}`))
  )
}

function isFromOwnNode(end: EdgeEnd): boolean {
  return end.kind === 'entity' && end.entity === 'host'
}

function zonesOf(
  traffic: Traffic,
  rules: ZoneRules,
  zoneOf: (end: EdgeEnd) => string,
  seen: readonly Edge[],
): ZoneReport['zones'] {
  const members = new Map<string, Set<string>>(rules.zones.map(({ name }) => [name, new Set()]))
  for (const { id, namespace, workloads } of traffic.classes) {
    const zone = zoneOf({ kind: 'class', class: id })
    const names = members.get(zone) ?? new Set<string>()
    members.set(zone, names)
    for (const { name } of workloads) names.add(`${namespace}/${name}`)
  }
  for (const { from, to } of seen) {
    for (const zone of [zoneOf(from), zoneOf(to)]) {
      if (!members.has(zone)) members.set(zone, new Set())
    }
  }
  const implied: readonly string[] = Object.values(impliedZones)
  const rank = (name: string): number => {
    const declared = rules.zones.findIndex((rule) => rule.name === name)
    if (declared >= 0) return declared
    return rules.zones.length + (implied.includes(name) ? 1 + implied.indexOf(name) : 0)
  }
  return [...members.keys()]
    .sort((a, b) => rank(a) - rank(b) || compareTexts(a, b))
    .map((name) => {
      const own = rules.zones.filter((rule) => rule.name === name)
      const description = own.find((rule) => rule.description !== undefined)?.description
      const unmet = own.flatMap((rule) => unmetBy(rule, traffic))
      return {
        name,
        ...(description === undefined ? {} : { description }),
        workloads: [...(members.get(name) ?? [])].sort(compareTexts),
        ...(unmet.length === 0 ? {} : { unmet }),
      }
    })
}

const stateOrder = ['unapproved', 'expired', 'approved']

function compareCrossings(a: Crossing, b: Crossing): number {
  const texts = ({ fromZone, toZone, from, to, port }: Crossing): string =>
    [fromZone, toZone, from, to, port].join('\n')
  return (
    stateOrder.indexOf(a.state) - stateOrder.indexOf(b.state) || compareTexts(texts(a), texts(b))
  )
}
