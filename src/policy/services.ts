/**
 * Services in rules of Cilium's, as what Cilium makes of them: the selector of a service that has one, else its endpoints
 * as blocks (cilium `pkg/policy/k8s/service.go`).
 */
import { toLabels } from '../labels.ts'
import type { CiliumEgressRule, CiliumPolicy, CiliumSpec } from './cilium-policy.ts'
import { podNamespaceKey } from './lower-cilium.ts'
import type { LabelSelector, LocatedPolicy, Policy } from './network-policy.ts'

/** A service, as far as policies can mean it. */
export interface PolicyServiceObject {
  readonly namespace: string
  readonly name: string
  /** Absent for a service without one. */
  readonly selector?: Readonly<Record<string, string>>
  /** Canonical addresses of its endpoints; absent where nobody knows them. */
  readonly endpoints?: readonly string[]
}

/**
 * Returns the policies with what their services stand for in the place of `toServices`. A rule that asks for a service
 * which is not known here, for services by labels, or for those of any namespace, stays as it is.
 */
export function resolveServices(
  policies: readonly LocatedPolicy[],
  services: readonly PolicyServiceObject[],
): readonly LocatedPolicy[] {
  if (services.length === 0) return policies
  const byName = new Map(services.map((one) => [`${one.namespace}/${one.name}`, one]))
  return policies.map((located) => {
    const policy = resolvePolicy(located.policy, byName)
    return policy === located.policy ? located : { ...located, policy }
  })
}

type Services = ReadonlyMap<string, PolicyServiceObject>

function resolvePolicy(policy: Policy, services: Services): Policy {
  if (policy.kind === 'NetworkPolicy') return policy
  const { spec, specs } = policy
  const asks = [spec ?? [], specs ?? []]
    .flat()
    .some(({ egress = [] }) => egress.some(({ toServices = [] }) => toServices.length > 0))
  if (!asks) return policy
  const resolved: CiliumPolicy = {
    ...policy,
    ...(spec && { spec: resolveSpec(spec, services) }),
    ...(specs && { specs: specs.map((one) => resolveSpec(one, services)) }),
  }
  return resolved
}

function resolveSpec(spec: CiliumSpec, services: Services): CiliumSpec {
  const { egress } = spec
  return egress === undefined
    ? spec
    : { ...spec, egress: egress.map((rule) => resolveRule(rule, services)) }
}

function resolveRule(rule: CiliumEgressRule, services: Services): CiliumEgressRule {
  const { toServices = [], ...rest } = rule
  if (toServices.length === 0) return rule
  const found = toServices.map((one) => services.get(nameOf(one) ?? ''))
  const peers = found.map((service) => (service === undefined ? undefined : peersOf(service)))
  if (peers.some((one) => one === undefined)) return rule
  const toEndpoints = peers.flatMap((one) => one?.endpoints ?? [])
  const toCIDR = peers.flatMap((one) => one?.blocks ?? [])
  // A list of peers that is there and empty is nobody.
  return {
    ...rest,
    ...((toEndpoints.length > 0 || toCIDR.length === 0) && { toEndpoints }),
    ...(toCIDR.length > 0 && { toCIDR }),
  }
}

function nameOf(reference: unknown): string | undefined {
  const one = reference as {
    readonly k8sService?: { readonly serviceName?: unknown; readonly namespace?: unknown }
  } | null
  const { serviceName, namespace } = one?.k8sService ?? {}
  if (typeof serviceName !== 'string' || typeof namespace !== 'string') return undefined
  return namespace === '' || Object.keys(one ?? {}).length !== 1
    ? undefined
    : `${namespace}/${serviceName}`
}

function peersOf({
  namespace,
  selector,
  endpoints,
}: PolicyServiceObject):
  | { readonly endpoints?: LabelSelector; readonly blocks?: readonly string[] }
  | undefined {
  if (selector !== undefined && Object.keys(selector).length > 0) {
    const labels = Object.entries(selector).map(([key, value]): [string, string] => [
      `k8s:${key}`,
      value,
    ])
    return {
      endpoints: { matchLabels: toLabels([...labels, [`k8s:${podNamespaceKey}`, namespace]]) },
    }
  }
  return endpoints === undefined
    ? undefined
    : { blocks: endpoints.map((one) => `${one}/${one.includes(':') ? 128 : 32}`) }
}
