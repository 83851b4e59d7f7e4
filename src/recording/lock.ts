/** One recorder at a time: two of them at one file would cut off what the other writes. */
import { open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { NetweirError } from '../errors.ts'
import { isOtherRun } from '../other-run.ts'
import { recordingFailed } from './recording-error.ts'

/**
 * Takes the place of the recorder of a file, and returns what gives it back. The lock of a process that is no more is
 * taken over, and so is one of this process's number: in containers every run has the same one.
 * @throws {NetweirError} `OUTPUT_FAILED` while another process of this machine records to the file.
 */
export async function lock(path: string): Promise<() => Promise<void>> {
  const place = join(dirname(path), `.${basename(path)}.netweir-lock`)
  try {
    if (await create(place)) return () => rm(place, { force: true })
    const owner = await ownerOf(place)
    if (isOtherRun(Number(owner))) {
      throw new NetweirError('OUTPUT_FAILED', `process ${owner} is recording to "${path}"`, {
        location: { file: path },
        hint: `name another file, end that process, or remove "${place}" if it is no recorder`,
      })
    }
    await clear(place, owner)
    if (await create(place)) return () => rm(place, { force: true })
    throw new NetweirError('OUTPUT_FAILED', `another process is recording to "${path}"`, {
      location: { file: path },
      hint: 'name another file',
    })
  } catch (reason) {
    throw recordingFailed(path, reason)
  }
}

/** Returns false when it exists. */
async function create(place: string): Promise<boolean> {
  try {
    const handle = await open(place, 'wx')
    await handle.writeFile(String(process.pid)).finally(() => handle.close())
    return true
  } catch (reason) {
    if (reason instanceof Error && 'code' in reason && reason.code === 'EEXIST') return false
    throw reason
  }
}

/** Returns what stands in a lock. One that was just made is given half a second to say whose it is. */
async function ownerOf(place: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const text = await readFile(place, 'utf8').catch(() => '')
    if (text !== '' || attempt === 10) return text
    await wait(50)
  }
}

/** Removes a lock of `owner`, and leaves one that somebody else took in the meantime. */
async function clear(place: string, owner: string): Promise<void> {
  const aside = `${place}-${process.pid}`
  try {
    await rename(place, aside)
  } catch (reason) {
    if (reason instanceof Error && 'code' in reason && reason.code === 'ENOENT') return
    throw reason
  }
  if ((await readFile(aside, 'utf8')) === owner) await rm(aside)
  else await rename(aside, place)
}
