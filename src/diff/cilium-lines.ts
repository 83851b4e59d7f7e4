/** Which rules of a Cilium policy differ. */
import { canonicalCiliumPolicy } from '../policy/canonical-cilium.ts'
import type { CiliumPolicy, CiliumSpec } from '../policy/cilium-policy.ts'
import { specsOf } from '../policy/cilium-policy.ts'

/** Returns what two policies of one name say differently, as lines; rules are written as JSON. */
export function ciliumLines(before: CiliumPolicy, after: CiliumPolicy): readonly string[] {
  const old = piecesOf(before)
  const fresh = piecesOf(after)
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((head) => {
    const [left, right] = [old.get(head) ?? [], fresh.get(head) ?? []]
    const removed = left.filter((piece) => !right.includes(piece))
    const added = right.filter((piece) => !left.includes(piece))
    if (removed.length + added.length === 0) return []
    return [
      `${head}:`,
      ...removed.map((piece) => `- ${piece}`),
      ...added.map((piece) => `+ ${piece}`),
    ]
  })
}

const members = [
  'endpointSelector',
  'nodeSelector',
  'enableDefaultDeny',
  'ingress',
  'ingressDeny',
  'egress',
  'egressDeny',
] as const

function piecesOf(policy: CiliumPolicy): ReadonlyMap<string, readonly string[]> {
  const canonical = canonicalCiliumPolicy(policy)
  const pieces = new Map<string, readonly string[]>([
    ['labels', entriesOf(canonical.metadata.labels)],
    ['annotations', entriesOf(canonical.metadata.annotations)],
  ])
  for (const [index, spec] of specsOf(canonical).entries()) {
    const prefix = index === 0 ? '' : `part ${index + 1} `
    for (const member of members) pieces.set(`${prefix}${member}`, piecesOfMember(spec, member))
  }
  return pieces
}

function entriesOf(labels: Readonly<Record<string, string>> = {}): readonly string[] {
  return Object.entries(labels).map(([key, value]) => JSON.stringify({ [key]: value }))
}

function piecesOfMember(spec: CiliumSpec, member: (typeof members)[number]): readonly string[] {
  const value = spec[member]
  if (value === undefined) return []
  return Array.isArray(value) ? value.map((rule) => JSON.stringify(rule)) : [JSON.stringify(value)]
}
