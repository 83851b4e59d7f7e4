/**
 * Statistics of what was not seen: how likely the next event is of a kind that never occurred, from how often the others
 * did (`algorithms.md` F; Good 1953, Chao and Jost 2012). All figures are one-sided bounds of nominal 95 %.
 */

/** Chance with which a bound is allowed to fail. */
const alpha = 0.05

/** Quantile of the normal distribution at `1 - alpha`. */
const normalQuantile = 1.645

/** Counts from which the Poisson quantile is taken by the formula of Wilson and Hilferty: its error is below 0.01 %. */
const exactLimit = 400

/** How often the kinds of events occurred. */
export interface Frequencies {
  /** Events in all. */
  readonly events: number
  /** Kinds that occurred once, and twice. */
  readonly once: number
  readonly twice: number
}

/**
 * Returns the greatest mean of a Poisson distribution that does not make `count` or fewer a surprise: half the 95 %
 * quantile of chi-squared with `2 count + 2` degrees of freedom; 3.0 for nought, which is the rule of three.
 */
export function poissonUpper(count: number): number {
  if (count > exactLimit) return wilsonHilferty(count + 1)
  const known = poissonBounds[count] ?? exactPoissonUpper(count)
  poissonBounds[count] = known
  return known
}

/** Thousands of groups ask for the bounds of the same few counts. */
const poissonBounds: number[] = []

function exactPoissonUpper(count: number): number {
  let low = count
  let high = count + 10 + 4 * Math.sqrt(count + 1)
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2
    if (poissonCdf(count, middle) > alpha) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Returns the 95 % quantile of the gamma distribution of this shape and scale 1. */
function wilsonHilferty(shape: number): number {
  const spread = 1 / (9 * shape)
  return shape * (1 - spread + normalQuantile * Math.sqrt(spread)) ** 3
}

function poissonCdf(count: number, mean: number): number {
  let term = Math.exp(-mean)
  let sum = term
  for (let k = 1; k <= count; k += 1) {
    term *= mean / k
    sum += term
  }
  return sum
}

/** Returns the estimate of Chao and Jost of the chance that the next event is of a kind that did not occur; 1 without events. */
export function unseenEstimate({ events, once, twice }: Frequencies): number {
  if (events === 0) return 1
  if (once === 0) return 0
  const weight = ((events - 1) * once) / ((events - 1) * once + 2 * twice)
  return (once / events) * (Number.isFinite(weight) ? weight : 1)
}

/**
 * Returns the upper bound of that chance: the greater of the Poisson bound of the kinds seen once and of the normal one
 * that takes those seen twice into account, over the events; at most 1.
 */
export function unseenUpper({ events, once, twice }: Frequencies): number {
  if (events === 0) return 1
  return Math.min(1, unseenMargin({ once, twice }) / events)
}

/** Returns the numerator of {@link unseenUpper}: with it, `margin / target` events are needed to be below a target. */
export function unseenMargin({ once, twice }: Omit<Frequencies, 'events'>): number {
  return Math.max(poissonUpper(once), once + 1 + normalQuantile * Math.sqrt(once + 2 * twice + 1))
}

/**
 * Returns the upper bound of Clopper and Pearson for a chance of which `hits` of `trials` were hits: exact whatever the
 * distribution; 1 without trials.
 */
export function binomialUpper(hits: number, trials: number): number {
  if (trials === 0 || hits >= trials) return 1
  let low = hits / trials
  let high = 1
  for (let step = 0; step < 50; step += 1) {
    const middle = (low + high) / 2
    if (binomialCdf(hits, trials, middle) > alpha) low = middle
    else high = middle
  }
  return (low + high) / 2
}

function binomialCdf(hits: number, trials: number, chance: number): number {
  const odds = Math.log(chance) - Math.log1p(-chance)
  let logTerm = trials * Math.log1p(-chance)
  let sum = Math.exp(logTerm)
  for (let k = 1; k <= hits; k += 1) {
    logTerm += Math.log((trials - k + 1) / k) + odds
    sum += Math.exp(logTerm)
  }
  return sum
}

/**
 * Returns the chance that one more block of time shows at least one new kind, as estimate and upper bound; `singles` are
 * the kinds that were active in exactly one of `blocks` blocks.
 */
export function newInNextBlock(
  singles: number,
  blocks: number,
): { readonly estimate: number; readonly upper: number } {
  if (blocks <= 0) return { estimate: 1, upper: 1 }
  return {
    estimate: 1 - Math.exp(-singles / blocks),
    upper: 1 - Math.exp(-poissonUpper(singles) / blocks),
  }
}

/** Returns how many blocks it takes until the upper bound of {@link newInNextBlock} is at most `target`, if no further kind shows. */
export function blocksUntil(target: number, singles: number): number {
  return Math.ceil(poissonUpper(singles) / -Math.log1p(-target))
}
