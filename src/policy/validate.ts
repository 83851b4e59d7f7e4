/** From manifests to policies: what the API server would refuse is refused here, with its place. */
import type { Location } from '../errors.ts'
import { Field } from './field.ts'
import type { Manifest } from './manifest.ts'
import type { CiliumPolicy, LocatedPolicy, NetworkPolicy, ObjectMeta } from './network-policy.ts'
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
 * Returns the policies among manifests. NetworkPolicies are valid by the rules of the API server and otherwise as they
 * are written; of Cilium's policies only name and place are read.
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
  const name = metadata.member('name')
  if (!name.isPresent) name.problem('is required')
  else if (typeof name.value === 'string') checkSyntax(name, name.value, dnsSubdomainProblem)
  const namespace = metadata.member('namespace')
  if (typeof namespace.value === 'string' && namespace.value !== '') {
    checkSyntax(namespace, namespace.value, dnsLabelProblem)
  }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: readMetadata(metadata, 'default'),
    spec: readSpec(root.member('spec')),
  }
}

function readCiliumPolicy(
  manifest: Manifest,
  kind: CiliumPolicy['kind'],
  problems: Problems,
): CiliumPolicy {
  const root = Field.of(manifest, problems)
  const spec = root.member('spec')
  const isNamespaced = kind === 'CiliumNetworkPolicy'
  return {
    apiVersion: 'cilium.io/v2',
    kind,
    metadata: readMetadata(root.member('metadata'), isNamespaced ? 'default' : ''),
    spec: spec.isPresent ? spec.value : root.member('specs').value,
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

function located(manifest: Manifest, policy: NetworkPolicy | CiliumPolicy): LocatedPolicy {
  const rules = (direction: 'ingress' | 'egress'): readonly Location[] =>
    policy.kind === 'NetworkPolicy'
      ? (policy.spec[direction] ?? []).map((_rule: unknown, index: number) =>
          manifest.locate(['spec', direction, index]),
        )
      : []
  return {
    policy,
    location: manifest.locate([]),
    rules: { ingress: rules('ingress'), egress: rules('egress') },
  }
}

/** The API server has one object of a kind and name: of two different ones nobody knows which is meant. */
function addOnce(
  policies: Map<string, LocatedPolicy>,
  added: LocatedPolicy,
  problems: Problems,
): void {
  const { policy, location } = added
  const name = `${policy.metadata.namespace}/${policy.metadata.name}`
  const key = `${policy.kind} ${name}`
  const first = policies.get(key)
  if (first === undefined || policy.metadata.name === '') {
    policies.set(first === undefined ? key : `${key}#${policies.size}`, added)
  } else if (JSON.stringify(first.policy.spec) !== JSON.stringify(policy.spec)) {
    const { file, line = 1 } = first.location
    const message = `${policy.kind} ${name} is defined twice, first at ${file}:${line}`
    problems.add(message, location, 'keep the definition that the cluster has')
  }
}

function nameOf({ kind, namespace, name }: Manifest): string {
  return namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}
