/** What policies decide about every edge of a traffic, and by which rules. */
import type { LocatedPolicy } from '../policy/network-policy.ts'
import type { Edge } from '../traffic/traffic.ts'
import { createPolicyBook } from './policy-book.ts'
import { splitKinds } from './policy-kinds.ts'
import { replayEdges } from './replay.ts'
import type { Surroundings } from './universe.ts'
import { createUniverse } from './universe.ts'
import { knownPods } from './verify.ts'
import type { Direction } from './verify-report.ts'

/** A rule that lets an edge through, on one of its sides. */
export interface AllowingRule {
  /** `namespace/name` */
  readonly policy: string
  /** `file:line` of the rule, for a policy that was read from a file. */
  readonly at?: string
  readonly direction: Direction
  /** Position in `spec.ingress` or `spec.egress`, from 0. */
  readonly rule: number
}

/** What becomes of one edge. */
export interface EdgeDecision {
  /** `unjudged` where nobody knows the labels of an end. */
  readonly decision: 'allowed' | 'denied' | 'unjudged'
  readonly allowedBy: readonly AllowingRule[]
  /** Policies that isolate the side that denies, or deny there. */
  readonly deniedBy: readonly string[]
}

/** Returns the decision about each edge that policies have a say in, by the edge. */
export function decideEdges(
  policies: readonly LocatedPolicy[],
  surroundings: Surroundings,
): ReadonlyMap<Edge, EdgeDecision> {
  const { judged } = splitKinds(policies)
  const { traffic, ipBlockPods = false } = surroundings
  const universe = createUniverse(
    judged.map(({ policy }) => policy),
    surroundings,
  )
  const book = createPolicyBook(judged, { ipBlockPods })
  const replayed = replayEdges(traffic, book, knownPods(universe, traffic))
  return new Map(
    replayed.map(({ edge, judgement, matches, denials }) => [
      edge,
      {
        decision: judgement === 'covered' ? 'allowed' : judgement,
        allowedBy: matches.flatMap(({ entry, direction, rule }): readonly AllowingRule[] => {
          const found = book.entries[entry]
          const own = found?.rules.find((one) => one.direction === direction && one.rule === rule)
          // What a rule denies matches, too.
          if (found === undefined || own?.deny === true) return []
          const at = own?.at
          const { policy } = found.reference
          return [{ policy, ...(at === undefined ? {} : { at }), direction, rule }]
        }),
        deniedBy: [
          ...new Set(
            denials.flatMap(({ side }) =>
              [...side.isolatedBy, ...side.deniedBy.map(({ entry }) => entry)].flatMap(
                (id) => book.entries[id]?.reference.policy ?? [],
              ),
            ),
          ),
        ].sort(),
      },
    ]),
  )
}
