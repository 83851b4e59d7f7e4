/**
 * From records to resolved edges: ends are resolved, pending evidence finds its direction, every edge is decided, and
 * every record is counted under one outcome.
 *
 * Pending evidence (client end F, server end T, client port c, server port s) finds its direction like this.
 * A service is known when a communication proves it (see {@link provesService}).
 * - With both ports: when c at F is a known service and s at T is not, the records are replies of the edge T -> F on c.
 *   Else nothing contradicts them, and they are evidence of the edge F -> T on s.
 * - With s collapsed (a suspect reply): when c at F is a known service, replies as above; else the records are listed as
 *   F -> T without a port, outcome `suspect-reply`.
 * - With both ports collapsed (what exceeded the bound of port pairs): when all port pairs that were kept of the same
 *   ends and protocol belong to one edge, the rest is counted with that edge, after it was decided. Else, listed as
 *   F -> T without a port, outcome `cannot-orient`: it may hold ports that no edge shows.
 */
import type { Outcome, Protocol } from '../flow/flow.ts'
import { outcomes, protocols } from '../flow/flow.ts'
import type { Cell, CellNumbers } from './cell-numbers.ts'
import { cellsOf, recordsOf } from './cell-numbers.ts'
import type { ClassSource } from './class-book.ts'
import { ClassBook } from './class-book.ts'
import type { EndRecord } from './communication-set.ts'
import type { CountedEdge, CountedEdges } from './counted-edge.ts'
import { addCounts } from './counts.ts'
import { decideEdge, outcomeOfCell } from './edge-decision.ts'
import type { ResolvedEnd } from './end-resolver.ts'
import { EndResolver } from './end-resolver.ts'
import type { ResolvedEdge, Way } from './gathered-edge.ts'
import { GatheredEdge } from './gathered-edge.ts'
import { KnownServices, provesService } from './known-services.ts'
import type { Target } from './service-backends.ts'
import { ServiceBackends } from './service-backends.ts'
import type { CountedEvidence } from './tally.ts'
import type { ReadOutOptions } from './traffic.ts'

/** Edges with what was decided, the classes that they connect, and the records by outcome. */
export interface Resolution {
  readonly book: ClassBook
  readonly edges: readonly ResolvedEdge[]
  readonly counts: ReadonlyMap<Outcome, number>
  /** Returns the outcome of one of an edge's counters. */
  outcomeOf(edge: ResolvedEdge, cell: Pick<Cell, 'verdict'>): Outcome
}

/** What came of edges without options: the ledger asks for it, and then whoever reads out. */
const resolved = new WeakMap<
  CountedEdges,
  { readonly set: ClassSource; readonly local: string; readonly resolution: Resolution }
>()

/** Returns the edges of a set as a cluster sees them; `local` is its name, empty when unknown. */
export function resolveEdges(
  { classes, pods }: ClassSource,
  edges: CountedEdges,
  local: string,
  options: ReadOutOptions = {},
): Resolution {
  const set = { classes, pods }
  if (hasChoices(options)) return resolve(set, edges, local, options)
  const known = resolved.get(edges)
  if (known?.local === local && known.set.classes === classes && known.set.pods === pods) {
    return known.resolution
  }
  const resolution = resolve(set, edges, local, options)
  resolved.set(edges, { set, local, resolution })
  return resolution
}

/** Tells whether options can change what edges are and what becomes of them. */
function hasChoices(options: ReadOutOptions): boolean {
  return Object.entries(options).some(
    ([name, choice]) =>
      name !== 'clusterName' &&
      choice !== undefined &&
      choice !== false &&
      !(Array.isArray(choice) && choice.length === 0),
  )
}

function resolve(
  set: ClassSource,
  edges: CountedEdges,
  local: string,
  options: ReadOutOptions,
): Resolution {
  const { communications, pending } = edges
  const book = new ClassBook(set, edges, local, options.inventory)
  const ends = new EndResolver(set, book, local, options)
  const backends = new ServiceBackends(ends, book, options)
  const hasOverflow = pending.some(({ clientPort }) => clientPort === 0)
  const resolving = new EdgeResolving(ends, backends, options, hasOverflow)
  for (const edge of communications) resolving.learn(edge)
  const overflow = pending.filter((edge) => !resolving.orient(edge))
  resolving.decide()
  for (const edge of overflow) resolving.settle(edge)
  return {
    book,
    edges: resolving.edges(),
    counts: resolving.counts,
    outcomeOf: (edge, cell) => resolving.outcomeOf(edge, cell),
  }
}

/** Ends are fewer, so that a pair of them is a safe integer. */
const endRange = 2 ** 26
const portRange = 65_536

class EdgeResolving {
  readonly counts = new Map<Outcome, number>()
  readonly #ends: EndResolver
  readonly #backends: ServiceBackends
  readonly #options: ReadOutOptions
  readonly #services = new KnownServices()
  /** By what is fixed, protocol and port, then by the pair of ends. */
  readonly #edges = new Map<number, Map<number, GatheredEdge>>()
  /** What the ledger counts: each record once, with the first of its edges where a service has several backends. */
  readonly #counted: CellNumbers[] = []
  readonly #countedUnder: GatheredEdge[] = []
  /** Whether there is evidence that {@link settle} has to decide on. */
  readonly #hasOverflow: boolean
  /** The edges to which port pairs went, by ends and protocol of the pending records. */
  readonly #pairEdges = new Map<string, Map<GatheredEdge, Way>>()

  constructor(
    ends: EndResolver,
    backends: ServiceBackends,
    options: ReadOutOptions,
    hasOverflow: boolean,
  ) {
    this.#ends = ends
    this.#backends = backends
    this.#options = options
    this.#hasOverflow = hasOverflow
  }

  edges(): readonly GatheredEdge[] {
    const all: GatheredEdge[] = []
    for (const edges of this.#edges.values()) for (const edge of edges.values()) all.push(edge)
    return all
  }

  /** Takes in a communication. */
  learn({ from, to, protocol, port, evidence }: CountedEdge): void {
    const { cells } = evidence
    if (!this.#backends.isService(to)) {
      const server = this.#ends.resolve(to)
      const edge = this.#edge(this.#ends.resolve(from), server, protocol, port)
      edge.gather(evidence, 'kept')
      this.#countUnder(cells, edge)
      if (provesService(cells, port)) this.#services.add(server, protocol, port)
      return
    }
    const targets = this.#backends.targetsOf(to, protocol, port)
    this.#give(evidence, 'kept', from, protocol, targets)
    if (!provesService(cells, port)) return
    for (const target of targets) this.#services.add(target.end, protocol, target.port)
  }

  /** Takes in pending evidence where it belongs; false when its ports are unknown, which is for {@link settle}. */
  orient(pending: CountedEdge): boolean {
    const { from, to, protocol, clientPort, port, evidence } = pending
    if (clientPort === 0) return false
    if (this.#isReply(pending)) {
      const targets = this.#backends.targetsOf(from, protocol, clientPort)
      this.#notePair(pending, this.#give(evidence, 'turned', to, protocol, targets), 'turned')
    } else if (port === 0) {
      this.#countUnder(evidence.cells, this.#giveUnported(pending, 'suspect-reply'))
    } else {
      const targets = this.#backends.targetsOf(to, protocol, port)
      this.#notePair(pending, this.#give(evidence, 'kept', from, protocol, targets), 'kept')
    }
    return true
  }

  /** Decides all edges that there are. */
  decide(): void {
    for (const edge of this.edges()) {
      if (edge.isDisputed) edge.decision = decideEdge(edge.tally.cells, this.#options)
    }
    this.#counted.forEach((cells, index) => {
      const edge = this.#countedUnder[index]
      if (edge !== undefined) this.#count(cells, edge)
    })
  }

  /** Counts evidence without ports with the one edge that it can belong to, else as `cannot-orient`. */
  settle(pending: CountedEdge): void {
    const { evidence } = pending
    const candidates = [...(this.#pairEdges.get(this.#pairKey(pending)) ?? [])]
    const [only] = candidates
    if (candidates.length !== 1 || only === undefined) {
      this.#count(evidence.cells, this.#giveUnported(pending, 'cannot-orient'))
      return
    }
    const [edge, way] = only
    edge.gather(evidence, way)
    this.#count(evidence.cells, edge)
  }

  outcomeOf(edge: ResolvedEdge, cell: Pick<Cell, 'verdict'>): Outcome {
    if (edge.fixed !== undefined) return edge.fixed
    return outcomeOfCell(cell.verdict, edge.decision, outcomeOfEnds(edge))
  }

  #isReply({ from, to, protocol, clientPort, port }: CountedEdge): boolean {
    if (!this.#isKnown(from, protocol, clientPort)) return false
    return port === 0 || !this.#isKnown(to, protocol, port)
  }

  #isKnown(server: EndRecord, protocol: Protocol, port: number): boolean {
    return this.#backends
      .targetsOf(server, protocol, port)
      .some((target) => this.#services.has(target.end, protocol, target.port))
  }

  #give(
    evidence: CountedEvidence,
    way: Way,
    from: EndRecord,
    protocol: Protocol,
    targets: readonly Target[],
  ): readonly GatheredEdge[] {
    const client = this.#ends.resolve(from)
    const edges = targets.map(({ end, port }) => this.#edge(client, end, protocol, port))
    for (const edge of edges) edge.gather(evidence, way)
    const [first] = edges
    if (first !== undefined) this.#countUnder(evidence.cells, first)
    return edges
  }

  #giveUnported({ from, to, protocol, evidence }: CountedEdge, fixed: Outcome): GatheredEdge {
    const edge = this.#edge(this.#ends.resolve(from), this.#ends.resolve(to), protocol, 0, fixed)
    edge.gather(evidence, 'kept')
    return edge
  }

  #countUnder(cells: CellNumbers, edge: GatheredEdge): void {
    this.#counted.push(cells)
    this.#countedUnder.push(edge)
  }

  #edge(
    from: ResolvedEnd,
    to: ResolvedEnd,
    protocol: Protocol,
    port: number,
    fixed?: Outcome,
  ): GatheredEdge {
    const rank = (fixed === undefined ? 0 : outcomes.indexOf(fixed) + 1) * protocols.length
    const service = (rank + protocols.indexOf(protocol)) * portRange + port
    let edges = this.#edges.get(service)
    if (edges === undefined) {
      edges = new Map()
      this.#edges.set(service, edges)
    }
    const pair = from.id * endRange + to.id
    let edge = edges.get(pair)
    if (edge === undefined) {
      const decided = protocol === 'ICMPv4' || protocol === 'ICMPv6' ? 'icmp' : fixed
      edge = new GatheredEdge(from, to, protocol, port, decided)
      edges.set(pair, edge)
    }
    if (from.address !== '' || to.address !== '') noteAddresses(edge, from, to)
    return edge
  }

  #notePair(pending: CountedEdge, edges: readonly GatheredEdge[], way: Way): void {
    if (pending.port === 0 || !this.#hasOverflow) return
    const key = this.#pairKey(pending)
    const noted = this.#pairEdges.get(key) ?? new Map<GatheredEdge, Way>()
    for (const edge of edges) noted.set(edge, way)
    this.#pairEdges.set(key, noted)
  }

  #pairKey({ from, to, protocol }: CountedEdge): string {
    const client = this.#ends.resolve(from)
    const server = this.#ends.resolve(to)
    return `${client.id} ${client.address} ${server.id} ${server.address} ${protocol}`
  }

  #count(cells: CellNumbers, edge: ResolvedEdge): void {
    if (edge.isDisputed) {
      for (const cell of cellsOf(cells)) this.#countAs(this.outcomeOf(edge, cell), cell.records)
    } else this.#countAs(this.outcomeOf(edge, passed), recordsOf(cells))
  }

  #countAs(outcome: Outcome, records: number): void {
    this.counts.set(outcome, addCounts(this.counts.get(outcome) ?? 0, records))
  }
}

/** What is in no dispute has one outcome: that of what passed. */
const passed = { verdict: 'verdict' } as const

function noteAddresses(edge: ResolvedEdge, from: ResolvedEnd, to: ResolvedEnd): void {
  const addresses = edge.addresses ?? new Set()
  for (const { address } of [from, to]) if (address !== '') addresses.add(address)
  edge.addresses = addresses
}

/** The outcome of records that count as learned: that of the end which a policy cannot name, if there is one. */
function outcomeOfEnds({ from, to }: ResolvedEdge): Outcome {
  return from.outcome === 'learned' ? to.outcome : from.outcome
}
