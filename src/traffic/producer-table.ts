/** Who reported, from when to when, and what the producers say is missing. */
import type { Outcome } from '../flow/flow.ts'
import { outcomes } from '../flow/flow.ts'
import type { CommunicationSet } from './communication-set.ts'
import { addCounts } from './counts.ts'
import { Smallest } from './smallest.ts'
import type { Mergeable } from './tally.ts'
import { compareTexts, keyOf } from './text-key.ts'
import type { Span } from './timestamp.ts'
import { emptySpan, extendSpan, joinSpan, spanOf, spanRecord } from './timestamp.ts'

/** How many messages of a node in one state are kept: they are free text. */
const messageLimit = 8

/** Members of a set that this table fills. */
export type ProducerRecords = Pick<
  CommunicationSet,
  'window' | 'clusters' | 'nodes' | 'counted' | 'lost' | 'nodeStatus'
>

class Count implements Mergeable<Count> {
  count = 0

  absorb(other: Count): void {
    this.count = addCounts(this.count, other.count)
  }
}

interface Node extends Span {
  readonly name: string
  records: number
}

interface Loss {
  readonly source: string
  readonly node: string
  events: number
}

interface Status {
  readonly node: string
  readonly state: string
  readonly messages: Smallest<string, Count>
}

/** Where a record came from, and when. */
export interface Origin {
  readonly cluster: string
  readonly node: string
  readonly timeMs: number | undefined
}

/** The table. */
export class ProducerTable {
  readonly #window: Span = emptySpan()
  readonly #clusters = new Map<string, number>()
  readonly #nodes = new Map<string, Node>()
  readonly #counted = new Map<Outcome, number>()
  readonly #losses = new Map<string, Loss>()
  readonly #statuses = new Map<string, Status>()

  /** Notes that a node reported a flow. */
  see(origin: Origin): void {
    const { cluster, node, timeMs } = origin
    this.#countCluster(cluster, 1)
    if (timeMs !== undefined) extendSpan(this.#window, timeMs)
    if (node === '') return
    const seen = this.#node(node)
    seen.records = addCounts(seen.records, 1)
    if (timeMs !== undefined) extendSpan(seen, timeMs)
  }

  /** Notes that a node reported flows, at times within a span. */
  seeMany(
    { cluster, node }: Pick<Origin, 'cluster' | 'node'>,
    records: number,
    span: Readonly<Span>,
  ): void {
    if (records === 0) return
    this.#countCluster(cluster, records)
    joinSpan(this.#window, span)
    if (node === '') return
    const seen = this.#node(node)
    seen.records = addCounts(seen.records, records)
    joinSpan(seen, span)
  }

  /** Counts records that no edge is made of. */
  count(outcome: Outcome, records: number): void {
    if (records > 0) {
      this.#counted.set(outcome, addCounts(this.#counted.get(outcome) ?? 0, records))
    }
  }

  /** Notes events that a producer lost. */
  lose(source: string, node: string, events: number): void {
    const key = keyOf([source, node])
    const loss = this.#losses.get(key) ?? { source, node, events: 0 }
    loss.events = addCounts(loss.events, events)
    this.#losses.set(key, loss)
  }

  /** Notes what a node was said to be. */
  report(status: Omit<CommunicationSet['nodeStatus'][number], 'records'>, records: number): void {
    const { node, state, message } = status
    const key = keyOf([node, state])
    let known = this.#statuses.get(key)
    if (known === undefined) {
      known = { node, state, messages: new Smallest(messageLimit, () => new Count()) }
      this.#statuses.set(key, known)
    }
    const count = message === '' ? known.messages.rest() : known.messages.at(message)
    count.count = addCounts(count.count, records)
  }

  /** Takes in what a document says. */
  absorbRecords(records: ProducerRecords): void {
    joinSpan(this.#window, spanOf(records.window))
    for (const { name, records: count } of records.clusters) this.#countCluster(name, count)
    for (const record of records.nodes) {
      const node = this.#node(record.name)
      node.records = addCounts(node.records, record.records)
      joinSpan(node, spanOf(record))
    }
    for (const outcome of outcomes) this.count(outcome, records.counted[outcome] ?? 0)
    for (const { source, node, events } of records.lost) this.lose(source, node, events)
    for (const status of records.nodeStatus) this.report(status, status.records)
  }

  /** Returns all of it as documents spell it, sorted. */
  toRecords(): ProducerRecords {
    return {
      window: spanRecord(this.#window),
      clusters: [...this.#clusters]
        .map(([name, records]) => ({ name, records }))
        .sort((a, b) => compareTexts(a.name, b.name)),
      nodes: [...this.#nodes.values()]
        .map((node) => ({ name: node.name, records: node.records, ...spanRecord(node) }))
        .sort((a, b) => compareTexts(a.name, b.name)),
      counted: countsInOrder(this.#counted),
      lost: [...this.#losses.values()]
        .map(({ source, node, events }) => ({ source, node, events }))
        .sort((a, b) => compareTexts(a.source, b.source) || compareTexts(a.node, b.node)),
      nodeStatus: [...this.#statuses.values()]
        .sort((a, b) => compareTexts(a.node, b.node) || compareTexts(a.state, b.state))
        .flatMap(statusRecords),
    }
  }

  #countCluster(name: string, records: number): void {
    this.#clusters.set(name, addCounts(this.#clusters.get(name) ?? 0, records))
  }

  #node(name: string): Node {
    let node = this.#nodes.get(name)
    if (node === undefined) {
      node = { name, records: 0, ...emptySpan() }
      this.#nodes.set(name, node)
    }
    return node
  }
}

/** Returns counts by outcome, in the order of the closed list, without zeros. */
export function countsInOrder(
  counts: ReadonlyMap<Outcome, number>,
): Readonly<Partial<Record<Outcome, number>>> {
  const ordered: Partial<Record<Outcome, number>> = {}
  for (const outcome of outcomes) {
    const count = counts.get(outcome) ?? 0
    if (count > 0) ordered[outcome] = count
  }
  return ordered
}

function statusRecords(status: Status): CommunicationSet['nodeStatus'] {
  const { node, state } = status
  const rows = [...status.messages.entries()].map(([message, { count }]) => ({
    node,
    state,
    message: message ?? '',
    records: count,
  }))
  return rows.sort((a, b) => compareTexts(a.message, b.message))
}
