/** From manifests to policies: what the API server would refuse is refused here, with its place. */
import type { Location } from '../errors.ts'
import { readCiliumSpecs } from './cilium-fields.ts'
import type { CiliumPolicy, CiliumSpec } from './cilium-policy.ts'
import { Field } from './field.ts'
import type { Manifest } from './manifest.ts'
import type { LocatedPolicy, NetworkPolicy, ObjectMeta, Policy } from './network-policy.ts'
import { checkSyntax, onlyMembers, readSpec } from './network-policy-fields.ts'
import { Problems } from './problems.ts'
import { dnsLabelProblem, dnsSubdomainProblem } from './syntax.ts'

/** The policies of a set of manifests, and the objects that are none. */
export interface ParsedPolicies {
  /** In the order of the manifests; a policy that is given twice in the same words stands once. */
  readonly policies: readonly LocatedPolicy[]
  /** Objects of other kinds, as `Kind namespace/name`. */
  readonly others: readonly string[]
}

/**
 * Returns the policies among manifests. They are valid by the rules of the API server, Cilium's by what it checks
 * itself, too, and otherwise as they are written.
 *
 * @throws NetweirError `MANIFEST_INVALID` with every problem of every policy.
 */
export function parsePolicies(manifests: readonly Manifest[]): ParsedPolicies {
  const problems = new Problems()
  const policies = new Map<string, LocatedPolicy>()
  const others: string[] = []
  for (const manifest of manifests) {
    const located = readPolicy(manifest, problems)
    if (located === undefined) others.push(nameOf(manifest))
    else addOnce(policies, located, problems)
  }
  problems.throwIfAny('MANIFEST_INVALID')
  return { policies: [...policies.values()], others }
}

function readPolicy(manifest: Manifest, problems: Problems): LocatedPolicy | undefined {
  const { apiVersion, kind } = manifest
  if (apiVersion === 'networking.k8s.io/v1' && kind === 'NetworkPolicy') {
    return located(manifest, readNetworkPolicy(manifest, problems))
  }
  const isCilium = kind === 'CiliumNetworkPolicy' || kind === 'CiliumClusterwideNetworkPolicy'
  return apiVersion === 'cilium.io/v2' && isCilium
    ? located(manifest, readCiliumPolicy(manifest, kind, problems))
    : undefined
}

function readNetworkPolicy(manifest: Manifest, problems: Problems): NetworkPolicy {
  const root = Field.of(manifest, problems)
  onlyMembers(root, ['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const metadata = root.member('metadata')
  checkNames(metadata)
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: readMetadata(metadata, 'default'),
    spec: readSpec(root.member('spec')),
  }
}

function checkNames(metadata: Field): void {
  const name = metadata.member('name')
  if (!name.isPresent) name.problem('is required')
  else if (typeof name.value === 'string') checkSyntax(name, name.value, dnsSubdomainProblem)
  const namespace = metadata.member('namespace')
  if (typeof namespace.value === 'string' && namespace.value !== '') {
    checkSyntax(namespace, namespace.value, dnsLabelProblem)
  }
}

function readCiliumPolicy(
  manifest: Manifest,
  kind: CiliumPolicy['kind'],
  problems: Problems,
): CiliumPolicy {
  const root = Field.of(manifest, problems)
  onlyMembers(root, ['apiVersion', 'kind', 'metadata', 'spec', 'specs', 'status'])
  const metadata = root.member('metadata')
  checkNames(metadata)
  const isClusterwide = kind === 'CiliumClusterwideNetworkPolicy'
  const namespace = metadata.member('namespace')
  if (isClusterwide && namespace.isPresent && namespace.value !== '') {
    namespace.problem('must be absent: a clusterwide policy has no namespace')
  }
  return {
    apiVersion: 'cilium.io/v2',
    kind,
    metadata: readMetadata(metadata, isClusterwide ? '' : 'default'),
    ...readCiliumSpecs(root, isClusterwide),
  }
}

function readMetadata(metadata: Field, defaultNamespace: string): ObjectMeta {
  const labels = metadata.member('labels').labels()
  const annotations = metadata.member('annotations').labels()
  return {
    name: metadata.member('name').text() ?? '',
    namespace: metadata.member('namespace').text() || defaultNamespace,
    ...(labels && { labels }),
    ...(annotations && { annotations }),
  }
}

function located(manifest: Manifest, policy: Policy): LocatedPolicy {
  const rules = (direction: 'ingress' | 'egress'): readonly Location[] =>
    policy.kind === 'NetworkPolicy'
      ? (policy.spec[direction] ?? []).map((_rule, index) =>
          manifest.locate(['spec', direction, index]),
        )
      : ciliumRulePaths(policy, direction).map((path) => manifest.locate(path))
  return {
    policy,
    location: manifest.locate([]),
    rules: { ingress: rules('ingress'), egress: rules('egress') },
  }
}

/** Returns where the rules of a direction stand, in the order in which they are numbered. */
function ciliumRulePaths({ spec, specs = [] }: CiliumPolicy, direction: 'ingress' | 'egress') {
  const parts: (readonly [CiliumSpec, readonly (string | number)[]])[] = [
    ...(spec === undefined ? [] : [[spec, ['spec']] as const]),
    ...specs.map((part, index) => [part, ['specs', index]] as const),
  ]
  return parts.flatMap(([part, path]) =>
    ([direction, `${direction}Deny`] as const).flatMap((name) =>
      (part[name] ?? []).map((_rule, index) => [...path, name, index]),
    ),
  )
}

/** The API server has one object of a kind and name: of two different ones nobody knows which is meant. */
function addOnce(
  policies: Map<string, LocatedPolicy>,
  added: LocatedPolicy,
  problems: Problems,
): void {
  const { policy, location } = added
  const { namespace } = policy.metadata
  const name = namespace === '' ? policy.metadata.name : `${namespace}/${policy.metadata.name}`
  const key = `${policy.kind} ${name}`
  const first = policies.get(key)
  if (first === undefined || policy.metadata.name === '') {
    policies.set(first === undefined ? key : `${key}#${policies.size}`, added)
  } else if (contentOf(first.policy) !== contentOf(policy)) {
    const { file, line = 1 } = first.location
    const message = `${policy.kind} ${name} is defined twice, first at ${file}:${line}`
    problems.add(message, location, 'keep the definition that the cluster has')
  }
}

/** Returns a text that is equal for policies that say the same in the same words. */
export function contentOf(policy: Policy): string {
  return policy.kind === 'NetworkPolicy'
    ? JSON.stringify(policy.spec)
    : JSON.stringify([policy.spec, policy.specs])
}

function nameOf({ kind, namespace, name }: Manifest): string {
  return namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}
