/** Which policies select which pods. */
import type { LocatedPolicy } from '../policy/network-policy.ts'
import { createPolicyBook } from './policy-book.ts'
import { splitKinds } from './policy-kinds.ts'
import type { Surroundings } from './universe.ts'
import { createUniverse } from './universe.ts'

/** Returns the names of the policies that select each class of the traffic, by its position; each once, sorted. */
export function policiesByClass(
  policies: readonly LocatedPolicy[],
  surroundings: Surroundings,
): readonly (readonly string[])[] {
  const { judged } = splitKinds(policies)
  const universe = createUniverse(
    judged.map(({ policy }) => policy),
    surroundings,
  )
  const names = surroundings.traffic.classes.map(() => new Set<string>())
  for (const { namespace, subject, reference } of createPolicyBook(judged).entries) {
    for (const end of universe.endsMatching(namespace, subject)) names[end]?.add(reference.policy)
  }
  return names.map((own) => [...own].sort())
}
