/** Counts that never leave the safe integers, so that adding stays associative whatever a document claims. */

/** Returns the sum, at most the greatest safe integer. */
export function addCounts(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER)
}
