/** The flags that say which live cluster the word `cluster` means, as the rows of `options.ts`. */

/** Flags of every command that reads manifests. */
export const liveClusterFlags = [
  {
    group: 'Source',
    flags: '--kubeconfig <file>',
    text: 'where the live cluster is, and who asks',
    fallback: 'what kubectl reads',
  },
  {
    group: 'Source',
    flags: '--context <name>',
    text: 'context of the kubeconfig',
    fallback: 'its current one',
  },
] as const
