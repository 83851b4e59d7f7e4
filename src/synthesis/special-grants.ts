/** Peers that only Cilium can name: entities, DNS names, pods of other clusters; as grants, as rules, and in words. */
import { labelTexts, toLabels } from '../labels.ts'
import { clusterKey, podNamespaceKey } from '../policy/lower-cilium.ts'
import type { LabelSelectorRequirement } from '../policy/network-policy.ts'
import type { SpecialPeer } from '../policy/plain-rule.ts'
import type { EdgeEnd } from '../traffic/traffic.ts'
import type { GrantPeer, SpecialGrantPeer, SynthesisOptions } from './synthesis.ts'

/** Tells whether a run may write Cilium's policies. */
export function knowsCilium({ target = 'kubernetes' }: SynthesisOptions): boolean {
  return target !== 'kubernetes'
}

/** Tells whether a grant's peer is one that NetworkPolicy cannot name. */
export function isSpecialGrant(peer: GrantPeer): peer is SpecialGrantPeer {
  return ['entity', 'fqdn', 'fqdn-pattern', 'remote'].includes(peer.kind)
}

/** Returns what the peer of a grant is in the rules of the exact engine. */
export function toSpecialPeer(peer: SpecialGrantPeer): SpecialPeer {
  switch (peer.kind) {
    case 'entity':
      return peer
    case 'fqdn':
      return { kind: 'fqdn', selector: { matchName: peer.name } }
    case 'fqdn-pattern':
      return { kind: 'fqdn', selector: { matchPattern: peer.pattern } }
    case 'remote':
      return { kind: 'identity', local: false, requirements: requirementsOf(peer) }
  }
}

/** Returns the grant's peer that a peer of a rule stands for; undefined for one that no run of ours writes. */
export function fromSpecialPeer(peer: SpecialPeer): GrantPeer | undefined {
  if (peer.kind === 'entity') {
    return peer.entity === 'all' ? { kind: 'everyone' } : { kind: 'entity', entity: peer.entity }
  }
  if (peer.kind === 'fqdn') {
    const { matchName, matchPattern = '' } = peer.selector
    return matchName === undefined
      ? { kind: 'fqdn-pattern', pattern: matchPattern }
      : { kind: 'fqdn', name: matchName }
  }
  const values = new Map<string, string>()
  for (const { key, operator, values: [value, ...rest] = [] } of peer.requirements) {
    if (operator !== 'In' || value === undefined || rest.length > 0) return undefined
    values.set(key.replace(/^k8s:/, ''), value)
  }
  const cluster = values.get(clusterKey)
  const namespace = values.get(podNamespaceKey)
  if (cluster === undefined || namespace === undefined) return undefined
  values.delete(clusterKey)
  values.delete(podNamespaceKey)
  return { kind: 'remote', cluster, namespace, labels: toLabels([...values].sort()) }
}

function requirementsOf({
  cluster,
  namespace,
  labels,
}: Extract<SpecialGrantPeer, { readonly kind: 'remote' }>): readonly LabelSelectorRequirement[] {
  const entries = [
    ...Object.entries(labels).map(([key, value]) => [`k8s:${key}`, value] as const),
    [`k8s:${clusterKey}`, cluster] as const,
    [`k8s:${podNamespaceKey}`, namespace] as const,
  ]
  return entries.map(([key, value]) => ({ key, operator: 'In', values: [value] }))
}

/** Returns a special peer in words. */
export function describeSpecial(peer: SpecialGrantPeer): string {
  switch (peer.kind) {
    case 'entity':
      return peer.entity
    case 'fqdn':
      return peer.name
    case 'fqdn-pattern':
      return peer.pattern
    case 'remote':
      return `${peer.namespace} (${labelTexts(peer.labels).join(',')}) of cluster ${peer.cluster}`
  }
}

/**
 * Returns the peers that allow an end which is no pod of the cluster, the one that was seen first; none for an end that
 * no policy can name. The API server comes before the node it runs on; a node that was seen as the local one may be a
 * remote one tomorrow, and the other way round.
 */
export function specialPeersOf(end: EdgeEnd): readonly SpecialGrantPeer[] {
  if (end.kind === 'remote') {
    const { cluster, namespace, labels } = end
    return [{ kind: 'remote', cluster, namespace, labels: toLabels(Object.entries(labels).sort()) }]
  }
  if (end.kind === 'address') {
    return end.labels.includes('kube-apiserver')
      ? [{ kind: 'entity', entity: 'kube-apiserver' }]
      : []
  }
  if (end.kind !== 'entity') return []
  if (end.entity === 'kube-apiserver' || end.labels.includes('kube-apiserver')) {
    return [{ kind: 'entity', entity: 'kube-apiserver' }]
  }
  switch (end.entity) {
    case 'host':
      return [
        { kind: 'entity', entity: 'host' },
        { kind: 'entity', entity: 'remote-node' },
      ]
    case 'remote-node':
      return [
        { kind: 'entity', entity: 'remote-node' },
        { kind: 'entity', entity: 'host' },
      ]
    case 'ingress':
    case 'unmanaged':
      return [{ kind: 'entity', entity: end.entity }]
    default:
      return []
  }
}
