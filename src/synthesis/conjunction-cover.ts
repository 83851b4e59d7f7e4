/** Several conjunctions for targets that no single one fits: the fewest parts, each with a conjunction of its own. */
import type { Labels } from '../labels.ts'

/** How parts are judged and solved. */
export interface CoverProblem<Solution extends { readonly cost: number }> {
  /** Distinct, and in an order that does not depend on the caller's. */
  readonly targets: readonly Labels[]
  /** Tells whether one conjunction fits a part; what fits a part fits every part of it. */
  readonly fits: (part: readonly Labels[]) => boolean
  readonly solve: (part: readonly Labels[]) => Solution | undefined
}

/** The parts' solutions. */
export interface Cover<Solution> {
  readonly parts: readonly Solution[]
  /** False when the targets were too many to try every division. */
  readonly exact: boolean
}

const maxExactTargets = 12

/**
 * Returns the fewest parts that cover the targets, and of those the cheapest; undefined when a single target does not
 * fit. Exact up to 12 targets (3^n steps), greedy above (`reference/algorithms.md` B.4).
 */
export function coverTargets<Solution extends { readonly cost: number }>(
  problem: CoverProblem<Solution>,
): Cover<Solution> | undefined {
  if (!problem.targets.every((target) => problem.fits([target]))) return undefined
  const exact = problem.targets.length <= maxExactTargets
  const divided = exact ? exactDivision(problem) : greedyDivision(problem)
  const parts = divided.map((part) => problem.solve(part))
  return parts.every((part) => part !== undefined) ? { parts, exact } : undefined
}

function exactDivision<Solution extends { readonly cost: number }>(
  problem: CoverProblem<Solution>,
): readonly (readonly Labels[])[] {
  const { targets, fits, solve } = problem
  const whole = 2 ** targets.length - 1
  const partOf = (mask: number): readonly Labels[] => targets.filter((_, at) => mask & (1 << at))
  const fitting = fittingMasks(targets.length, (mask) => fits(partOf(mask)))
  const counts = fewestParts(whole, fitting)
  const costs = new Map<number, number>()
  const costOf = (mask: number): number => {
    const known = costs.get(mask)
    if (known !== undefined) return known
    const cost = solve(partOf(mask))?.cost ?? Number.POSITIVE_INFINITY
    costs.set(mask, cost)
    return cost
  }
  const divisions = new Map<number, { cost: number; masks: readonly number[] }>()
  const divide = (mask: number): { cost: number; masks: readonly number[] } => {
    if (mask === 0) return { cost: 0, masks: [] }
    const known = divisions.get(mask)
    if (known !== undefined) return known
    let best = { cost: Number.POSITIVE_INFINITY, masks: [] as readonly number[] }
    for (const part of partsWithLowest(mask)) {
      if (!fitting[part] || (counts[mask ^ part] ?? 0) + 1 !== counts[mask]) continue
      const rest = divide(mask ^ part)
      const cost = costOf(part) + rest.cost
      if (best.masks.length === 0 || cost < best.cost) best = { cost, masks: [part, ...rest.masks] }
    }
    divisions.set(mask, best)
    return best
  }
  return divide(whole).masks.map(partOf)
}

function fittingMasks(size: number, fits: (mask: number) => boolean): readonly boolean[] {
  const fitting: boolean[] = [true]
  for (let mask = 1; mask < 2 ** size; mask += 1) {
    let mayFit = true
    for (let at = 0; at < size && mayFit; at += 1) {
      mayFit = !(mask & (1 << at)) || fitting[mask ^ (1 << at)] === true
    }
    fitting.push(mayFit && fits(mask))
  }
  return fitting
}

function fewestParts(whole: number, fitting: readonly boolean[]): readonly number[] {
  const counts: number[] = [0]
  for (let mask = 1; mask <= whole; mask += 1) {
    let fewest = Number.POSITIVE_INFINITY
    for (const part of partsWithLowest(mask)) {
      if (fitting[part]) fewest = Math.min(fewest, (counts[mask ^ part] ?? 0) + 1)
    }
    counts.push(fewest)
  }
  return counts
}

/** Yields the parts of a mask that hold its lowest bit, largest first: every division has exactly one of them. */
function* partsWithLowest(mask: number): Generator<number> {
  const lowest = mask & -mask
  const rest = mask ^ lowest
  for (let part = rest; ; part = (part - 1) & rest) {
    yield part | lowest
    if (part === 0) return
  }
}

function greedyDivision<Solution extends { readonly cost: number }>(
  problem: CoverProblem<Solution>,
): readonly (readonly Labels[])[] {
  const parts: (readonly Labels[])[] = []
  let open = problem.targets
  while (open.length > 0) {
    let part: readonly Labels[] = []
    const left: Labels[] = []
    for (const target of open) {
      const grown = [...part, target]
      if (problem.fits(grown)) part = grown
      else left.push(target)
    }
    parts.push(part)
    open = left
  }
  return parts
}
