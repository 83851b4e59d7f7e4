/** Peers of grants as cubes: what of them is namespaces times labels. */
import type { Cube } from './peer-cubes.ts'
import { fromPeer } from './peer-cubes.ts'
import type { Plan } from './plan.ts'
import type { GrantPeer } from './synthesis.ts'

/** Returns the cubes that a grant's peer stands for, or nothing when it is no selector. */
export function cubesOf(plan: Plan, peer: GrantPeer, ownNamespace: string): readonly Cube[] {
  switch (peer.kind) {
    case 'group': {
      const group = plan.groups[peer.group]
      if (group === undefined) return []
      return (plan.selectors[peer.group]?.selectors ?? []).map((literals) => ({
        namespaces: [group.namespace],
        literals,
      }))
    }
    case 'namespace':
      return [{ namespaces: [peer.namespace], literals: [] }]
    case 'selector': {
      const cube = fromPeer(peer.peer, ownNamespace)
      return cube === undefined ? [] : [cube]
    }
    default:
      return []
  }
}
