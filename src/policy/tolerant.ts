/** Reads policies for those who look for faults in them: what the API server would refuse is said, and left out. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import { parsePrefix, prefixHolds } from '../ip.ts'
import { Field } from './field.ts'
import type { Manifest } from './manifest.ts'
import type { LocatedPolicy } from './network-policy.ts'
import { Problems } from './problems.ts'
import { contentOf, parsePolicies } from './validate.ts'

/** Why a policy, or a part of it, is not what its author thinks it is. */
export type PolicyFault = 'INVALID' | 'EXCEPT_OUTSIDE' | 'DUPLICATE_NAME' | 'REPEATED_POLICY'

/** One fault that was found while reading. */
export interface FaultyPolicy {
  readonly fault: PolicyFault
  /** `namespace/name` */
  readonly policy: string
  readonly message: string
  readonly location: Location
}

/** What was read, and what could not be. */
export interface TolerantReading {
  /** Every policy that could be read; of two with one name both, of two in the same words the first. */
  readonly policies: readonly LocatedPolicy[]
  readonly faults: readonly FaultyPolicy[]
  /** Objects of other kinds, as `Kind namespace/name`. */
  readonly others: readonly string[]
}

/** Returns the policies among manifests, with every fault that would keep the API server from taking them as they are. */
export function readPoliciesTolerantly(manifests: readonly Manifest[]): TolerantReading {
  const faults: FaultyPolicy[] = []
  const others: string[] = []
  const read: LocatedPolicy[] = []
  for (const manifest of manifests) {
    const name = `${manifest.namespace || 'default'}/${manifest.name}`
    const { value, outside } = withoutOutsideExcepts(manifest)
    for (const { message, location } of outside) {
      faults.push({ fault: 'EXCEPT_OUTSIDE', policy: name, message, location })
    }
    try {
      const parsed = parsePolicies([
        { ...manifest, value, locate: (path) => manifest.locate(path) },
      ])
      read.push(...parsed.policies)
      others.push(...parsed.others)
    } catch (reason) {
      if (!(reason instanceof NetweirError) || reason.code !== 'MANIFEST_INVALID') throw reason
      for (const { message, location } of problemsOf(reason)) {
        faults.push({ fault: 'INVALID', policy: name, message, location })
      }
    }
  }
  const policies = withoutRepetitions(read, faults)
  return { policies, faults, others }
}

function problemsOf(error: NetweirError): NetweirError['problems'] {
  if (error.problems.length > 0) return error.problems
  return [{ message: error.message, location: error.location ?? { file: '' } }]
}

function withoutRepetitions(
  policies: readonly LocatedPolicy[],
  faults: FaultyPolicy[],
): readonly LocatedPolicy[] {
  const byName = new Map<string, LocatedPolicy[]>()
  return policies.filter((located) => {
    const { kind, metadata } = located.policy
    const policy = `${metadata.namespace}/${metadata.name}`
    const earlier = byName.get(`${kind} ${policy}`) ?? []
    byName.set(`${kind} ${policy}`, [...earlier, located])
    const [first] = earlier
    if (first === undefined) return true
    const { file, line = 1 } = first.location
    const same = earlier.some((one) => contentOf(one.policy) === contentOf(located.policy))
    faults.push({
      fault: same ? 'REPEATED_POLICY' : 'DUPLICATE_NAME',
      policy,
      message: `is defined ${same ? 'again in the same words' : 'twice, and differently'}; first at ${file}:${line}`,
      location: located.location,
    })
    return !same
  })
}

interface Cleaned {
  readonly value: unknown
  readonly outside: readonly { readonly message: string; readonly location: Location }[]
}

/** An exception outside its block keeps nothing out, so that the policy means the same without it. */
function withoutOutsideExcepts(manifest: Manifest): Cleaned {
  if (manifest.kind !== 'NetworkPolicy') return { value: manifest.value, outside: [] }
  const root = Field.of(manifest, new Problems())
  const dropped = (['ingress', 'egress'] as const).flatMap((direction) =>
    (root.member('spec').member(direction).items() ?? []).flatMap((rule) =>
      (rule.member(direction === 'ingress' ? 'from' : 'to').items() ?? []).flatMap((peer) =>
        outsideExcepts(peer.member('ipBlock')),
      ),
    ),
  )
  if (dropped.length === 0) return { value: manifest.value, outside: [] }
  const value: unknown = structuredClone(manifest.value)
  // From the back, so that the positions of those before stay what they are.
  for (const { path } of [...dropped].reverse()) removeAt(value, path)
  return {
    value,
    outside: dropped.map(({ path, message }) => ({ message, location: manifest.locate(path) })),
  }
}

function outsideExcepts(
  block: Field,
): readonly { readonly path: readonly (string | number)[]; readonly message: string }[] {
  const cidr = textOf(block.member('cidr'))
  const outer = cidr === undefined ? undefined : parsePrefix(cidr)
  return (block.member('except').items() ?? []).flatMap((item) => {
    const text = textOf(item)
    const hole = text === undefined ? undefined : parsePrefix(text)
    if (outer === undefined || hole === undefined) return []
    if (hole.length > outer.length && prefixHolds(outer, hole)) return []
    return [{ path: item.path(), message: `except ${text} is not strictly inside ${cidr}` }]
  })
}

function textOf(field: Field): string | undefined {
  return typeof field.value === 'string' ? field.value : undefined
}

function removeAt(root: unknown, path: readonly (string | number)[]): void {
  const last = path.at(-1)
  let at: unknown = root
  for (const step of path.slice(0, -1)) at = (at as Record<string | number, unknown>)[step]
  if (Array.isArray(at) && typeof last === 'number') at.splice(last, 1)
}
