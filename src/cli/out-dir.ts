/**
 * A directory that is replaced as a whole or not at all. The states of a replacement of `policies`:
 *
 * 1. `.policies.netweir-<pid>-<random>/new` is filled and made durable; `policies` is as it was.
 * 2. `policies` has become `.policies.netweir-<pid>-<random>/old`, and is missing.
 * 3. `.../new` has become `policies`.
 * 4. The folder beside it is gone.
 *
 * A run that ends in state 1 or 3 leaves rubbish, one that ends in state 2 leaves both directories whole:
 * {@link healDirectory} tells which from what is there, and the next run calls it before anything else.
 */
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import process from 'node:process'
import { NetweirError } from '../index.ts'
import { isOtherRun } from '../other-run.ts'
import { copyForeignFiles } from './foreign-files.ts'
import { outputFailed, syncDirectory, writeNewFile } from './out-file.ts'

/** What became of the files of a directory; paths relative to it. */
export interface Replacement {
  readonly written: readonly string[]
  /** Files of earlier runs that are no more. */
  readonly removed: readonly string[]
}

/**
 * Resolves when the directory holds exactly `files` (path with `/` to text) and what others had put into it. Until then,
 * and after every failure, it is what it was. Directories above it are made where they are missing.
 *
 * @throws NetweirError `OUTPUT_FAILED`.
 */
export async function replaceDirectory(
  path: string,
  files: ReadonlyMap<string, string>,
): Promise<Replacement> {
  try {
    await mkdir(dirname(resolve(path)), { recursive: true })
    const target = await safeTarget(path)
    await heal(target)
    const isNew = !(await exists(target))
    const work = await mkdtemp(join(dirname(target), `${workPrefix(target)}${process.pid}-`))
    try {
      const removed = await fill(join(work, 'new'), files, isNew ? undefined : target)
      await swap(target, work, { isNew })
      return { written: [...files.keys()], removed }
    } finally {
      // Not a plain removal: should even the way back have failed, the old directory is still in there.
      await healFrom(target, work).catch(() => undefined)
    }
  } catch (reason) {
    throw outputFailed(path, reason)
  }
}

/**
 * Resolves when nothing is left of a run that did not come to its end: its directory is whole again, with the contents
 * from before that run or from after it.
 *
 * @throws NetweirError `OUTPUT_FAILED`, also when `path` is no place for a directory of netweir.
 */
export async function healDirectory(path: string): Promise<void> {
  try {
    if (await exists(dirname(resolve(path)))) await heal(await safeTarget(path))
  } catch (reason) {
    throw outputFailed(path, reason)
  }
}

/** Returns the absolute path to replace, once it is known to be no place that a person would miss. */
async function safeTarget(path: string): Promise<string> {
  const named = resolve(path)
  const parent = await realpath(dirname(named))
  const target = await followLink(path, join(parent, basename(named)))
  const refuse = (why: string): NetweirError =>
    new NetweirError('OUTPUT_FAILED', `"${path}" ${why}, expected a directory of its own`, {
      hint: 'name a directory for the policies alone, such as ./policies',
    })
  if (target === dirname(target)) throw refuse('is the root directory')
  if (target === (await realpath(homedir()).catch(() => ''))) throw refuse('is the home directory')
  if (isWithin(process.cwd(), target)) throw refuse('holds the working directory')
  if ((await exists(target)) && !(await stat(target)).isDirectory()) throw refuse('is a file')
  return target
}

/** A link to a neighbour is followed; one that leads elsewhere would replace what was not named. */
async function followLink(path: string, place: string): Promise<string> {
  const link = await readlink(place).catch(() => undefined)
  if (link === undefined) return place
  const target = await realpath(place).catch(() => undefined)
  if (target !== undefined && dirname(target) === dirname(place)) return target
  throw new NetweirError('OUTPUT_FAILED', `"${path}" is a symbolic link out of its directory`, {
    hint: 'name the directory that it stands for',
  })
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path)
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`))
}

function workPrefix(target: string): string {
  return `.${basename(target)}.netweir-`
}

async function heal(target: string): Promise<void> {
  const prefix = workPrefix(target)
  const parent = dirname(target)
  for (const name of (await readdir(parent)).sort()) {
    const pid = name.startsWith(prefix)
      ? /^(\d{1,10})-[A-Za-z0-9]{6}$/.exec(name.slice(prefix.length))?.[1]
      : undefined
    if (pid === undefined) continue
    if (isOtherRun(Number(pid))) throw otherRun(target, join(parent, name), pid)
    await healFrom(target, join(parent, name))
  }
}

function otherRun(target: string, work: string, pid: string): NetweirError {
  return new NetweirError('OUTPUT_FAILED', `process ${pid} is writing "${target}" too`, {
    hint: `wait for it to end; if it has nothing to do with netweir, move "${work}" away`,
  })
}

async function healFrom(target: string, work: string): Promise<void> {
  const old = join(work, 'old')
  const fresh = join(work, 'new')
  if ((await exists(old)) && !(await exists(target))) {
    // The old directory is moved away only when the new one is complete.
    await rename((await exists(fresh)) ? fresh : old, target)
    await syncDirectory(dirname(target))
  }
  await rm(work, { recursive: true, force: true })
}

async function fill(
  fresh: string,
  files: ReadonlyMap<string, string>,
  old: string | undefined,
): Promise<readonly string[]> {
  await mkdir(fresh)
  const folders = new Set([fresh])
  for (const [path, text] of files) {
    const file = join(fresh, path)
    if (!folders.has(dirname(file))) await mkdir(dirname(file))
    folders.add(dirname(file))
    await writeNewFile(file, Buffer.from(text))
  }
  const foreign =
    old === undefined
      ? { folders: [], ours: [] }
      : await copyForeignFiles(old, fresh, [...files.keys()])
  for (const folder of new Set([...folders, ...foreign.folders])) await syncDirectory(folder)
  return foreign.ours.filter((path) => !files.has(path))
}

async function swap(
  target: string,
  work: string,
  state: { readonly isNew: boolean },
): Promise<void> {
  const fresh = join(work, 'new')
  const away = join(work, 'old')
  await syncDirectory(work)
  await syncDirectory(dirname(target))
  if (state.isNew) await rename(fresh, target)
  else {
    await rename(target, away)
    try {
      await rename(fresh, target)
    } catch (reason) {
      await rename(away, target)
      throw reason
    }
  }
  await syncDirectory(dirname(target))
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (reason) {
    if (reason instanceof Error && 'code' in reason && reason.code === 'ENOENT') return false
    throw reason
  }
}
