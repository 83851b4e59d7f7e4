/** Where the frames of a recording stand, and where the last whole one ends. */
import type { FileHandle } from 'node:fs/promises'
import type { FrameFormat } from './frames.ts'
import { notARecording } from './recording-error.ts'

/** A part of a recording that holds whole lines, and can be read on its own. */
export interface Part {
  readonly start: number
  readonly end: number
}

/** A recording, laid open. */
export interface Walk {
  /** Where the last whole part ends: what stands behind it was cut off by a kill. */
  readonly end: number
  /** The parts, the last one first, with their decompressed text: whole lines, each with its line feed. */
  readonly backwards: () => AsyncGenerator<Buffer, void>
}

const plainPartBytes = 1024 * 1024
const lineFeed = 0x0a

/** The longest line that a recorder writes is far shorter. */
const maxTornBytes = 128 * 1024 * 1024

/**
 * Lays a recording open.
 * @throws {NetweirError} `OUTPUT_FAILED` where it turns out to be none.
 */
export function walk(
  file: FileHandle,
  size: number,
  format: FrameFormat | undefined,
  path: string,
): Promise<Walk> {
  return format === undefined ? walkLines(file, size, path) : walkFrames(file, size, format, path)
}

async function walkLines(file: FileHandle, size: number, path: string): Promise<Walk> {
  const end = await lastLineEnd(file, size)
  if (size - end > maxTornBytes) throw notARecording(path, 'does not consist of lines')
  if (end === 0 && size > 0 && !(await isFirstLine(file, size))) {
    throw notARecording(path, 'holds no flows')
  }
  return { end, backwards: () => linesBackwards(file, end) }
}

/** What lines begin with: members of the exporter's, and the one of what could not be read. */
const beginnings = ['flow', 'node_status', 'lost_events', 'agent_event', 'debug_event', 'malformed']
  .concat('node_name', 'time')
  .map((name) => `{"${name}":`)

/** Tells whether a file without a whole line is one that a kill left so, rather than a short file of somebody else. */
async function isFirstLine(file: FileHandle, size: number): Promise<boolean> {
  const bytes = await readPart(file, { start: 0, end: size })
  const text = bytes.toString('latin1', 0, 100)
  if (bytes.every((byte) => byte === 0)) return true
  return beginnings.some((one) => one.startsWith(text) || text.startsWith(one))
}

/** Where the last line feed stands, plus one; 0 where there is none. */
async function lastLineEnd(file: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - plainPartBytes)
    const at = (await readPart(file, { start, end })).lastIndexOf(lineFeed)
    if (at >= 0) return start + at + 1
    end = start
  }
  return 0
}

async function* linesBackwards(file: FileHandle, size: number): AsyncGenerator<Buffer, void> {
  for (let end = size; end > 0; ) {
    let start = end
    let text = Buffer.alloc(0)
    let first = -1
    while (first < 0 && start > 0) {
      const before = { start: Math.max(0, start - plainPartBytes), end: start }
      text = Buffer.concat([await readPart(file, before), text])
      start = before.start
      // The line feed that ends the part is no start of a line in it.
      first = text.subarray(0, -1).indexOf(lineFeed)
    }
    const skipped = start === 0 ? 0 : first + 1
    yield text.subarray(skipped)
    end = start + skipped
  }
}

async function walkFrames(
  file: FileHandle,
  size: number,
  format: FrameFormat,
  path: string,
): Promise<Walk> {
  const frames: Part[] = []
  let end = 0
  while (end < size) {
    const head = await readPart(file, { start: end, end: Math.min(size, end + format.headBytes) })
    const length = head.length < format.headBytes ? undefined : format.frameBytes(head)
    if (length === undefined) {
      if (await isTorn(file, { start: end, end: size }, format)) break
      throw notARecording(path, `holds ${format.name} data that is not of "netweir record"`)
    }
    if (end + length > size) break
    frames.push({ start: end, end: end + length })
    end += length
  }
  // What was not yet durable when the machine went down may have its length and not its content.
  while (frames.length > 0 && !(await isWhole(file, frames.at(-1), format))) frames.pop()
  return {
    end: frames.at(-1)?.end ?? 0,
    backwards: async function* () {
      for (const frame of frames.toReversed()) yield await readFrame(file, frame, format)
    },
  }
}

/** A head that was cut off, or space that the file system had made room for and not filled. */
async function isTorn(
  file: FileHandle,
  { start, end }: Part,
  format: FrameFormat,
): Promise<boolean> {
  if (end - start < format.headBytes) return true
  if (end - start > maxTornBytes) return false
  return (await readPart(file, { start, end })).every((byte) => byte === 0)
}

async function isWhole(
  file: FileHandle,
  frame: Part | undefined,
  format: FrameFormat,
): Promise<boolean> {
  if (frame === undefined) return false
  try {
    return (await readFrame(file, frame, format)).at(-1) === lineFeed
  } catch {
    return false
  }
}

async function readFrame(file: FileHandle, frame: Part, format: FrameFormat): Promise<Buffer> {
  const content = format.decode(await readPart(file, frame))
  return Buffer.from(content.buffer, content.byteOffset, content.length)
}

async function readPart(file: FileHandle, { start, end }: Part): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start)
  let length = 0
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, start + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}
