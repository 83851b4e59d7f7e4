/** One recorder at a time: two of them at one file would cut off what the other writes. */
import { open, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { NetweirError } from '../errors.ts'
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
    const owner = Number(await readFile(place, 'utf8').catch(() => ''))
    if (isOtherRun(owner)) {
      throw new NetweirError('OUTPUT_FAILED', `process ${owner} is recording to "${path}"`, {
        location: { file: path },
        hint: `name another file, end that process, or remove "${place}" if it is no recorder`,
      })
    }
    await rm(place, { force: true })
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

function isOtherRun(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (reason) {
    return reason instanceof Error && 'code' in reason && reason.code === 'EPERM'
  }
}
