/**
 * What a universe has to hold beside pods and addresses once Cilium's policies are among those that are compared: every
 * entity they can name, each with all its labels, and addresses that nobody has seen yet behind the names they speak of.
 */
import type { CiliumPolicy, FqdnSelector } from './cilium-policy.ts'
import { specsOf } from './cilium-policy.ts'
import { fqdnText, fqdnWitness } from './fqdn.ts'
import type { Policy, PolicyEndpoint } from './network-policy.ts'

/** An entity that was seen: its name, its labels as {@link PolicyEndpoint} has them, and how it reads. */
export interface KnownEntity {
  readonly name: string
  readonly labels: readonly string[]
  /** Default: the name. */
  readonly text?: string
}

/** An end that is neither a pod nor a cell of addresses. */
export interface MixedEnd {
  readonly name: string
  readonly endpoint: PolicyEndpoint
}

/** Entities that policies can name, with the labels that such an end has where nothing else is known. */
const defaults: ReadonlyMap<string, readonly string[]> = new Map([
  ['health', ['health']],
  ['host', ['host']],
  ['ingress', ['ingress']],
  ['init', ['init']],
  ['kube-apiserver', ['kube-apiserver', 'remote-node']],
  ['remote-node', ['remote-node']],
  ['unmanaged', ['unmanaged']],
])

/** Tells whether any of the policies is of a kind of Cilium's. */
export function hasCilium(policies: readonly Policy[]): boolean {
  return policies.some(({ kind }) => kind !== 'NetworkPolicy')
}

/** Returns a text that is equal for equal labels. */
export function labelsKey(labels: readonly string[]): string {
  return [...labels].sort().join(' ')
}

/** Returns the entities that were seen and those that policies can name, sorted by name; one for each set of labels. */
export function mixedEntities(seen: readonly (string | KnownEntity)[]): readonly MixedEnd[] {
  const byLabels = new Map<string, MixedEnd>()
  const add = (name: string, given: readonly string[], text = name): void => {
    const usual = defaults.get(name) ?? [name]
    const labels = given.length === 0 ? usual : given
    const key = labelsKey(labels)
    if (byLabels.has(key)) return
    const isUsual = text !== name || key === labelsKey(usual)
    const endpoint = { kind: 'entity', entity: name, labels } as const
    byLabels.set(key, { name: isUsual ? text : `${name} (${labels.join('+')})`, endpoint })
  }
  for (const [name, labels] of defaults) add(name, labels)
  for (const one of seen) {
    if (typeof one === 'string') add(one, [])
    else add(one.name, one.labels, one.text)
  }
  return [...byLabels.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Returns one end for each name or pattern of the policies: any address that was not seen, `background` standing for it. */
export function unseenAddresses(
  policies: readonly Policy[],
  background: string,
): readonly MixedEnd[] {
  const selectors = new Map<string, FqdnSelector>()
  for (const policy of policies) {
    if (policy.kind === 'NetworkPolicy') continue
    for (const selector of fqdnsOf(policy)) selectors.set(fqdnText(selector), selector)
  }
  return [...selectors.keys()].sort().flatMap((text): readonly MixedEnd[] => {
    const selector = selectors.get(text)
    if (selector === undefined) return []
    const names = [fqdnWitness(selector)]
    return [
      {
        name: `other addresses of ${text}`,
        endpoint: { kind: 'address', address: background, names },
      },
    ]
  })
}

function fqdnsOf(policy: CiliumPolicy): readonly FqdnSelector[] {
  return specsOf(policy).flatMap(({ egress = [] }) => egress.flatMap((rule) => rule.toFQDNs ?? []))
}
