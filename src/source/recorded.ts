/** Recorded sources: files, directories of rotated files, and standard input, as streams of bytes. */
import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { NetweirError } from '../errors.ts'
import { compressionOf } from './compression.ts'
import type { Decompressed } from './decompress.ts'
import { largeBytes } from './piece-thread.ts'

/** Bytes of a source, decompressed. */
export interface RecordedChunk {
  /** Valid until the next chunk is asked for. */
  readonly bytes: Uint8Array
  /** Where in the decompressed source the first byte stands. */
  readonly offset: number
  /** How many bytes of the file were read to get here, for the progress. */
  readonly readBytes: number
  /** True on the last chunk, which is then empty, of a compressed file that ends in the middle. */
  readonly isCut: boolean
}

/** One source that is open. */
export interface RecordedSource {
  /** The path as the user named it, or `-`. */
  readonly name: string
  /** Size of the file as it lies there; absent where nobody knows. */
  readonly totalBytes?: number
  /**
   * The content, once. Each chunk is read when it is asked for, so a slow consumer holds nothing up but the reading.
   * @throws {NetweirError} `SOURCE_CORRUPT`, `SOURCE_UNREADABLE`, `NOT_FLOWS` for a compression that is not known, and
   * `INTERRUPTED` once the signal is aborted.
   */
  readonly chunks: AsyncIterable<RecordedChunk>
}

/** The files that one source stands for. */
export interface ExpandedSource {
  /** In the order of their records. */
  readonly files: readonly string[]
  /** Files of a directory that are no recordings by their name, and compressed copies of files that lie beside them. */
  readonly passedOver: readonly string[]
}

const readBytes = 256 * 1024

const recordingName = /\.(?:log|json|jsonl|ndjson)(?:\.(?:gz|zst))?$/

/** The exporter's rotation puts the time of the rotation between stem and extension. */
const rotatedName = /^(.*)-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)(\.[a-z]+)(?:\.(?:gz|zst))?$/

const otherCompressions: readonly { readonly magic: readonly number[]; readonly name: string }[] = [
  { magic: [0xfd, 0x37, 0x7a, 0x58], name: 'xz' },
  { magic: [0x42, 0x5a, 0x68], name: 'bzip2' },
  { magic: [0x04, 0x22, 0x4d, 0x18], name: 'lz4' },
  { magic: [0x50, 0x4b, 0x03, 0x04], name: 'zip' },
]

/**
 * Returns the files that `path` stands for: itself, or the recordings of a directory, rotated files in the order of
 * their time and before the one that is being written. Sub-directories are not entered; hidden files are not looked at.
 * @throws {NetweirError} `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`.
 */
export async function expandSource(path: string): Promise<ExpandedSource> {
  if (path === '-') return { files: [path], passedOver: [] }
  const stats = await stat(path).catch((reason: unknown) => fail(path, reason))
  if (!stats.isDirectory()) return { files: [path], passedOver: [] }
  const entries = await readdir(path).catch((reason: unknown) => fail(path, reason))
  const names = entries.filter((name) => !name.startsWith('.')).sort()
  const recordings = new Set<string>()
  for (const name of names) {
    if (recordingName.test(name) && (await isFile(join(path, name)))) recordings.add(name)
  }
  const chosen = [...recordings].filter((name) => !hasPlainTwin(name, recordings))
  if (chosen.length === 0) throw emptyDirectory(path)
  const isChosen = new Set(chosen)
  return {
    files: chosen.sort(byTime).map((name) => join(path, name)),
    passedOver: names.filter((name) => !isChosen.has(name)).map((name) => join(path, name)),
  }
}

/**
 * Returns a file, or standard input for `-`, as a stream of decompressed bytes. Reading stops when the signal is
 * aborted.
 * @throws {NetweirError} `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`.
 */
export async function openRecorded(
  path: string,
  stdin: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<RecordedSource> {
  if (path === '-') return { name: path, chunks: chunksOf(path, stdin, signal) }
  const stats = await stat(path).catch((reason: unknown) => fail(path, reason))
  if (stats.isDirectory()) {
    throw new NetweirError('SOURCE_UNREADABLE', `"${path}" is a directory, expected a file`)
  }
  if (stats.isFile()) {
    const file = await open(path).catch((reason: unknown) => fail(path, reason))
    return { name: path, totalBytes: stats.size, chunks: chunksOf(path, bytesOf(file), signal) }
  }
  const stream = createReadStream(path, { highWaterMark: readBytes })
  await opened(stream).catch((reason: unknown) => fail(path, reason))
  return { name: path, chunks: chunksOf(path, stream, signal) }
}

/** One buffer serves all: whoever takes bytes is done with them before he asks for more. */
async function* bytesOf(file: FileHandle): AsyncGenerator<Uint8Array, void> {
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** Returns the size of a file that is large and not compressed, undefined for any other source. */
export async function largeFileBytes(path: string): Promise<number | undefined> {
  const stats = path === '-' ? undefined : await stat(path).catch(() => undefined)
  if (stats === undefined || !stats.isFile() || stats.size < largeBytes) return undefined
  const head = await firstBytes(path).catch(() => undefined)
  if (head === undefined || compressionOf(head) !== 'none') return undefined
  return otherCompression(head) === undefined ? stats.size : undefined
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer
  } finally {
    await file.close()
  }
}

function otherCompression(head: Uint8Array): string | undefined {
  return otherCompressions.find(({ magic }) => magic.every((byte, at) => head[at] === byte))?.name
}

function opened(file: ReturnType<typeof createReadStream>): Promise<void> {
  return new Promise((resolve, reject) => {
    file.once('open', () => resolve())
    file.once('error', reject)
  })
}

async function* chunksOf(
  name: string,
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<RecordedChunk, void> {
  const counted = new CountedInput(name, input, signal)
  let pieces: Decompressed | undefined
  let offset = 0
  try {
    pieces = await contentOf(counted, name)
    for (;;) {
      const piece = await pieces.next()
      if (piece.done === true) {
        if (piece.value === 'cut') yield { ...counted.chunk(nothing, offset), isCut: true }
        return
      }
      yield counted.chunk(piece.value, offset)
      offset += piece.value.length
    }
  } finally {
    await pieces?.return('cut')
    counted.close()
  }
}

const nothing = new Uint8Array(0)

/** Looks at the first bytes for the compression, which may arrive one by one. */
async function contentOf(input: CountedInput, name: string): Promise<Decompressed> {
  const first: Uint8Array[] = []
  let length = 0
  while (length < 4) {
    const bytes = await input.next()
    if (bytes === undefined) break
    first.push(length + bytes.length < 4 ? Uint8Array.from(bytes) : bytes)
    length += bytes.length
  }
  const head = Buffer.concat(first.map((bytes) => bytes.subarray(0, 4))).subarray(0, 4)
  const other = otherCompression(head)
  if (other !== undefined) {
    throw new NetweirError('NOT_FLOWS', `${other} data, expected JSON, gzip or zstd`, {
      location: { file: name },
      hint: `decompress it first, and pipe it in: ${other} -dc FILE | netweir ... -`,
    })
  }
  const compression = compressionOf(head)
  if (compression === 'none') return plain(input.from(first))
  // Loaded only here: most recordings are read as they stand.
  const { decompress } = await import('./decompress.ts')
  return decompress(input.from(first), compression, name)
}

async function* plain(input: AsyncIterable<Uint8Array>): Decompressed {
  yield* input
  return 'whole'
}

/** Counts what is read, stops at the signal, and names the source in whatever goes wrong. */
class CountedInput {
  private readonly name: string
  private readonly iterator: AsyncIterator<Uint8Array>
  private readonly aborted: Promise<never>
  private readonly signal: AbortSignal
  private readonly stop: () => void
  private bytesRead = 0

  constructor(name: string, input: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.name = name
    this.signal = signal
    this.iterator = input[Symbol.asyncIterator]()
    const { promise, reject } = interruption(name)
    this.aborted = promise
    this.stop = reject
    signal.addEventListener('abort', reject, { once: true })
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.signal.aborted) this.stop()
    try {
      const result = await Promise.race([this.iterator.next(), this.aborted])
      if (result.done === true) return undefined
      this.bytesRead += result.value.length
      return result.value
    } catch (reason) {
      return fail(this.name, reason)
    }
  }

  async *from(first: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
    yield* first
    for (;;) {
      const bytes = await this.next()
      if (bytes === undefined) return
      yield bytes
    }
  }

  chunk(bytes: Uint8Array, offset: number): RecordedChunk {
    return { bytes, offset, readBytes: this.bytesRead, isCut: false }
  }

  /** Nobody waits for the closing: an input that is being waited for closes only after it has answered. */
  close(): void {
    this.signal.removeEventListener('abort', this.stop)
    this.iterator.return?.().catch(() => undefined)
  }
}

function interruption(name: string): {
  readonly promise: Promise<never>
  readonly reject: () => void
} {
  let reject: () => void = () => undefined
  const promise = new Promise<never>((_, refuse) => {
    reject = () => refuse(new NetweirError('INTERRUPTED', `interrupted while reading "${name}"`))
  })
  promise.catch(() => undefined)
  return { promise, reject }
}

async function isFile(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.isFile() ?? false
}

/** The exporter writes the compressed copy first, and removes the plain file after. */
function hasPlainTwin(name: string, names: ReadonlySet<string>): boolean {
  const plain = name.replace(/\.(?:gz|zst)$/, '')
  return plain !== name && names.has(plain)
}

function byTime(a: string, b: string): number {
  const [keyA, keyB] = [timeKey(a), timeKey(b)]
  if (keyA !== keyB) return keyA < keyB ? -1 : 1
  return a < b ? -1 : 1
}

/** The file that is being written sorts behind all times. */
function timeKey(name: string): string {
  const rotated = rotatedName.exec(name)
  if (rotated !== null) return `${rotated[1]}${rotated[3]}\u0000${rotated[2]}`
  return `${name.replace(/\.(?:gz|zst)$/, '')}\u0000~`
}

function emptyDirectory(path: string): NetweirError {
  return new NetweirError('SOURCE_NOT_FOUND', `directory "${path}" holds no recording`, {
    location: { file: path },
    hint: 'recordings end in .log, .json, .jsonl or .ndjson, optionally followed by .gz or .zst',
  })
}

/** Throws what went wrong with a file as an error that names it. */
export function fail(path: string, reason: unknown): never {
  if (reason instanceof NetweirError) throw reason
  const code = reason instanceof Error && 'code' in reason ? reason.code : undefined
  const details = { location: { file: path }, cause: reason }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    throw new NetweirError('SOURCE_NOT_FOUND', `no file or directory "${path}"`, {
      ...details,
      hint: /^[^/]*:\/|:\d+$/.test(path)
        ? 'a live source is named hubble://HOST:PORT, hubbles://HOST:PORT, unix:PATH or kafka://BROKER/TOPIC'
        : 'name a recording of flows, a directory of them, or - for standard input',
    })
  }
  const isDenied = code === 'EACCES' || code === 'EPERM'
  throw new NetweirError(
    'SOURCE_UNREADABLE',
    isDenied ? `no permission to read "${path}"` : `cannot read "${path}"`,
    isDenied ? { ...details, hint: 'check the permissions of the file' } : details,
  )
}
