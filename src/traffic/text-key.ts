/** Keys made of several texts from outside. */

/** Returns a text that no other list of texts has: each is preceded by its length. */
export function keyOf(texts: readonly string[]): string {
  let key = ''
  for (const text of texts) key += `${text.length}:${text}`
  return key
}

/** Orders texts by code unit. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** Orders lists of texts by their first difference, the shorter list first. */
export function compareTextLists(a: readonly string[], b: readonly string[]): number {
  const shared = Math.min(a.length, b.length)
  for (let index = 0; index < shared; index += 1) {
    const order = compareTexts(a[index] ?? '', b[index] ?? '')
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Returns the texts sorted by code unit, without duplicates. */
export function sortedTexts(texts: Iterable<string>): readonly string[] {
  return [...new Set(texts)].sort()
}

/** Puts `text` into a sorted list of at most `limit` texts; the greatest goes when it is full. */
export function keepSmallest(texts: string[], text: string, limit: number): void {
  const last = texts[limit - 1]
  if (last !== undefined && text >= last) return
  const position = texts.findIndex((other) => other >= text)
  if (position < 0) texts.push(text)
  else if (texts[position] !== text) texts.splice(position, 0, text)
  if (texts.length > limit) texts.pop()
}
