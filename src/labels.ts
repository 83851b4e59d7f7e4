/** Label maps. Keys come from outside, `__proto__` and `constructor` among them, so the maps have no prototype. */

/** The label by which the API server names every namespace (since Kubernetes 1.22). */
export const namespaceNameLabel = 'kubernetes.io/metadata.name'

/** Labels by key; an object without prototype, made by {@link toLabels}. */
export type Labels = Readonly<Record<string, string>>

/** Returns a label map of the entries, keys in sorted order; of equal keys the last entry counts. */
export function toLabels(entries: Iterable<readonly [string, string]>): Labels {
  const labels: Record<string, string> = Object.create(null)
  const sorted = [...entries]
  if (sorted.length > 1) sorted.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  for (const [key, value] of sorted) labels[key] = value
  return labels
}

/** Returns key and value of `key=value`; a text without `=` is a key with an empty value. */
export function splitLabel(text: string): readonly [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** Returns the entries of a label map as `key=value`, sorted. */
export function labelTexts(labels: Labels): readonly string[] {
  return Object.keys(labels)
    .map((key) => `${key}=${labels[key]}`)
    .sort()
}
