/** Names of policies: by workload, the same on every run, safe as a file name whatever the workload is called. */
import type { WorkloadRef } from '../traffic/inventory.ts'

/** What a policy is about. */
export interface PolicySubject {
  readonly namespace: string
  readonly workloads: readonly WorkloadRef[]
}

/** How far a name goes to be unique: the workload alone, with its kind, with six hexadecimal digits. */
export type NameForm = 'plain' | 'kind' | 'hash'

/** The workload that a name is made from. */
export interface NamedWorkload extends WorkloadRef {
  readonly namespace: string
}

/**
 * Returns a DNS-1123 subdomain of at most 63 characters for a workload. A name that is not one itself, or becomes too
 * long, gets digits whatever the form is, so that two workloads never meet in a shortened name.
 */
export function policyName(workload: NamedWorkload, form: NameForm): string {
  const { namespace, kind, name } = workload
  const plain = form === 'kind' ? `${name}-${kindAbbreviation(kind)}` : name
  if (form !== 'hash' && isSubdomain(name) && plain.length <= maxLength) return plain
  return withDigits(name, JSON.stringify([namespace, kind, name]))
}

/**
 * Returns one name per subject, distinct within a namespace and none of `taken` (`namespace/name` of policies that are
 * not ours). A name of last time stays while it is free; otherwise a subject is called like its first workload by name
 * and kind, with the kind where two subjects would share the name, with digits where that does not help. The same for
 * every order of the subjects.
 */
export function assignPolicyNames(
  subjects: readonly PolicySubject[],
  taken: ReadonlySet<string>,
  previous: readonly (string | undefined)[] = [],
): readonly string[] {
  const candidates = subjects.map(toCandidate)
  const order = candidates.map((_, index) => index)
  order.sort((a, b) => compare(candidates[a]?.identity ?? '', candidates[b]?.identity ?? ''))
  const names = new Map<number, string>()
  const used = new Set(taken)
  for (const index of order) {
    const name = previous[index]
    const full = `${candidates[index]?.workload.namespace}/${name}`
    if (name === undefined || !isSubdomain(name) || used.has(full)) continue
    names.set(index, name)
    used.add(full)
  }
  const open = order.filter((index) => !names.has(index))
  for (const [index, name] of nameTheRest(open, candidates, { taken, used })) names.set(index, name)
  return subjects.map((_, index) => names.get(index) ?? '')
}

/** Longest label value, so that a name can also be one. */
const maxLength = 63

/** Longest name of an object. */
const maxObjectName = 253

const abbreviations: ReadonlyMap<string, string> = new Map([
  ['CronJob', 'cj'],
  ['DaemonSet', 'ds'],
  ['Deployment', 'deploy'],
  ['Job', 'job'],
  ['Pod', 'pod'],
  ['ReplicaSet', 'rs'],
  ['ReplicationController', 'rc'],
  ['StatefulSet', 'sts'],
])

interface Candidate {
  readonly workload: NamedWorkload
  /** Equal for equal subjects alone. */
  readonly identity: string
}

function toCandidate({ namespace, workloads }: PolicySubject): Candidate {
  const sorted = workloads
    .map(({ kind, name }) => ({ kind, name }))
    .sort((a, b) => compare(a.name, b.name) || compare(a.kind, b.kind))
  const { kind, name } = sorted[0] ?? { kind: '', name: '' }
  return {
    workload: { namespace, kind, name },
    identity: JSON.stringify([namespace, ...sorted.map((ref) => [ref.name, ref.kind])]),
  }
}

/** Raises the form of whoever shares a name, until nobody does; digits go on with a counter. */
function nameTheRest(
  open: readonly number[],
  candidates: readonly Candidate[],
  { taken, used }: { readonly taken: ReadonlySet<string>; readonly used: ReadonlySet<string> },
): ReadonlyMap<number, string> {
  const steps = new Map(open.map((index) => [index, 0]))
  const names = new Map<number, string>()
  let pending = open
  while (pending.length > 0) {
    for (const index of pending) names.set(index, nameAt(candidates[index], steps.get(index) ?? 0))
    const owners = ownersByName(open, names, candidates)
    pending = [...owners].flatMap(([full, sharing]) => {
      const raised = used.has(full) ? sharing : losers(sharing, steps)
      for (const index of raised) {
        const step = (steps.get(index) ?? 0) + 1
        steps.set(index, taken.has(full) ? Math.max(step, 2) : step)
      }
      return raised
    })
  }
  return names
}

function ownersByName(
  open: readonly number[],
  names: ReadonlyMap<number, string>,
  candidates: readonly Candidate[],
): ReadonlyMap<string, readonly number[]> {
  const owners = new Map<string, number[]>()
  for (const index of open) {
    const full = `${candidates[index]?.workload.namespace}/${names.get(index)}`
    const sharing = owners.get(full)
    if (sharing === undefined) owners.set(full, [index])
    else sharing.push(index)
  }
  return owners
}

/** A name stays with the one subject that bears it in the simplest form; where there are several, none keeps it. */
function losers(sharing: readonly number[], steps: ReadonlyMap<number, number>): readonly number[] {
  if (sharing.length < 2) return []
  const stepOf = (index: number): number => steps.get(index) ?? 0
  const lowest = Math.min(...sharing.map(stepOf))
  const simplest = sharing.filter((index) => stepOf(index) === lowest)
  if (simplest.length === 1) return sharing.filter((index) => stepOf(index) !== lowest)
  // Beyond the digits of the workload only an order can decide: the first keeps what it has.
  return lowest < 2 ? sharing : sharing.slice(1)
}

function nameAt(candidate: Candidate | undefined, step: number): string {
  const workload = candidate?.workload ?? { namespace: '', kind: '', name: '' }
  const form = (['plain', 'kind', 'hash'] as const)[step]
  return form === undefined
    ? withDigits(workload.name, JSON.stringify([candidate?.identity, step]))
    : policyName(workload, form)
}

function withDigits(name: string, identity: string): string {
  const safe = name
    .slice(0, maxObjectName)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, maxLength - 7)
    .replace(/^-+|-+$/g, '')
  return `${safe === '' ? 'workload' : safe}-${sixDigits(identity)}`
}

function kindAbbreviation(kind: string): string {
  const known = abbreviations.get(kind)
  if (known !== undefined) return known
  const safe = kind
    .slice(0, 20)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '')
  return safe === '' ? 'other' : safe
}

function isSubdomain(name: string): boolean {
  return name.length <= maxObjectName && subdomain.test(name)
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** Returns the 32 bits of FNV-1a over the UTF-8 bytes of a text, folded to 24. */
function sixDigits(text: string): string {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  return ((hash >>> 24) ^ (hash & 0xffffff)).toString(16).padStart(6, '0')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
