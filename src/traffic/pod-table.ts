/** The pods that were seen, by class, name and generation. */
import { isShared } from '../flow/endpoint.ts'
import type { PodSighting } from '../flow/flow.ts'
import type { PodRecord } from './communication-set.ts'
import type { WorkloadRef } from './inventory.ts'
import { compareTextLists, compareTexts, keyOf, sortedTexts } from './text-key.ts'
import type { Span } from './timestamp.ts'
import { emptySpan, extendSpan, joinSpan, spanOf, spanRecord } from './timestamp.ts'

interface Pod extends Span {
  readonly name: string
  readonly generation: readonly string[]
  workload: WorkloadRef | undefined
}

/** The table. Classes are numbers of an end table. */
export class PodTable {
  readonly #classes = new Map<number, Map<string, Pod>>()
  readonly #shared = new WeakMap<PodSighting, Pod>()

  /** Notes that a pod was seen. */
  see(classNumber: number, sighting: PodSighting, timeMs: number | undefined): void {
    const pod = this.#seen(classNumber, sighting)
    if (sighting.workload !== undefined) this.#own(pod, sighting.workload)
    if (timeMs !== undefined) extendSpan(pod, timeMs)
  }

  /** Notes that a pod was seen, at times within a span. */
  seeMany(classNumber: number, sighting: PodSighting, span: Readonly<Span>): void {
    const pod = this.#pod(classNumber, sighting.name, sighting.generation)
    if (sighting.workload !== undefined) this.#own(pod, sighting.workload)
    joinSpan(pod, span)
  }

  /** Takes in what a document says of a pod of the class. */
  absorbRecord(classNumber: number, record: PodRecord): void {
    const pod = this.#pod(classNumber, record.name, record.generation ?? [])
    if (record.workload !== undefined) this.#own(pod, record.workload)
    joinSpan(pod, spanOf(record))
  }

  /** Returns the pods as documents spell them, sorted; `positions` maps class numbers to positions of the document. */
  toRecords(positions: ReadonlyMap<number, number>): readonly PodRecord[] {
    const records: PodRecord[] = []
    for (const [classNumber, pods] of this.#classes) {
      const position = positions.get(classNumber) ?? 0
      for (const pod of pods.values()) records.push(podRecord(position, pod))
    }
    return records.sort(
      (a, b) =>
        a.class - b.class ||
        compareTexts(a.name, b.name) ||
        compareTextLists(a.generation ?? [], b.generation ?? []),
    )
  }

  /** A sighting that is shared belongs to one endpoint, and so to one class. */
  #seen(classNumber: number, sighting: PodSighting): Pod {
    if (!isShared(sighting)) return this.#pod(classNumber, sighting.name, sighting.generation)
    let pod = this.#shared.get(sighting)
    if (pod === undefined) {
      pod = this.#pod(classNumber, sighting.name, sighting.generation)
      this.#shared.set(sighting, pod)
    }
    return pod
  }

  #pod(classNumber: number, name: string, generation: readonly string[]): Pod {
    let pods = this.#classes.get(classNumber)
    if (pods === undefined) {
      pods = new Map()
      this.#classes.set(classNumber, pods)
    }
    const key = keyOf([name, ...generation])
    let pod = pods.get(key)
    if (pod === undefined) {
      pod = { name, generation: sortedTexts(generation), workload: undefined, ...emptySpan() }
      pods.set(key, pod)
    }
    return pod
  }

  /** Producers may disagree, and a name must not depend on who spoke last: the smallest one counts. */
  #own(pod: Pod, workload: WorkloadRef): void {
    const { kind, name } = workload
    const order =
      pod.workload === undefined
        ? -1
        : compareTexts(kind, pod.workload.kind) || compareTexts(name, pod.workload.name)
    if (order < 0) pod.workload = { kind, name }
  }
}

function podRecord(position: number, pod: Pod): PodRecord {
  return {
    class: position,
    name: pod.name,
    ...(pod.generation.length > 0 ? { generation: pod.generation } : {}),
    ...(pod.workload === undefined ? {} : { workload: pod.workload }),
    ...spanRecord(pod),
  }
}
