/** Peers of grants as cubes: what of them is namespaces times labels. */
import type { GroupSelector } from './group-selectors.ts'
import type { Cube } from './peer-cubes.ts'
import { fromPeer } from './peer-cubes.ts'
import type { Plan } from './plan.ts'
import type { GrantPeer, Group } from './synthesis.ts'

/** A workload is a peer in many rules: its cubes are made once. */
const cubesOfSelector = new WeakMap<GroupSelector, readonly Cube[]>()

function groupCubes({ namespace }: Group, selector: GroupSelector): readonly Cube[] {
  const known = cubesOfSelector.get(selector)
  if (known !== undefined) return known
  const cubes = selector.selectors.map((literals) => ({ namespaces: [namespace], literals }))
  cubesOfSelector.set(selector, cubes)
  return cubes
}

/** Returns the cubes that a grant's peer stands for, or nothing when it is no selector. */
export function cubesOf(plan: Plan, peer: GrantPeer, ownNamespace: string): readonly Cube[] {
  switch (peer.kind) {
    case 'group': {
      const group = plan.groups[peer.group]
      const selector = plan.selectors[peer.group]
      return group === undefined || selector === undefined ? [] : groupCubes(group, selector)
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
