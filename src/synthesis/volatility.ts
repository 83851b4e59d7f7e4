/** Which label keys a selector must not build on, because the next rollout or the next pod changes them. */
import type { Labels } from '../labels.ts'
import { labelValue } from './conjunction.ts'

/** Pods of one workload, with what tells its generations apart. */
export interface WorkloadPods {
  /** Keys of the controller's own selector; none when it is not known. */
  readonly selectorKeys: readonly string[]
  readonly pods: readonly {
    readonly name: string
    readonly labels: Labels
    /** Generation labels, `key=value`; none when they were not seen. */
    readonly generation: readonly string[]
  }[]
}

/**
 * Returns the keys that data shows to be volatile, and those that look like versions: a key is volatile when it varies
 * within too many of the workloads in which it could, or when its values look generated (`reference/algorithms.md`
 * A.3). Keys of a controller's own selector are neither: they cannot change.
 */
export function detectVolatileKeys(workloads: readonly WorkloadPods[]): {
  volatile: ReadonlySet<string>
  suspect: ReadonlySet<string>
} {
  const tallies = new Map<string, Tally>()
  for (const workload of workloads) count(workload, tallies)
  const fixed = new Set(workloads.flatMap((workload) => workload.selectorKeys))
  const volatile = new Set<string>()
  const suspect = new Set<string>()
  for (const key of [...tallies.keys()].sort()) {
    const tally = tallies.get(key)
    if (tally === undefined || fixed.has(key)) continue
    const values = [...tally.values.keys()]
    const rate = (0.5 + tally.varied) / (10 + tally.multi)
    const generated = values.filter(
      (value) => tally.values.get(value) === true || isGenerated(value),
    )
    if (rate > 0.2 || generated.length > 0.8 * values.length) volatile.add(key)
    else if (values.filter(isVersion).length > 0.8 * values.length) suspect.add(key)
  }
  return { volatile, suspect }
}

interface Tally {
  /** Workloads in which the key could have varied: several generations, or several pods that differ in it. */
  multi: number
  /** Those in which it did. */
  varied: number
  /** Distinct values, and whether a value is the name of a pod that carries it. */
  readonly values: Map<string, boolean>
}

function count(workload: WorkloadPods, tallies: Map<string, Tally>): void {
  const generations = new Set(
    workload.pods
      .filter((pod) => pod.generation.length > 0)
      .map((pod) => JSON.stringify([...pod.generation].sort())),
  )
  for (const key of new Set(workload.pods.flatMap((pod) => Object.keys(pod.labels)))) {
    const tally = tallies.get(key) ?? { multi: 0, varied: 0, values: new Map<string, boolean>() }
    tallies.set(key, tally)
    const seen = new Set<string | undefined>()
    for (const { name, labels } of workload.pods) {
      const value = labelValue(labels, key)
      seen.add(value)
      if (value === undefined) continue
      tally.values.set(value, tally.values.get(value) === true || isNameOfPod(value, name))
    }
    if (seen.size > 1) tally.varied += 1
    if (seen.size > 1 || generations.size > 1) tally.multi += 1
  }
}

/** A bare pod often bears a label that repeats its name and says who it is: only names that a controller made count. */
function isNameOfPod(value: string, podName: string): boolean {
  return value === podName && /-(\d+|[bcdfghjklmnpqrstvwxz2456789]{5})$/.test(podName)
}

function isGenerated(value: string): boolean {
  const isHash = /^[0-9a-f]{7,64}$/.test(value) && /\d/.test(value) && /[a-f]/.test(value)
  const isSafeHash = /^[bcdfghjklmnpqrstvwxz2456789]{8,10}$/.test(value) && /\d/.test(value)
  return isHash || isSafeHash || uuid.test(value) || /^1\d{9}(\d{3})?$/.test(value)
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

function isVersion(value: string): boolean {
  return version.test(value)
}

const version = /^(v\d+|v?\d+(\.\d+){1,3}([-+_][0-9A-Za-z.+_-]+|\.[A-Za-z][0-9A-Za-z.+_-]*)?)$/
