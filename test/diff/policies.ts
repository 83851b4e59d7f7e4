/** Builders of policies, for tests of what two sets of them mean. */
import { toLabels } from '../../src/labels.ts'
import type {
  EgressRule,
  IngressRule,
  LabelSelector,
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
} from '../../src/policy/network-policy.ts'

function selector(labels: Record<string, string>): LabelSelector {
  return Object.keys(labels).length === 0 ? {} : { matchLabels: toLabels(Object.entries(labels)) }
}

/** A peer by pod labels, in the policy's own namespace or in the one named. */
export function peer(labels: Record<string, string>, namespace?: string): NetworkPolicyPeer {
  return {
    podSelector: selector(labels),
    ...(namespace === undefined
      ? {}
      : { namespaceSelector: selector({ 'kubernetes.io/metadata.name': namespace }) }),
  }
}

/** Ports that read `5432/TCP`, `8000-8100/UDP` or `http/TCP`. */
export function ports(...texts: readonly string[]): NonNullable<IngressRule['ports']> {
  return texts.map((text) => {
    const [range = '', protocol] = text.split('/')
    const [first = '', last] = range.split('-')
    return {
      protocol: protocol as 'TCP' | 'UDP' | 'SCTP',
      port: /^\d+$/.test(first) ? Number(first) : range,
      ...(last !== undefined && /^\d+$/.test(first) ? { endPort: Number(last) } : {}),
    }
  })
}

interface PolicyParts {
  readonly pods?: Record<string, string>
  readonly ingress?: readonly IngressRule[]
  readonly egress?: readonly EgressRule[]
  readonly labels?: Record<string, string>
}

/** A policy that is about the directions it has rules for, as if generated: without a file. */
export function policy(name: string, parts: PolicyParts): NetworkPolicy {
  const [namespace = '', own = ''] = name.split('/')
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: own,
      namespace,
      ...(parts.labels === undefined ? {} : { labels: toLabels(Object.entries(parts.labels)) }),
    },
    spec: {
      podSelector: selector(parts.pods ?? {}),
      policyTypes: [
        ...(parts.ingress === undefined ? [] : (['Ingress'] as const)),
        ...(parts.egress === undefined ? [] : (['Egress'] as const)),
      ],
      ...(parts.ingress === undefined ? {} : { ingress: parts.ingress }),
      ...(parts.egress === undefined ? {} : { egress: parts.egress }),
    },
  }
}

/** The policy with its place: rules on lines 10, 20 and so on of the file; without a file it was not read. */
export function located(value: NetworkPolicy, file = ''): LocatedPolicy<NetworkPolicy> {
  const place = (index: number) => (file === '' ? { file } : { file, line: 10 * (index + 1) })
  return {
    policy: value,
    location: file === '' ? { file } : { file, line: 1 },
    rules: {
      ingress: (value.spec.ingress ?? []).map((_, index) => place(index)),
      egress: (value.spec.egress ?? []).map((_, index) => place(index)),
    },
  }
}
