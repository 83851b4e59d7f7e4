/** How a recording is compressed, by its content. */

/** How recordings are compressed. */
export type Compression = 'none' | 'gzip' | 'zstd'

/** Returns the compression that the first four bytes of a file tell; its name is not asked. */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd'
  const isSkippable = head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18
  return isSkippable && (head[0] ?? 0) >> 4 === 5 ? 'zstd' : 'none'
}
