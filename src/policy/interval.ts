/** Algebra of sets of whole numbers as intervals: exact, whatever the size of the numbers. */

/** The numbers from `first` up to but not including `end`. */
export type Interval<N extends number | bigint> = readonly [first: N, end: N]

/** Intervals in ascending order that neither overlap nor touch: equal sets are equal lists. */
export type Intervals<N extends number | bigint> = readonly Interval<N>[]

/** Returns the set that any intervals cover together; empty ones count for nothing. */
export function toIntervals<N extends number | bigint>(
  intervals: readonly Interval<N>[],
): Intervals<N> {
  const sorted = intervals
    .filter(([first, end]) => first < end)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const merged: [N, N][] = []
  for (const [first, end] of sorted) {
    const last = merged.at(-1)
    if (last === undefined || last[1] < first) merged.push([first, end])
    else if (last[1] < end) last[1] = end
  }
  return merged
}

/** Returns the numbers of either set. */
export function uniteIntervals<N extends number | bigint>(
  a: Intervals<N>,
  b: Intervals<N>,
): Intervals<N> {
  return a.length === 0 ? b : b.length === 0 ? a : toIntervals([...a, ...b])
}

/** Returns the numbers of both sets: what stays of `a` without what stays of `a` without `b`. */
export function intersectIntervals<N extends number | bigint>(
  a: Intervals<N>,
  b: Intervals<N>,
): Intervals<N> {
  return subtractIntervals(a, subtractIntervals(a, b))
}

/** Returns the numbers of `a` that are not in `b`. */
export function subtractIntervals<N extends number | bigint>(
  a: Intervals<N>,
  b: Intervals<N>,
): Intervals<N> {
  const rest: Interval<N>[] = []
  let at = 0
  for (const [first, end] of a) {
    let from = first
    for (let hole = b[at]; hole !== undefined && hole[1] <= first; hole = b[at]) at += 1
    for (let next = at; ; next += 1) {
      const hole = b[next]
      if (hole === undefined || hole[0] >= end) break
      if (from < hole[0]) rest.push([from, hole[0]])
      from = hole[1]
    }
    if (from < end) rest.push([from, end])
  }
  return rest
}

/** Tells whether two sets have the same numbers. */
export function equalIntervals<N extends number | bigint>(
  a: Intervals<N>,
  b: Intervals<N>,
): boolean {
  return (
    a.length === b.length &&
    a.every(([first, end], index) => b[index]?.[0] === first && b[index]?.[1] === end)
  )
}

/** Tells whether a set has a number. */
export function holdsNumber<N extends number | bigint>(set: Intervals<N>, number: N): boolean {
  let low = 0
  let high = set.length
  while (low < high) {
    const middle = (low + high) >> 1
    const end = set[middle]?.[1]
    if (end !== undefined && end <= number) low = middle + 1
    else high = middle
  }
  const found = set[low]
  return found !== undefined && found[0] <= number
}
