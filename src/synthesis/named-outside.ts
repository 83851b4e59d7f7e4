/** Servers outside the cluster by their names, and the API server outside, where the target can name them. */
import type { Contribution, OutsideUse } from './edge-grants.ts'
import type { Plan } from './plan.ts'
import { knowsCilium } from './special-grants.ts'
import type { Grant, Widening } from './synthesis.ts'

/**
 * Returns the grants by name for uses of addresses that were looked up, where the target knows names and the subject may
 * resolve them, and of the API server outside; and the uses that remain.
 */
export function nameOutside(
  plan: Plan,
  uses: readonly OutsideUse[],
  resolving: ReadonlySet<number>,
): Pick<Contribution, 'grants' | 'widenings'> & { readonly rest: readonly OutsideUse[] } {
  if (!knowsCilium(plan.options) || plan.options.outside === 'port') {
    return { grants: [], widenings: [], rest: uses }
  }
  const grants: Grant[] = []
  const widenings: Widening[] = []
  const rest: OutsideUse[] = []
  for (const use of uses) {
    const { direction, subject, protocol, port } = use
    const cell = { direction, subject, protocol, port }
    const isNamed =
      direction === 'egress' &&
      use.names.length > 0 &&
      use.names.every(isFqdn) &&
      !use.address.includes('/') &&
      resolving.has(subject)
    if (use.labels.includes('kube-apiserver')) {
      const peer = { kind: 'entity', entity: 'kube-apiserver' } as const
      grants.push({ ...cell, peer, why: 'learned' })
    } else if (!isNamed) rest.push(use)
    else {
      for (const name of use.names) {
        grants.push({ ...cell, peer: { kind: 'fqdn', name }, why: 'dns-name' })
        widenings.push(dnsName(plan, use, name))
      }
    }
  }
  return { grants, widenings, rest }
}

function isFqdn(name: string): boolean {
  return name.length <= 255 && /^[-a-zA-Z0-9_]+(\.[-a-zA-Z0-9_]+)*$/.test(name)
}

function dnsName(plan: Plan, { subject, protocol, port }: OutsideUse, name: string): Widening {
  return {
    reason: 'dns-name',
    policy: plan.policyNames[subject] ?? '',
    direction: 'egress',
    subject: plan.groups[subject]?.name ?? '',
    peer: name,
    ports: [`${port}/${protocol}`],
    size: `whatever addresses ${name} resolves to`,
    hint: 'leave DNS out with --dns none to list the addresses that were seen',
  }
}
