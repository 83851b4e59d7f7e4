/** The difference in meaning between two policy sets: what each allows, compared over everything that is known. */

import type { CompiledSet } from '../policy/compiled-set.ts'
import { compileSet } from '../policy/compiled-set.ts'
import type { LocatedPolicy } from '../policy/network-policy.ts'
import { collectConnections } from './connection-changes.ts'
import { compareDestination } from './destination-diff.ts'
import { createEndNames } from './end-names.ts'
import { collectIsolation } from './isolation-changes.ts'
import { compareObjects } from './object-changes.ts'
import { observedConnections } from './observed.ts'
import type { Change, PolicyDiff } from './policy-diff.ts'
import { sections } from './policy-diff.ts'
import { splitKinds } from './policy-kinds.ts'
import type { Surroundings, TrafficUniverse } from './universe.ts'
import { createUniverse } from './universe.ts'

/** What is compared, and what is known of the cluster. */
export interface DiffInput extends Surroundings {
  /** The policies that exist. */
  readonly old: readonly LocatedPolicy[]
  /** The policies that would: generated ones, and the existing ones that stay. */
  readonly new: readonly LocatedPolicy[]
  /** Stale grants, passed on as they are. Default: none. */
  readonly stale?: PolicyDiff['stale']
}

/**
 * Returns what changes in meaning from the old set to the new one, over known classes, pods that only the policies
 * speak of, the whole address space, the entities of the traffic, and exact port ranges. The order of policies has no
 * influence. Policies of other kinds are left out and named. A policy whose location has an empty file name is taken as
 * not read from a file.
 */
export function diffPolicies(input: DiffInput): PolicyDiff {
  const old = splitKinds(input.old)
  const fresh = splitKinds(input.new)
  const policies = [...old.network, ...fresh.network].map((located) => located.policy)
  const universe = createUniverse(policies, input)
  const { changes, unchanged } = compare(universe, input, {
    old: compileSet(old.network, universe),
    new: compileSet(fresh.network, universe),
  })
  return {
    apiVersion: 'netweir/v1',
    kind: 'PolicyDiff',
    same: changes.length === 0,
    changes,
    unchanged,
    objects: compareObjects(old.network, fresh.network),
    stale: input.stale ?? [],
    notCompared: [...new Set([...old.others, ...fresh.others])].sort(),
  }
}

function compare(
  universe: TrafficUniverse,
  input: DiffInput,
  compiled: { readonly old: CompiledSet; readonly new: CompiledSet },
): { readonly changes: readonly Change[]; readonly unchanged: number } {
  const sets = { universe, ...compiled, observed: observedConnections(input.traffic, universe) }
  const names = createEndNames(universe)
  const connections = collectConnections(sets, names)
  const isolation = collectIsolation(sets, names)
  let unchanged = 0
  for (const end of universe.ends.keys()) {
    const difference = compareDestination(sets, end)
    connections.add(end, difference)
    isolation.add(end, difference)
    unchanged += difference.unchanged
  }
  const changes = [...isolation.list(), ...connections.list()].sort(compareChanges)
  return { changes, unchanged }
}

function compareChanges(a: Change, b: Change): number {
  const bySection = sections.indexOf(a.section) - sections.indexOf(b.section)
  if (bySection !== 0) return bySection
  const keyA = [a.to, a.from, ...a.ports, a.id].join('\n')
  const keyB = [b.to, b.from, ...b.ports, b.id].join('\n')
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0
}
