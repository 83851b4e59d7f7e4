/** Which workload a pod belongs to: its owners, followed to the controller that a person would name. */
import type { Labels } from '../labels.ts'
import type { Field } from '../policy/field.ts'
import type { Manifest } from '../policy/manifest.ts'
import type { WorkloadRef } from '../traffic/inventory.ts'

/** Controllers that other controllers make; the owners of all others are operators, which no person would name. */
const intermediate: ReadonlySet<string> = new Set(['ReplicaSet', 'Job', 'ReplicationController'])

/**
 * CronJobs name their Jobs after the minute of the schedule, counted from 1970. From 2017 on that is more than
 * 25,000,000, which tells such names from names that end in a date.
 */
const cronJobRun = /^(.+)-(\d{8})$/
const firstCronJobMinute = 25_000_000

/** Returns the controller of an object, or its first owner where none controls; undefined when it has none. */
export function readOwner(object: Field): WorkloadRef | undefined {
  const owners = object.member('metadata').member('ownerReferences').items() ?? []
  const owner = owners.find((each) => each.member('controller').value === true) ?? owners[0]
  if (owner === undefined) return undefined
  const kind = owner.member('kind').text() ?? ''
  const name = owner.member('name').text() ?? ''
  // A static pod belongs to its node, which is no controller.
  return kind === '' || kind === 'Node' || name === '' ? undefined : { kind, name }
}

/** Follows owners through the controllers of an inventory. */
export class Owners {
  readonly #owners = new Map<string, WorkloadRef | undefined>()

  /** Remembers a controller and what owns it. */
  add({ kind, namespace, name }: Manifest, owner: WorkloadRef | undefined): void {
    this.#owners.set(key(namespace, { kind, name }), owner)
  }

  /** Returns the top controller of a pod with this owner and these labels. */
  workloadOf(namespace: string, owner: WorkloadRef, labels: Labels): WorkloadRef {
    const isKnown = this.#owners.has(key(namespace, owner))
    const next = isKnown ? this.#owners.get(key(namespace, owner)) : derivedOwner(owner, labels)
    return next !== undefined && intermediate.has(owner.kind) ? next : owner
  }
}

/** Returns what made a controller that the inventory lacks, by the names that controllers give. */
function derivedOwner({ kind, name }: WorkloadRef, labels: Labels): WorkloadRef | undefined {
  if (kind === 'Job') {
    const [, cronJob, minute] = cronJobRun.exec(name) ?? []
    return cronJob !== undefined && Number(minute) >= firstCronJobMinute
      ? { kind: 'CronJob', name: cronJob }
      : undefined
  }
  if (kind !== 'ReplicaSet') return undefined
  return (
    withoutHash('Deployment', name, labels['pod-template-hash']) ??
    withoutHash('Rollout', name, labels['rollouts-pod-template-hash'])
  )
}

function withoutHash(
  kind: string,
  name: string,
  hash: string | undefined,
): WorkloadRef | undefined {
  const isNamed = hash !== undefined && hash !== '' && name.endsWith(`-${hash}`)
  const stem = isNamed ? name.slice(0, -hash.length - 1) : ''
  return stem === '' ? undefined : { kind, name: stem }
}

function key(namespace: string, { kind, name }: WorkloadRef): string {
  return `${namespace || 'default'}/${kind}/${name}`
}
