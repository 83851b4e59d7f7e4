/**
 * Minimum-weight hitting set by branch and bound (`reference/algorithms.md` B.2). Sets are masks of any width, and
 * equal costs are decided by the number of elements, then by their names, so that the answer never depends on order.
 */

/** Something that can be chosen. */
export interface HittingSetElement {
  /** Unique among the elements of a problem; decides between answers of equal cost and size. */
  readonly name: string
  /** A positive integer. */
  readonly cost: number
}

/** Sets of which each must share an element with the answer. */
export interface HittingSetProblem {
  readonly elements: readonly HittingSetElement[]
  /** Each set lists positions in `elements`. */
  readonly sets: readonly (readonly number[])[]
  /** Nodes that the search may visit before it settles for the best answer so far. Default: 200,000. */
  readonly maxNodes?: number
}

/** The cheapest answer that was found. */
export interface HittingSet {
  /** Positions in `elements`, in the order of their names. */
  readonly chosen: readonly number[]
  readonly cost: number
  /** False when the search was cut short, so that a cheaper answer may exist. */
  readonly exact: boolean
}

const defaultMaxNodes = 200_000

interface Answer {
  readonly ranks: readonly number[]
  readonly cost: number
}

/** Elements in the order of their names: a rank is a bit of a mask. */
interface Ranked {
  readonly positions: readonly number[]
  readonly costs: readonly number[]
  readonly bits: readonly bigint[]
}

/**
 * Returns the cheapest choice of elements that hits every set, or undefined when a set is empty. Equal costs are
 * decided by fewer elements, then by the sorted names.
 */
export function minimumHittingSet(problem: HittingSetProblem): HittingSet | undefined {
  if (problem.sets.some((set) => set.length === 0)) return undefined
  const ranked = rank(problem.elements)
  const masks = minimalMasks(withoutDominated(masksOf(problem.sets, ranked), ranked))
  const { answer, exact } = search(masks, ranked, problem.maxNodes ?? defaultMaxNodes)
  return {
    chosen: answer.ranks.map((at) => ranked.positions[at] ?? 0),
    cost: answer.cost,
    exact,
  }
}

function rank(elements: readonly HittingSetElement[]): Ranked {
  const nameAt = (position: number): string => elements[position]?.name ?? ''
  const positions = elements.map((_, position) => position)
  positions.sort((a, b) => (nameAt(a) < nameAt(b) ? -1 : nameAt(a) > nameAt(b) ? 1 : 0))
  return {
    positions,
    costs: positions.map((position) => elements[position]?.cost ?? 0),
    bits: positions.map((_, at) => 1n << BigInt(at)),
  }
}

function masksOf(sets: readonly (readonly number[])[], ranked: Ranked): readonly bigint[] {
  const bitAt: bigint[] = []
  for (const [at, position] of ranked.positions.entries()) bitAt[position] = ranked.bits[at] ?? 0n
  const masks = new Set<bigint>()
  for (const set of sets) {
    let mask = 0n
    for (const position of set) mask |= bitAt[position] ?? 0n
    masks.add(mask)
  }
  return [...masks]
}

/** Drops an element where a cheaper one (or one of equal cost and a smaller name) hits at least the same sets. */
function withoutDominated(masks: readonly bigint[], ranked: Ranked): readonly bigint[] {
  const cheaper = (a: number, b: number): boolean => {
    const difference = (ranked.costs[a] ?? 0) - (ranked.costs[b] ?? 0)
    return difference < 0 || (difference === 0 && a < b)
  }
  let kept = 0n
  for (const [at, bit] of ranked.bits.entries()) {
    const dominated = ranked.bits.some(
      (instead, other) =>
        cheaper(other, at) && !masks.some((mask) => mask & bit && !(mask & instead)),
    )
    if (!dominated) kept |= bit
  }
  return masks.map((mask) => mask & kept)
}

/** Keeps the masks that hold no other: hitting those hits all. */
function minimalMasks(masks: readonly bigint[]): readonly bigint[] {
  const minimal: bigint[] = []
  for (const mask of [...new Set(masks)].sort(bySizeThenValue)) {
    if (!minimal.some((smaller) => (smaller & mask) === smaller)) minimal.push(mask)
  }
  return minimal
}

function bySizeThenValue(a: bigint, b: bigint): number {
  const difference = sizeOf(a) - sizeOf(b)
  if (difference !== 0) return difference
  return a < b ? -1 : a > b ? 1 : 0
}

function sizeOf(mask: bigint): number {
  let size = 0
  for (let rest = mask; rest > 0n; rest &= rest - 1n) size += 1
  return size
}

function search(
  masks: readonly bigint[],
  ranked: Ranked,
  maxNodes: number,
): { answer: Answer; exact: boolean } {
  let best = greedy(masks, ranked)
  let nodeCount = 0
  let exact = true
  const visit = (open: readonly bigint[], chosen: Answer): void => {
    if (nodeCount >= maxNodes) {
      exact = false
      return
    }
    nodeCount += 1
    if (open.length === 0) {
      if (isBetter(chosen, best)) best = chosen
      return
    }
    if (chosen.cost + lowerBound(open, ranked) > best.cost) return
    let rest = open
    for (const at of ranksOf(smallestOf(open), ranked)) {
      const bit = ranked.bits[at] ?? 0n
      visit(
        rest.filter((mask) => !(mask & bit)),
        withRank(chosen, at, ranked),
      )
      // Every answer with this element has been seen: the siblings go on without it.
      rest = rest.map((mask) => mask & ~bit)
      if (rest.includes(0n)) return
    }
  }
  visit(masks, { ranks: [], cost: 0 })
  return { answer: best, exact }
}

/** Returns an answer in which each step takes the element with the lowest cost per set that it newly hits. */
function greedy(masks: readonly bigint[], ranked: Ranked): Answer {
  let open = masks
  let answer: Answer = { ranks: [], cost: 0 }
  while (open.length > 0) {
    let chosen = 0
    let lowest = Number.POSITIVE_INFINITY
    for (const [at, bit] of ranked.bits.entries()) {
      const hitCount = open.filter((mask) => mask & bit).length
      const price = hitCount === 0 ? Number.POSITIVE_INFINITY : (ranked.costs[at] ?? 0) / hitCount
      if (price < lowest) {
        lowest = price
        chosen = at
      }
    }
    const bit = ranked.bits[chosen] ?? 0n
    open = open.filter((mask) => !(mask & bit))
    answer = withRank(answer, chosen, ranked)
  }
  return answer
}

/** Masks that share no element each need one of their own: the sum of their cheapest ones is a bound. */
function lowerBound(open: readonly bigint[], ranked: Ranked): number {
  let used = 0n
  let bound = 0
  for (const mask of open) {
    if (mask & used) continue
    used |= mask
    bound += Math.min(...ranksOf(mask, ranked).map((at) => ranked.costs[at] ?? 0))
  }
  return bound
}

function smallestOf(open: readonly bigint[]): bigint {
  return open.reduce((least, mask) => (sizeOf(mask) < sizeOf(least) ? mask : least))
}

function ranksOf(mask: bigint, ranked: Ranked): readonly number[] {
  const ranks: number[] = []
  for (const [at, bit] of ranked.bits.entries()) if (mask & bit) ranks.push(at)
  return ranks
}

function withRank(answer: Answer, at: number, ranked: Ranked): Answer {
  const ranks = [...answer.ranks, at].sort((a, b) => a - b)
  return { ranks, cost: answer.cost + (ranked.costs[at] ?? 0) }
}

function isBetter(a: Answer, b: Answer): boolean {
  if (a.cost !== b.cost) return a.cost < b.cost
  if (a.ranks.length !== b.ranks.length) return a.ranks.length < b.ranks.length
  const difference = a.ranks.findIndex((at, index) => at !== b.ranks[index])
  return difference >= 0 && (a.ranks[difference] ?? 0) < (b.ranks[difference] ?? 0)
}
