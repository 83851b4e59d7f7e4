/** Policies as text, in canonical form: the same policies are the same bytes. */
import { canonicalPolicy } from './canonical.ts'
import { canonicalCiliumPolicy } from './canonical-cilium.ts'
import type { Policy } from './network-policy.ts'
import { escapeUnprintable } from './quote.ts'
import { writeYaml } from './yaml-writer.ts'

/** Returns a policy as one YAML document in canonical form, which YAML 1.1 and 1.2 parsers read alike. */
export function renderPolicy(policy: Policy): string {
  return writeYaml(canonicalForm(policy))
}

/** Returns the policies as one YAML stream, in the order given; the empty text for none. */
export function renderPolicies(policies: readonly Policy[]): string {
  return policies.map(renderPolicy).join('---\n')
}

/** Returns the policies as a Kubernetes `List` in JSON, in the order given, with a final newline. */
export function renderList(policies: readonly Policy[]): string {
  const list = { apiVersion: 'v1', kind: 'List', items: policies.map(canonicalForm) }
  return `${escapeUnprintable(JSON.stringify(list, undefined, 2))}\n`
}

function canonicalForm(policy: Policy): Policy {
  return policy.kind === 'NetworkPolicy' ? canonicalPolicy(policy) : canonicalCiliumPolicy(policy)
}
