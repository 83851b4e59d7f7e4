/** Peers and ports of rules in the words of a reader. */
import { namespaceNameLabel } from '../labels.ts'
import { fqdnText } from '../policy/fqdn.ts'
import type { LabelSelector, LabelSelectorRequirement } from '../policy/network-policy.ts'
import type { RulePeer, RulePort, SpecialPeer } from '../policy/plain-rule.ts'

/**
 * Returns a peer of a policy of `namespace`: `app=web in namespace shop`, `every pod of namespace shop`,
 * `10.0.0.0/8 except 10.1.0.0/16`. Not escaped.
 */
export function peerText(peer: RulePeer, namespace: string): string {
  if (peer.ipBlock !== undefined) {
    const { cidr, except = [] } = peer.ipBlock
    return except.length === 0 ? cidr : `${cidr} except ${except.join(', ')}`
  }
  if (peer.special !== undefined) return specialText(peer.special)
  if (peer.podSelector === undefined && peer.namespaceSelector === undefined) return 'nobody'
  const pods = requirementsText(peer.podSelector ?? {})
  const home = homeText(peer.namespaceSelector, namespace)
  if (pods === '') return home === '' ? 'every pod' : `every pod of ${home}`
  return home === '' ? `${pods} in any namespace` : `${pods} in ${home}`
}

function specialText(peer: SpecialPeer): string {
  switch (peer.kind) {
    case 'entity':
      return peer.entity
    case 'fqdn':
      return fqdnText(peer.selector)
    case 'identity':
      return peer.requirements.map(requirementText).sort().join(', ')
  }
}

/** Returns a selector of pods: `app=web, tier in (a, b), !debug`, or `every pod`. Not escaped. */
export function selectorText(selector: LabelSelector): string {
  const text = requirementsText(selector)
  return text === '' ? 'every pod' : text
}

function requirementsText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.keys(matchLabels).map((key) => `${key}=${matchLabels[key]}`)
  return [...labels.sort(), ...matchExpressions.map(requirementText)].join(', ')
}

/** Returns one expression of a selector: `tier in (a, b)`, `app`, `!debug`. Not escaped. */
export function requirementText({ key, operator, values = [] }: LabelSelectorRequirement): string {
  switch (operator) {
    case 'In':
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(', ')})`
    case 'NotIn':
      return `${key} not in (${values.join(', ')})`
    case 'Exists':
      return key
    case 'DoesNotExist':
      return `!${key}`
  }
}

/** Returns a port of a rule: `443/TCP`, `8000-8100/UDP`, `http/TCP`, `every TCP port`. Not escaped. */
export function portText({ protocol = 'TCP', port, endPort, icmp }: RulePort): string {
  if (icmp !== undefined) return `${icmp.type}/${icmp.family === 'IPv4' ? 'ICMPv4' : 'ICMPv6'}`
  if (port === undefined) return `every ${protocol} port`
  return `${port}${endPort === undefined ? '' : `-${endPort}`}/${protocol}`
}

function homeText(selector: LabelSelector | undefined, namespace: string): string {
  if (selector === undefined) return `namespace ${namespace}`
  const text = requirementsText(selector)
  if (text === '') return ''
  const prefix = `${namespaceNameLabel}=`
  return text.startsWith(prefix) && !text.includes(',')
    ? `namespace ${text.slice(prefix.length)}`
    : `namespaces with ${text}`
}
