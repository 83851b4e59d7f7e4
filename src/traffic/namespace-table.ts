/** Labels of namespace objects; of each label the value that was seen last. */
import type { NamespaceSighting } from '../flow/flow.ts'
import { splitLabel } from '../labels.ts'
import type { CommunicationSet } from './communication-set.ts'
import { compareTexts, keyOf } from './text-key.ts'
import { formatTime, parseTime } from './timestamp.ts'

interface SeenValue {
  readonly label: string
  /** -1 when no time is known. */
  readonly timeMs: number
}

interface SeenNamespace {
  readonly cluster: string
  readonly name: string
  readonly values: Map<string, SeenValue>
}

/** How many sightings may wait. */
const pendingLimit = 4096

type NamespaceRecord = CommunicationSet['namespaces'][number]

/** The table. */
export class NamespaceTable {
  readonly #namespaces = new Map<string, SeenNamespace>()
  /** The last times of sightings that are not taken in yet: those that many records share come again and again. */
  readonly #pending = new Map<NamespaceSighting, number>()

  /** Notes the labels that a record carried. */
  see(sighting: NamespaceSighting, timeMs: number | undefined): void {
    const lastMs = this.#pending.get(sighting)
    if (lastMs !== undefined && lastMs >= (timeMs ?? -1)) return
    this.#pending.set(sighting, timeMs ?? -1)
    if (this.#pending.size > pendingLimit) this.#takeIn()
  }

  /** Takes in what a document says of a namespace. */
  absorbRecord(record: NamespaceRecord): void {
    const { values } = this.#namespace(record.cluster, record.name)
    for (const { label, last } of record.labels) {
      keepLatest(values, {
        label,
        timeMs: (last === undefined ? undefined : parseTime(last)) ?? -1,
      })
    }
  }

  /** Returns the namespaces as documents spell them, sorted. */
  toRecords(): readonly NamespaceRecord[] {
    this.#takeIn()
    return [...this.#namespaces.values()]
      .sort((a, b) => compareTexts(a.cluster, b.cluster) || compareTexts(a.name, b.name))
      .map(({ cluster, name, values }) => ({
        cluster,
        name,
        labels: [...values.values()]
          .sort((a, b) => compareTexts(a.label, b.label))
          .map(labelRecord),
      }))
  }

  #takeIn(): void {
    for (const [{ cluster, namespace, labels }, timeMs] of this.#pending) {
      const { values } = this.#namespace(cluster, namespace)
      for (const label of labels) keepLatest(values, { label, timeMs })
    }
    this.#pending.clear()
  }

  #namespace(cluster: string, name: string): SeenNamespace {
    const key = keyOf([cluster, name])
    let namespace = this.#namespaces.get(key)
    if (namespace === undefined) {
      namespace = { cluster, name, values: new Map() }
      this.#namespaces.set(key, namespace)
    }
    return namespace
  }
}

function keepLatest(values: Map<string, SeenValue>, seen: SeenValue): void {
  const [key] = splitLabel(seen.label)
  const known = values.get(key)
  const isLater =
    known === undefined ||
    seen.timeMs > known.timeMs ||
    (seen.timeMs === known.timeMs && seen.label > known.label)
  if (isLater) values.set(key, seen)
}

function labelRecord({ label, timeMs }: SeenValue): NamespaceRecord['labels'][number] {
  return timeMs < 0 ? { label } : { label, last: formatTime(timeMs) }
}
