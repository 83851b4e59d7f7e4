/** Policies as text, in canonical form: the same policies are the same bytes. */
import { Document, visit } from 'yaml'
import { canonicalPolicy } from './canonical.ts'
import { canonicalCiliumPolicy } from './canonical-cilium.ts'
import type { Policy } from './network-policy.ts'
import { escapeUnprintable } from './quote.ts'

/** Returns a policy as one YAML document in canonical form, which YAML 1.1 and 1.2 parsers read alike. */
export function renderPolicy(policy: Policy): string {
  const document = new Document(canonicalForm(policy), {
    // Quotes whatever YAML 1.1 would read as something else than a string.
    compat: 'yaml-1.1',
    aliasDuplicateObjects: false,
  })
  visit(document, {
    Scalar: (_key, scalar) => {
      if (typeof scalar.value === 'string' && !isPlain(scalar.value)) scalar.type = 'QUOTE_DOUBLE'
    },
  })
  const text = document.toString({ indent: 2, lineWidth: 0, doubleQuotedAsJSON: true })
  return escapeUnprintable(text)
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

/**
 * Whether a string may stand without quotes where the rules of the `yaml` package allow it: printable, on one line, and
 * in no dialect anything else than a string. Parsers differ over `0_x1f`, `1e3`, `0o7` and the default key `=`; all of
 * them agree on address blocks.
 */
function isPlain(text: string): boolean {
  const mayBeNumber = /^[-+.]?\d/.test(text) && !/^[\d.]+\/\d+$/.test(text)
  return /^[\x20-\x7e]*$/.test(text) && !mayBeNumber && text !== '='
}
