/** The gate's look at requests: what proxies saw still passes, and nothing else than granted kinds is let through. */
import { NetweirError } from '../errors.ts'
import { specsOf } from '../policy/cilium-policy.ts'
import type { Evaluator } from '../policy/evaluate.ts'
import type { Policy, PolicyEndpoint } from '../policy/network-policy.ts'
import { requestExamples } from '../traffic/request-shapes.ts'
import type { Edge } from '../traffic/traffic.ts'
import type { GeneratedPolicy, Synthesis } from './synthesis.ts'

const sides = ['egress', 'ingress'] as const

/** Tells whether any of the policies lets just some requests through. */
export function narrowsRequests(policies: readonly Policy[]): boolean {
  return policies.some((policy) => requestTexts(policy).length > 0)
}

/**
 * Returns the request of an edge that its policies would refuse, in words; undefined for none. Where not every
 * connection was seen to pass a proxy, whatever else it carried must pass, too.
 */
export function refusedRequest(
  edge: Edge,
  from: PolicyEndpoint,
  to: PolicyEndpoint,
  evaluator: Evaluator,
): string | undefined {
  const { protocol, port, evidence } = edge
  if (protocol !== 'TCP' && protocol !== 'UDP') return undefined
  const { http = [], dns = [], inspected = [] } = evidence.requests ?? {}
  const kinds = [
    ...http.map((text) => ['http', text] as const),
    ...dns.map((text) => ['dns', text] as const),
  ]
  for (const [kind, text] of kinds) {
    for (const request of requestExamples(kind, text)) {
      if (!evaluator.allows(from, to, { protocol, port, request })) return text
    }
  }
  const decision = evaluator.evaluate(from, to, { protocol, port, request: 'other' })
  const closed = sides.find((side) => !decision[side].allowed && !inspected.includes(side))
  return closed === undefined ? undefined : `what no proxy saw (${closed})`
}

/** @throws {NetweirError} `GATE_FAILED` where a policy names requests that no grant of its subject does. */
export function checkRequests(synthesis: Synthesis, judged: readonly GeneratedPolicy[]): void {
  const granted = new Map<number, Set<string>>()
  for (const { subject, request } of synthesis.grants) {
    if (request === undefined) continue
    const known = granted.get(subject) ?? new Set()
    granted.set(subject, known.add(JSON.stringify(request)))
  }
  for (const { policy, group = -1 } of judged) {
    const surplus = requestTexts(policy).find((text) => granted.get(group)?.has(text) !== true)
    if (surplus === undefined) continue
    throw new NetweirError(
      'GATE_FAILED',
      `the policy ${policy.metadata.namespace}/${policy.metadata.name} names requests that nothing grants: ${surplus}`,
      {
        hint: 'nothing was written; this is a defect of netweir, please report it with the communication set (netweir learn)',
      },
    )
  }
}

/** Every kind of requests in a policy but for all look-ups, as the text of a grant's. */
function requestTexts(policy: Policy): readonly string[] {
  if (policy.kind === 'NetworkPolicy') return []
  const rules = specsOf(policy).flatMap(({ ingress = [], egress = [] }) => [...ingress, ...egress])
  return rules
    .flatMap(({ toPorts = [] }) => toPorts)
    .flatMap(({ rules: { http = [], dns = [] } = {} }) => [
      ...http.map((one) => JSON.stringify({ http: one })),
      ...dns
        .filter(({ matchPattern }) => matchPattern !== '*')
        .map((one) => JSON.stringify({ dns: one })),
    ])
}
