/** Forgetting: what of a set remains when all that was last seen before some time is gone. */
import type {
  CommunicationRecord,
  CommunicationSet,
  EndRecord,
  PodRecord,
} from './communication-set.ts'
import { addCounts } from './counts.ts'
import { mergeSets } from './set-document.ts'
import type { SpanRecord } from './timestamp.ts'
import { formatTime, spanOf } from './timestamp.ts'

/** What remains, and how many records those stood for that are gone. */
export interface Expiry {
  readonly set: CommunicationSet
  readonly expired: number
}

/**
 * Returns the set without the edges, pods and nodes that were last seen before `time`, RFC 3339, and with a window that
 * begins no earlier. What has no time stays, and so do the counts of records that no edge was made of.
 */
export function expireSet(set: CommunicationSet, time: string): Expiry {
  const limitMs = spanOf({ last: time }).lastMs
  const isLive = (record: SpanRecord): boolean => {
    const { firstMs, lastMs } = spanOf(record)
    return firstMs > lastMs || lastMs >= limitMs
  }
  const isLiveEdge = ({ cells }: CommunicationRecord): boolean => cells.some(isLive)
  const edges = {
    communications: set.communications.filter(isLiveEdge),
    pending: set.pending.filter(isLiveEdge),
  }
  const pods = set.pods.filter(isLive)
  const nodes = set.nodes.filter(isLive)
  const window = windowFrom(set.window, limitMs)
  return {
    set: mergeSets([withClassesInUse({ ...set, ...edges, pods, nodes, window })]),
    expired: recordsOf(set) - recordsOf(edges),
  }
}

/** Returns how many records the edges of a set were made of. */
function recordsOf(set: Pick<CommunicationSet, 'communications' | 'pending'>): number {
  return [...set.communications, ...set.pending]
    .flatMap(({ cells }) => cells)
    .reduce((sum, { records }) => addCounts(sum, records), 0)
}

function windowFrom(window: SpanRecord, limitMs: number): SpanRecord {
  const { firstMs, lastMs } = spanOf(window)
  if (firstMs > lastMs || lastMs < limitMs) return {}
  return { first: formatTime(Math.max(firstMs, limitMs)), last: formatTime(lastMs) }
}

/** A class that nothing names any more is gone, too. */
function withClassesInUse(set: CommunicationSet): CommunicationSet {
  const used = new Set<number>(set.pods.map((pod) => pod.class))
  for (const { from, to } of [...set.communications, ...set.pending]) {
    for (const end of [from, to]) if ('class' in end) used.add(end.class)
  }
  const kept = [...used].sort((a, b) => a - b)
  const positions = new Map(kept.map((old, position) => [old, position]))
  const end = (record: EndRecord): EndRecord =>
    'class' in record ? { class: positions.get(record.class) ?? 0 } : record
  const edge = <Edge extends CommunicationRecord>(record: Edge): Edge => ({
    ...record,
    from: end(record.from),
    to: end(record.to),
  })
  const pod = (record: PodRecord): PodRecord => ({
    ...record,
    class: positions.get(record.class) ?? 0,
  })
  return {
    ...set,
    classes: set.classes.filter((_record, position) => positions.has(position)),
    pods: set.pods.map(pod),
    communications: set.communications.map(edge),
    pending: set.pending.map(edge),
  }
}
