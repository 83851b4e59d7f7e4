/** The workload of a pod, in the order of what is known best (`algorithms.md` A.1). */
import type { WorkloadRef } from './inventory.ts'

/** What is known of a pod. */
export interface PodFacts {
  readonly name: string
  /** Generation labels, `key=value`. */
  readonly generation: readonly string[]
  /** Labels of its class, `key=value`. */
  readonly labels: readonly string[]
  /** The controller as the producer of the flow names it. */
  readonly reported?: WorkloadRef
  /** What the inventory says: the top controller, or the pod itself where it has none. */
  readonly inventory?: WorkloadRef
}

/** A workload with the way it was found. */
export interface ResolvedWorkload {
  readonly workload: WorkloadRef
  readonly resolvedBy: 'inventory' | 'flow' | 'name' | 'labels'
}

/** Letters of generated names: no vowels, and no digits that look like letters. */
const generated = '[bcdfghjklmnpqrstvwxz2456789]'
const replicaSetPod = new RegExp(`^(.+)-(${generated}{8,10}|[0-9a-f]{8,10})-${generated}{5}$`)
const cronJobPod = new RegExp(`^(.+)-\\d{8,10}-${generated}{5}$`)
const indexedPod = /^(.+)-(\d+)$/
const generatedPod = new RegExp(`^(.+)-${generated}{5}$`)

/** Returns the workload of a pod. */
export function resolveWorkload(pod: PodFacts): ResolvedWorkload {
  if (pod.inventory !== undefined) return { workload: pod.inventory, resolvedBy: 'inventory' }
  if (pod.reported !== undefined) {
    return { workload: withoutRollout(pod.reported, pod.generation), resolvedBy: 'flow' }
  }
  const named = workloadOfName(pod)
  if (named !== undefined) return { workload: named, resolvedBy: 'name' }
  return { workload: labelSet(pod.labels), resolvedBy: 'labels' }
}

/** Returns the workload that stands for a label set whose controller nobody names. */
export function labelSet(labels: readonly string[]): WorkloadRef {
  return { kind: 'LabelSet', name: labels.length === 0 ? 'unlabelled' : labels.join(',') }
}

/** An Argo rollout shows as one ReplicaSet per rollout, unless the hash is taken off its name. */
function withoutRollout(workload: WorkloadRef, generation: readonly string[]): WorkloadRef {
  const hash = labelValue(generation, 'rollouts-pod-template-hash')
  const suffix = `-${hash}`
  if (hash === undefined || workload.kind !== 'ReplicaSet' || !workload.name.endsWith(suffix)) {
    return workload
  }
  return { kind: 'Rollout', name: workload.name.slice(0, -suffix.length) }
}

function workloadOfName(pod: PodFacts): WorkloadRef | undefined {
  const { name, generation } = pod
  const hash = labelValue(generation, 'pod-template-hash')
  const replica = replicaSetPod.exec(name)
  if (replica !== null && replica[2] === hash) return named('Deployment', replica[1])
  const cron = cronJobPod.exec(name)
  if (cron !== null) return named('CronJob', cron[1])
  if (replica !== null && hash === undefined) return named('Deployment', replica[1])
  const indexed = indexedPod.exec(name)
  if (indexed?.[1] !== undefined && confirmsIndexed(pod, indexed[1])) {
    return named('StatefulSet', indexed[1])
  }
  const single = generatedPod.exec(name)
  return single === null ? undefined : named('DaemonSet', single[1])
}

/** A name that ends in a number may be any bare pod: a label must agree that the rest names a controller. */
function confirmsIndexed(pod: PodFacts, base: string): boolean {
  const revision = labelValue(pod.generation, 'controller-revision-hash')
  return (
    revision?.startsWith(`${base}-`) === true ||
    pod.labels.some((label) => label.endsWith(`=${base}`))
  )
}

function named(kind: string, name: string | undefined): WorkloadRef | undefined {
  return name === undefined ? undefined : { kind, name }
}

function labelValue(labels: readonly string[], key: string): string | undefined {
  const prefix = `${key}=`
  return labels.find((label) => label.startsWith(prefix))?.slice(prefix.length)
}
