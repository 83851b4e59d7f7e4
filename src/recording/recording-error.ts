import { NetweirError } from '../errors.ts'

const hints: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'free some space'],
  ['EDQUOT', 'free some space'],
  ['EFBIG', 'raise the limit on file sizes, or rotate with --rotate-size'],
  ['EACCES', 'check the permissions of the directory'],
  ['EPERM', 'check the permissions of the directory'],
  ['EROFS', 'the file system is read-only'],
  ['ENOENT', 'create the directory first'],
  ['ENOTDIR', 'a part of the path is a file'],
])

/** Returns what is reported when a recording cannot be written: `reason` itself when it already says so. */
export function recordingFailed(path: string, reason: unknown): NetweirError {
  if (reason instanceof NetweirError) return reason
  const code = reason instanceof Error && 'code' in reason ? String(reason.code) : ''
  return new NetweirError('OUTPUT_FAILED', `cannot record to "${path}"`, {
    cause: reason,
    location: { file: path },
    hint: `${hints.get(code) ?? 'name another place'}; what was recorded before stands, and the next run goes on behind it`,
  })
}

/** Returns what is reported when a file stands where a recording should go on. */
export function notARecording(path: string, what: string): NetweirError {
  return new NetweirError('OUTPUT_FAILED', `"${path}" ${what}`, {
    location: { file: path },
    hint: 'name a file that is not there yet, or one that "netweir record" wrote',
  })
}
