/** Servers outside the cluster by their names, and the API server outside, where the target can name them. */
import type { Contribution, OutsideUse } from './edge-grants.ts'
import { patternsOf } from './name-patterns.ts'
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
  const isNamed = ({ direction, names, address, subject }: OutsideUse): boolean =>
    direction === 'egress' &&
    names.length > 0 &&
    names.every(isFqdn) &&
    !address.includes('/') &&
    resolving.has(subject)
  const isApiServer = ({ labels }: OutsideUse): boolean => labels.includes('kube-apiserver')
  const others = uses.filter((use) => !isApiServer(use))
  const cells = groupUses(others.filter(isNamed)).map((same) => nameCell(plan, same))
  return {
    grants: [
      ...uses.filter(isApiServer).map(({ direction, subject, protocol, port }): Grant => {
        const peer = { kind: 'entity', entity: 'kube-apiserver' } as const
        return { direction, subject, protocol, port, peer, why: 'learned' }
      }),
      ...cells.flatMap((cell) => cell.grants),
    ],
    widenings: cells.flatMap((cell) => cell.widenings),
    rest: others.filter((use) => !isNamed(use)),
  }
}

/** Names of one subject on one port, or patterns for them. */
function nameCell(
  plan: Plan,
  uses: readonly OutsideUse[],
): Pick<Contribution, 'grants' | 'widenings'> {
  const [use] = uses
  if (use === undefined) return { grants: [], widenings: [] }
  const { direction, subject, protocol, port } = use
  const cell = { direction, subject, protocol, port }
  const names = new Set(uses.flatMap((one) => one.names))
  const patterns = [...patternsOf(names, plan.options.namePatterns)]
  for (const [, below] of patterns) for (const name of below) names.delete(name)
  const single = [...names].sort()
  return {
    grants: [
      ...patterns.map(([pattern]): Grant => {
        return { ...cell, peer: { kind: 'fqdn-pattern', pattern }, why: 'dns-pattern' }
      }),
      ...single.map((name): Grant => {
        return { ...cell, peer: { kind: 'fqdn', name }, why: 'dns-name' }
      }),
    ],
    widenings: [
      ...patterns.map(([pattern, below]) => dnsPattern(plan, use, pattern, below)),
      ...single.map((name) => dnsName(plan, use, name)),
    ],
  }
}

/** Uses by subject, protocol and port. */
function groupUses(uses: readonly OutsideUse[]): readonly (readonly OutsideUse[])[] {
  const byCell = new Map<string, OutsideUse[]>()
  for (const use of uses) {
    const key = `${use.subject} ${use.protocol} ${use.port}`
    const known = byCell.get(key)
    if (known === undefined) byCell.set(key, [use])
    else known.push(use)
  }
  return [...byCell.values()]
}

function dnsPattern(
  plan: Plan,
  use: OutsideUse,
  pattern: string,
  below: readonly string[],
): Widening {
  return {
    ...dnsName(plan, use, pattern),
    reason: 'dns-pattern',
    size: `every name that ${pattern} stands for; ${below.length} were seen`,
    hint: 'write each name by leaving --name-patterns out, or ask for more names below one parent',
  }
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
