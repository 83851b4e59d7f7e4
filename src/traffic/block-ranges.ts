/** Sets of block numbers, kept as sorted inclusive ranges with a gap between each two. */

/** First and last block of a run. */
export type BlockRange = readonly [number, number]

/** Adds the blocks from `first` to `last` to `ranges`, in place. */
export function addBlocks(ranges: BlockRange[], first: number, last: number): void {
  const tail = ranges.at(-1)
  if (tail === undefined || first > tail[1] + 1) {
    ranges.push([first, last])
    return
  }
  if (first >= tail[0] && last <= tail[1]) return
  const start = firstReaching(ranges, first - 1)
  let from = first
  let to = last
  let end = start
  for (let range = ranges[end]; range !== undefined && range[0] <= last + 1; range = ranges[end]) {
    from = Math.min(from, range[0])
    to = Math.max(to, range[1])
    end += 1
  }
  ranges.splice(start, end - start, [from, to])
}

/** Returns the position of the first range that ends at `block` or later. */
function firstReaching(ranges: readonly BlockRange[], block: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const range = ranges[middle]
    if (range !== undefined && range[1] < block) low = middle + 1
    else high = middle
  }
  return low
}
