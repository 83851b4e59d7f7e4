/** Files that are whole or not there: written beside their place, made durable, and moved into it by one rename. */
import { chmod, constants, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { NetweirError } from '../index.ts'
import { isOtherRun } from '../other-run.ts'

/**
 * Resolves when `content` stands in the file, durably; it is compressed when the name ends in `.gz`. Until then the file
 * is what it was. A symbolic link is followed and stays one, and the mode of a file that is replaced is kept. What is no
 * regular file (`/dev/stdout`, a pipe) is written to as it is.
 *
 * @throws NetweirError `OUTPUT_FAILED`.
 */
export async function writeFileWhole(path: string, content: string | Uint8Array): Promise<void> {
  try {
    const plain = typeof content === 'string' ? Buffer.from(content) : content
    const bytes = path.endsWith('.gz') ? await compress(plain) : plain
    const target = await followLinks(path)
    const old = await stat(target).catch(() => undefined)
    if (old?.isDirectory() === true) {
      throw new NetweirError('OUTPUT_FAILED', `"${path}" is a directory, expected a file`, {
        hint: 'name a file in it',
      })
    }
    if (old === undefined || old.isFile()) await replaceFile(target, bytes, old?.mode)
    else await writeInPlace(target, bytes)
  } catch (reason) {
    throw outputFailed(path, reason)
  }
}

/** Returns what is reported when `path` cannot be written: `reason` itself when it already says so. */
export function outputFailed(path: string, reason: unknown): NetweirError {
  if (reason instanceof NetweirError) return reason
  const code = reason instanceof Error && 'code' in reason ? String(reason.code) : ''
  return new NetweirError('OUTPUT_FAILED', `cannot write "${path}"`, {
    cause: reason,
    hint: `${hints.get(code) ?? 'name another place'}; what stood there before is unchanged`,
  })
}

/** Resolves when the names in a directory are durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch (reason) {
    // Some file systems cannot sync a directory, and then promise nothing about its names either.
    if (!(reason instanceof Error && 'code' in reason && reason.code === 'EINVAL')) throw reason
  } finally {
    await handle.close()
  }
}

/** Resolves when a new file holds `bytes` durably. Fails when the file exists. */
export async function writeNewFile(path: string, bytes: Uint8Array, mode = 0o666): Promise<void> {
  const handle = await open(path, 'wx', mode)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const hints: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'free some space'],
  ['EDQUOT', 'free some space'],
  ['EFBIG', 'raise the limit on file sizes'],
  ['EACCES', 'check the permissions of the directory'],
  ['EPERM', 'check the permissions of the directory'],
  ['EROFS', 'the file system is read-only'],
  ['ENOENT', 'create the directory first'],
  ['ENOTDIR', 'a part of the path is a file'],
  ['ENXIO', 'start what reads the pipe first'],
])

/** The same text is the same bytes: no time, no name, and no mark of the system that compressed it. */
async function compress(plain: Uint8Array): Promise<Uint8Array> {
  const { gzipSync } = await import('node:zlib')
  const bytes = gzipSync(plain, { level: 9 })
  // RFC 1952 section 2.3: MTIME is bytes 4 to 7, 0 for none; OS is byte 9, 255 for unknown.
  bytes.fill(0, 4, 8)
  bytes[9] = 255
  return bytes
}

async function followLinks(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    return path
  }
}

async function replaceFile(
  target: string,
  bytes: Uint8Array,
  mode: number | undefined,
): Promise<void> {
  const directory = dirname(target)
  await removeLeftovers(directory, basename(target))
  // The file must be new: that it cannot be guessed is not needed, and would take 5 ms to load.
  const random = Math.floor(Math.random() * 2 ** 32).toString(16)
  const suffix = `netweir-${process.pid}-${random.padStart(8, '0')}`
  const fresh = join(directory, `.${basename(target)}.${suffix}`)
  try {
    await writeNewFile(fresh, bytes)
    if (mode !== undefined) await chmod(fresh, mode & 0o7777)
    await rename(fresh, target)
    await syncDirectory(directory)
  } catch (reason) {
    await rm(fresh, { force: true }).catch(() => undefined)
    throw reason
  }
}

/**
 * A run that was killed leaves its file behind. It is known by the number of a process that is no more, or of this one,
 * which has not begun to write: in containers every run has the same number.
 */
async function removeLeftovers(directory: string, name: string): Promise<void> {
  const prefix = `.${name}.netweir-`
  for (const entry of await readdir(directory)) {
    const pid = entry.startsWith(prefix)
      ? /^(\d{1,10})-[0-9a-f]{8}$/.exec(entry.slice(prefix.length))?.[1]
      : undefined
    if (pid !== undefined && !isOtherRun(Number(pid))) {
      await rm(join(directory, entry), { force: true })
    }
  }
}

/** A plain open of a pipe without a reader would wait for one, and no signal could end that. */
async function writeInPlace(target: string, bytes: Uint8Array): Promise<void> {
  const probe = await open(target, constants.O_WRONLY | constants.O_NONBLOCK)
  try {
    const handle = await open(target, 'w')
    try {
      await handle.writeFile(bytes)
    } finally {
      await handle.close()
    }
  } finally {
    await probe.close()
  }
}
