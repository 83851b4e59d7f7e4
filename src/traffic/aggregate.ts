/**
 * The reduction of readings to a communication set. What is kept is a function of the readings as a collection: their
 * order, and how they were split over sets that were merged later, leave no trace.
 */
import type { Flow, Outcome, Protocol, Reading } from '../flow/flow.ts'
import type { CommunicationSet } from './communication-set.ts'
import { defaultOutsideLimit } from './communication-set.ts'
import type { CountedEdge } from './counted-edge.ts'
import { edgesOf, keepEdges, SpelledEdges } from './counted-edge.ts'
import type { Direction } from './direction.ts'
import { directionOf } from './direction.ts'
import { EdgeTable } from './edge-table.ts'
import type { EndPlace } from './end-table.ts'
import { EndTable, isPodEnd } from './end-table.ts'
import { ledgerOf } from './ledger.ts'
import { NameTable } from './name-table.ts'
import { NamespaceTable } from './namespace-table.ts'
import { PodTable } from './pod-table.ts'
import { ProducerTable } from './producer-table.ts'
import type { RequestRecord } from './request-record.ts'
import { recordOfRequest } from './request-record.ts'
import type { ScanBatch } from './scan-batch.ts'
import { forEachEdge } from './scan-batch.ts'
import { Smallest } from './smallest.ts'
import type { PortedEdge } from './snapshot.ts'
import { EdgePlacer, placeClasses } from './snapshot.ts'
import type { Observation } from './tally.ts'
import { Tally } from './tally.ts'
import { plausibleTime } from './timestamp.ts'

/** The greatest limit of outside prefixes that a set can have; the empty set has it. */
export const maxOutsideLimit = 65_536

/** How many port pairs of unknown direction are kept per two ends and protocol. */
const portPairLimit = 64

const portRange = 65_536

/** How readings are reduced. */
export interface AggregateOptions {
  /**
   * Prefixes kept per class, direction, protocol and port before addresses are folded, 1 to {@link maxOutsideLimit}.
   * Default: {@link defaultOutsideLimit}. Merging a set with a smaller limit lowers it.
   */
  readonly outsideLimit?: number
  /** Kinds of requests that are kept of what proxies saw. Default: none. */
  readonly requests?: readonly ('http' | 'dns')[]
}

/** A communication set that grows. Memory grows with distinct edges, endpoints and pods, not with readings. */
export interface Aggregate {
  /** How many different communications there are, addresses left aside. */
  readonly edges: number
  /** Takes in one reading. */
  add(reading: Reading): void
  /** Counts records that no reading was made of. Default: one record. */
  count(outcome: Outcome, records?: number): void
  /** Takes in what a scanner counted: the same as adding its readings one by one. */
  addBatch(batch: ScanBatch): void
  /** Takes in all of another set. */
  addSet(set: CommunicationSet): void
  /** Returns what was taken in so far, in canonical form: equal content is equal, member by member. */
  toSet(): CommunicationSet
}

/** Returns an aggregate that holds nothing yet. */
export function createAggregate(options: AggregateOptions = {}): Aggregate {
  return new Aggregation(options.outsideLimit ?? defaultOutsideLimit, options.requests ?? [])
}

/** Port pairs under one number each, so that they order by client port, then port. */
type PortPairs = Smallest<number, Tally>

/** Numbers of two ends, and the address of the one that has one; empty where none has. */
interface Ends {
  readonly from: number
  readonly to: number
  readonly address: string
}

type Ports = Pick<Flow, 'protocol' | 'clientPort' | 'port'>

class Aggregation implements Aggregate {
  readonly #ends = new EndTable()
  readonly #pods = new PodTable()
  readonly #names = new NameTable()
  readonly #namespaces = new NamespaceTable()
  readonly #producers = new ProducerTable()
  readonly #communications: EdgeTable<Tally>
  /** By the client's port. */
  readonly #suspects: EdgeTable<Tally>
  readonly #portPairs: EdgeTable<PortPairs>
  readonly #requestKinds: readonly ('http' | 'dns')[]
  #outsideLimit: number
  /** Tallies that share the counters of the last batch, which are let go of when the next one comes. */
  #open: readonly Tally[] = []

  constructor(outsideLimit: number, requestKinds: readonly ('http' | 'dns')[]) {
    this.#requestKinds = requestKinds
    this.#outsideLimit = Math.min(Math.max(1, Math.floor(outsideLimit)), maxOutsideLimit)
    const tally = (): Tally => new Tally()
    const portPairs = (): PortPairs => new Smallest(portPairLimit, tally)
    this.#communications = new EdgeTable(this.#ends, this.#outsideLimit, tally)
    this.#suspects = new EdgeTable(this.#ends, this.#outsideLimit, tally)
    this.#portPairs = new EdgeTable(this.#ends, this.#outsideLimit, portPairs)
  }

  get edges(): number {
    return this.#communications.size
  }

  add(reading: Reading): void {
    switch (reading.kind) {
      case 'flow':
        this.#addFlow(reading.flow)
        break
      case 'counted':
        this.#addCounted(reading)
        break
      case 'lost-events':
        this.#producers.lose(reading.lostSource, reading.node, reading.count)
        this.#producers.count('lost-events', 1)
        break
      case 'node-status':
        for (const node of new Set(reading.nodes)) {
          const { state, message } = reading
          this.#producers.report({ node, state, message }, 1)
        }
        this.#producers.count('node-status', 1)
        break
    }
  }

  count(outcome: Outcome, records = 1): void {
    this.#producers.count(outcome, records)
  }

  addBatch(batch: ScanBatch): void {
    // Not every end is one of an edge: some were seen only in records that no edge is made of.
    const known: number[] = []
    const numberOf = (position: number): number => {
      const end = batch.ends[position]
      if (end === undefined) return 0
      known[position] ??= this.#ends.ofEnd(end)
      return known[position]
    }
    for (const { end, sighting, ...span } of batch.pods) {
      this.#pods.seeMany(numberOf(end), sighting, span)
    }
    for (const { sighting, timeMs } of batch.namespaces) this.#namespaces.see(sighting, timeMs)
    for (const origin of batch.origins) this.#producers.seeMany(origin, origin.records, origin)
    for (const { address, name } of batch.names) this.#names.add(address, name)
    for (const { outcome, records } of batch.counted) this.#producers.count(outcome, records)
    for (const tally of this.#open) tally.settle()
    const open: Tally[] = []
    forEachEdge(batch, (edge) => {
      const { direction, address } = edge
      const ends = { from: numberOf(edge.from), to: numberOf(edge.to), address }
      const tally = this.#tally(direction, ends, edge)
      tally.absorbCounts(edge.evidence)
      open.push(tally)
    })
    this.#open = open
  }

  addSet(set: CommunicationSet): void {
    this.#tighten(set.outsideLimit)
    const numbers = set.classes.map((record) => this.#ends.ofClass(record))
    for (const pod of set.pods) this.#pods.absorbRecord(numbers[pod.class] ?? 0, pod)
    for (const namespace of set.namespaces) this.#namespaces.absorbRecord(namespace)
    for (const { address, names } of set.names) {
      for (const name of names) this.#names.add(address, name)
    }
    this.#producers.absorbRecords(set)
    const endsOf = ({ from, to }: CountedEdge): Ends =>
      endsAt(this.#ends.ofRecord(from, numbers), this.#ends.ofRecord(to, numbers))
    const { communications, pending } = edgesOf(set)
    for (const edge of communications) {
      this.#tally('communication', endsOf(edge), edge).absorbCounts(edge.evidence)
    }
    for (const edge of pending) this.#tally('pair', endsOf(edge), edge).absorbCounts(edge.evidence)
  }

  toSet(): CommunicationSet {
    const { ends } = this.#ends
    const { classes, positions } = placeClasses(ends)
    const placer = new EdgePlacer(ends, positions)
    const edges = placer.place(this.#communications, this.#pendingEdges())
    const spelled = new SpelledEdges(edges)
    const pods = this.#pods.toRecords(positions)
    const { window, clusters, nodes, counted, lost, nodeStatus } = this.#producers.toRecords()
    const set: CommunicationSet = {
      apiVersion: 'netweir/v1',
      kind: 'CommunicationSet',
      window,
      outsideLimit: this.#outsideLimit,
      clusters,
      nodes,
      namespaces: this.#namespaces.toRecords(),
      classes,
      pods,
      get communications() {
        return spelled.communications
      },
      get pending() {
        return spelled.pending
      },
      names: this.#names.toRecords(),
      counted,
      lost,
      nodeStatus,
      ledger: ledgerOf({ classes, pods, clusters, counted, lost, nodeStatus }, edges),
    }
    keepEdges(set, edges)
    return set
  }

  #addCounted(reading: Extract<Reading, { kind: 'counted' }>): void {
    const { outcome, cluster, node } = reading
    this.#producers.count(outcome, 1)
    for (const { address, name } of reading.names ?? []) this.#names.add(address, name)
    // What nobody can read is no sign of a producer.
    if (outcome === 'malformed') return
    this.#producers.see({ cluster, node, timeMs: plausibleTime(reading.timeMs) })
  }

  #addFlow(flow: Flow): void {
    const timeMs = plausibleTime(flow.timeMs)
    this.#producers.see({ cluster: flow.cluster, node: flow.node, timeMs })
    for (const { address, name } of flow.names) this.#names.add(address, name)
    for (const sighting of flow.namespaces) this.#namespaces.see(sighting, timeMs)
    const from = this.#place(flow, 'client', timeMs)
    const to = this.#place(flow, 'server', timeMs)
    if (!(this.#isPod(from) || this.#isPod(to))) {
      this.#producers.count('no-pod', 1)
      return
    }
    const tally = this.#tally(directionOf(flow), endsAt(from, to), flow)
    tally.add(observationOf(flow, timeMs, this.#requestKinds))
  }

  #tally(direction: Direction, between: Ends, ports: Ports): Tally {
    switch (direction) {
      case 'communication': {
        const { from, to, address } = between
        return this.#communications.at(from, to, address, ports.protocol, ports.port)
      }
      case 'suspect':
        return this.#pending(between, ports.protocol, ports.clientPort, 0)
      case 'pair':
        return this.#pending(between, ports.protocol, ports.clientPort, ports.port)
    }
  }

  #pending(
    { from, to, address }: Ends,
    protocol: Protocol,
    clientPort: number,
    port: number,
  ): Tally {
    if (port === 0 && clientPort > 0) {
      return this.#suspects.at(from, to, address, protocol, clientPort)
    }
    const pairs = this.#portPairs.at(from, to, address, protocol, 0)
    return port === 0 ? pairs.rest() : pairs.at(clientPort * portRange + port)
  }

  #pendingEdges(): readonly PortedEdge[] {
    const edges: PortedEdge[] = []
    this.#suspects.forEach((edge) => {
      edges.push({ ...edge, clientPort: edge.port, port: 0 })
    })
    this.#portPairs.forEach(({ from, to, spread, address, protocol, value: pairs }) => {
      for (const [pair = 0, value] of pairs.entries()) {
        // Small integers to the engine: a port that is another number changes the shape of every edge that it has seen.
        const ports = { clientPort: pair >>> 16, port: pair & 0xffff }
        edges.push({ from, to, spread, address, protocol, ...ports, value })
      }
    })
    return edges
  }

  #place(flow: Flow, role: 'client' | 'server', timeMs: number | undefined): EndPlace {
    const endpoint = flow[role]
    const end = this.#ends.ofEndpoint(endpoint)
    if (endpoint.kind === 'address' || endpoint.kind === 'entity') {
      return { end, address: endpoint.address }
    }
    const sighting = role === 'client' ? flow.clientPod : flow.serverPod
    if (endpoint.kind === 'pod' && sighting !== undefined) this.#pods.see(end, sighting, timeMs)
    return { end, address: '' }
  }

  #isPod(place: EndPlace): boolean {
    const end = this.#ends.ends[place.end]
    return end !== undefined && isPodEnd(end)
  }

  #tighten(outsideLimit: number): void {
    if (outsideLimit >= this.#outsideLimit) return
    this.#outsideLimit = outsideLimit
    for (const table of [this.#communications, this.#suspects, this.#portPairs]) {
      table.tighten(outsideLimit)
    }
  }
}

/** At least one of them is a pod, which has no address of its own here. */
function endsAt(from: EndPlace, to: EndPlace): Ends {
  return { from: from.end, to: to.end, address: from.address || to.address }
}

function observationOf(
  flow: Flow,
  timeMs: number | undefined,
  kinds: readonly ('http' | 'dns')[],
): Observation {
  const { side, verdict, strength, flows, uuid } = flow
  const encrypted = flow.encrypted === true
  const authenticated = flow.authenticated === true
  const { serverNames: names } = flow
  const requests = kinds.length === 0 ? undefined : requestsOf(flow, kinds)
  return { side, verdict, strength, flows, timeMs, uuid, encrypted, authenticated, names, requests }
}

function requestsOf(
  { request, redirected, side }: Flow,
  kinds: readonly ('http' | 'dns')[],
): RequestRecord | undefined {
  if (redirected === true) return recordOfRequest(side, undefined)
  return request !== undefined && kinds.includes(request.kind)
    ? recordOfRequest(side, request)
    : undefined
}
