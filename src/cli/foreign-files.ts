/** What others have put into a directory of netweir, carried over into the one that replaces it. */
import { chmod, copyFile, link, lstat, mkdir, open, readdir, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NetweirError } from '../index.ts'
import { isOurPlace, isOurText, markerBytes } from './policy-files.ts'

/** More than this is no directory of policies but a slip of the hand. */
const maxForeignFiles = 10_000

/** What was found on the way. */
export interface Carried {
  /** Folders of the new directory that were written to. */
  readonly folders: readonly string[]
  /** Files of the old directory that netweir had written, relative to it. */
  readonly ours: readonly string[]
}

/** An entry of the old directory, relative to it, with `/` between the parts; the directory itself is empty. */
interface Entry {
  readonly path: string
  /** An empty folder is foreign; a folder that holds nothing but files of ours goes with them. */
  readonly kind: 'ours' | 'foreign' | 'folder' | 'empty-folder'
  readonly mode: number
}

/**
 * Resolves when everything in `from` that netweir did not write stands in `to` as well, with modes and times. `taken`
 * are the files that netweir has put into `to`.
 *
 * @throws NetweirError `OUTPUT_FAILED` when a foreign file stands where one of `taken` belongs, or when there are too
 *   many of them.
 */
export async function copyForeignFiles(
  from: string,
  to: string,
  taken: readonly string[],
): Promise<Carried> {
  const entries = await listEntries(from)
  refuseInTheWay(from, entries, taken)
  for (const { path, kind } of entries) {
    if (kind === 'empty-folder') await mkdir(join(to, path), { recursive: true })
    if (kind !== 'foreign') continue
    await mkdir(dirname(join(to, path)), { recursive: true })
    await copyEntry(join(from, path), join(to, path))
  }
  return {
    folders: await takeModes(entries, to),
    ours: entries.filter(({ kind }) => kind === 'ours').map(({ path }) => path),
  }
}

async function listEntries(from: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  let foreign = 0
  for await (const entry of entriesOf(from, '')) {
    entries.push(entry)
    if (entry.kind !== 'ours') foreign += 1
    if (foreign > maxForeignFiles) {
      throw new NetweirError(
        'OUTPUT_FAILED',
        `"${from}" holds more than ${maxForeignFiles} files that are not netweir's`,
        { hint: 'name a directory for the policies alone, such as ./policies' },
      )
    }
  }
  return entries
}

async function* entriesOf(from: string, folder: string): AsyncGenerator<Entry> {
  const names = (await readdir(join(from, folder))).sort()
  const { mode } = await lstat(join(from, folder))
  yield { path: folder, kind: names.length === 0 ? 'empty-folder' : 'folder', mode }
  for (const name of names) {
    const path = folder === '' ? name : `${folder}/${name}`
    const stats = await lstat(join(from, path))
    if (stats.isDirectory()) yield* entriesOf(from, path)
    else {
      const isOwn = stats.isFile() && isOurPlace(path) && (await hasMarker(join(from, path)))
      yield { path, kind: isOwn ? 'ours' : 'foreign', mode: stats.mode }
    }
  }
}

function refuseInTheWay(from: string, entries: readonly Entry[], taken: readonly string[]): void {
  const files = new Set(taken)
  const folders = new Set(taken.map((path) => dirname(path)))
  for (const { path, kind } of entries) {
    if (kind === 'ours') continue
    const isFolder = kind !== 'foreign'
    if (!files.has(path) && (isFolder || !folders.has(path))) continue
    throw new NetweirError('OUTPUT_FAILED', `"${join(from, path)}" was not written by netweir`, {
      hint: 'a policy belongs in its place: move it away, or name another directory',
    })
  }
}

/** Gives the folders that are in both directories the mode of the old one; deeper ones first, should one be read-only. */
async function takeModes(entries: readonly Entry[], to: string): Promise<readonly string[]> {
  const folders: string[] = []
  for (const { path, kind, mode } of entries.toReversed()) {
    if (kind === 'ours' || kind === 'foreign' || !(await exists(join(to, path)))) continue
    await chmod(join(to, path), mode & 0o7777)
    folders.push(join(to, path))
  }
  return folders
}

async function hasMarker(path: string): Promise<boolean> {
  const handle = await open(path, 'r')
  try {
    const head = Buffer.alloc(markerBytes)
    const { bytesRead } = await handle.read(head, 0, markerBytes, 0)
    return isOurText(head.toString('latin1', 0, bytesRead))
  } finally {
    await handle.close()
  }
}

/** A second name for the same file keeps owner and attributes; where there is no such thing, a copy. */
async function copyEntry(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (reason) {
    const stats = await lstat(from)
    if (!stats.isFile()) throw reason
    await copyFile(from, to)
    await chmod(to, stats.mode & 0o7777)
    await utimes(to, stats.atime, stats.mtime)
    const handle = await open(to, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
