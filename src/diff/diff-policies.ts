/** The difference in meaning between two policy sets: what each allows, compared over everything that is known. */

import type { CompiledSet } from '../policy/compiled-set.ts'
import { compileSet } from '../policy/compiled-set.ts'
import type { LocatedPolicy } from '../policy/network-policy.ts'
import { collectConnections } from './connection-changes.ts'
import { compareDestinations } from './destination-diff.ts'
import { createEndNames } from './end-names.ts'
import { collectIsolation } from './isolation-changes.ts'
import { compareObjects } from './object-changes.ts'
import { observedConnections } from './observed.ts'
import type { Change, PolicyDiff } from './policy-diff.ts'
import { sections } from './policy-diff.ts'
import { splitKinds } from './policy-kinds.ts'
import { compareRequests } from './request-changes.ts'
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
 * Returns what changes in meaning from the old set to the new one, over known classes, pods that do not exist yet as far
 * as the policies can tell them apart, the whole address space, the entities of the traffic, and exact port ranges. The order of policies has no
 * influence. Policies of other kinds are left out and named. A policy whose location has an empty file name is taken as
 * not read from a file.
 */
export function diffPolicies(input: DiffInput): PolicyDiff {
  const old = splitKinds(input.old)
  const fresh = splitKinds(input.new)
  // Most policies stand in both sets, and have nothing to add the second time.
  const policies = new Set([...old.judged, ...fresh.judged].map((located) => located.policy))
  const universe = createUniverse([...policies], input)
  const { changes, unchanged } = compare(universe, input, {
    old: compileSet(old.judged, universe),
    new: compileSet(fresh.judged, universe),
  })
  const requests = compareRequests(old.judged, fresh.judged)
  return {
    apiVersion: 'netweir/v1',
    kind: 'PolicyDiff',
    same: changes.length + requests.length === 0,
    changes,
    unchanged,
    objects: compareObjects(old.judged, fresh.judged),
    stale: input.stale ?? [],
    notCompared: [...new Set([...old.others, ...fresh.others])].sort(),
    ...(universe.truncated ? { truncated: true } : {}),
    ...(requests.length > 0 ? { requests } : {}),
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
  const differenceAt = compareDestinations(sets)
  let unchanged = 0
  for (const end of universe.ends.keys()) {
    const difference = differenceAt(end)
    connections.add(end, difference)
    isolation.add(end, difference)
    unchanged += difference.unchanged
  }
  return { changes: sortChanges([...isolation.list(), ...connections.list()]), unchanged }
}

function sortChanges(changes: readonly Change[]): readonly Change[] {
  return changes
    .map((change) => ({
      change,
      section: sections.indexOf(change.section),
      lines: [change.to, change.from, ...change.ports, change.id],
    }))
    .sort((a, b) => a.section - b.section || compareLines(a.lines, b.lines))
    .map(({ change }) => change)
}

/** Orders texts of lines. They are long, and seldom equal in more than the first line: most are never put together. */
function compareLines(a: readonly string[], b: readonly string[]): number {
  for (const [at, line] of a.entries()) {
    const other = b[at] ?? ''
    if (line === other) continue
    // What stands behind the end of the shorter line decides.
    if (line.startsWith(other) || other.startsWith(line)) break
    return line < other ? -1 : 1
  }
  const [left, right] = [a.join('\n'), b.join('\n')]
  return left < right ? -1 : left > right ? 1 : 0
}
