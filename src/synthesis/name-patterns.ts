/** Names of one parent as one pattern, where that is asked for. */

/**
 * Returns the patterns for parents of which at least `least` names one level below are among some, with those names.
 * Nothing is said by a pattern below a top-level domain, or below one that stands for all of a country (`*.co.uk`).
 */
export function patternsOf(
  names: Iterable<string>,
  least: number | undefined,
): ReadonlyMap<string, readonly string[]> {
  if (least === undefined) return new Map()
  const byParent = new Map<string, Set<string>>()
  for (const name of names) {
    const parent = name.slice(name.indexOf('.') + 1)
    if (!name.includes('.') || isPublic(parent)) continue
    byParent.set(parent, (byParent.get(parent) ?? new Set()).add(name))
  }
  return new Map(
    [...byParent.keys()].sort().flatMap((parent) => {
      const below = [...(byParent.get(parent) ?? [])].sort()
      return below.length < least ? [] : [[`*.${parent}`, below] as const]
    }),
  )
}

function isPublic(parent: string): boolean {
  const labels = parent.split('.')
  const [second = '', top = ''] = labels
  return labels.length < 2 || (labels.length === 2 && second.length <= 3 && top.length === 2)
}
