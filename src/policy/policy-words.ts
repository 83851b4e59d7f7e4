/** Words that policies use beside selectors: blocks of addresses, names of ports. */
import type { IpBlock, NetworkPolicy, NetworkPolicyPort } from './network-policy.ts'
import { forEachPeer } from './network-policy.ts'
import type { PortNames } from './port-line.ts'
import { portName } from './port-line.ts'

interface PolicyWords {
  readonly blocks: readonly IpBlock[]
  readonly portNames: readonly string[]
}

/** The same policies are compared again and again, and most have none of these words. */
const known = new WeakMap<NetworkPolicy, PolicyWords>()

/** Returns the blocks of every peer, in order. */
export function blocksIn(policies: readonly NetworkPolicy[]): readonly IpBlock[] {
  const blocks: IpBlock[] = []
  for (const policy of policies) for (const block of wordsOf(policy).blocks) blocks.push(block)
  return blocks
}

/** Returns the names of ports that rules of the policies use, sorted. */
export function portNamesIn(policies: readonly NetworkPolicy[]): PortNames {
  const names = new Set<string>()
  for (const policy of policies) for (const name of wordsOf(policy).portNames) names.add(name)
  return [...names].sort()
}

function wordsOf(policy: NetworkPolicy): PolicyWords {
  const before = known.get(policy)
  if (before !== undefined) return before
  const { spec } = policy
  const blocks: IpBlock[] = []
  forEachPeer(spec, ({ ipBlock }) => {
    if (ipBlock !== undefined) blocks.push(ipBlock)
  })
  const portNames: string[] = []
  const note = (ports: readonly NetworkPolicyPort[] = []): void => {
    for (const { port, protocol = 'TCP' } of ports) {
      if (typeof port === 'string') portNames.push(portName(port, protocol))
    }
  }
  for (const { ports } of spec.ingress ?? []) note(ports)
  for (const { ports } of spec.egress ?? []) note(ports)
  const words = { blocks, portNames }
  known.set(policy, words)
  return words
}
