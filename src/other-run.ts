/** Whether what a run left behind is still somebody's. */
import process from 'node:process'

/**
 * Tells whether another process of this machine has the number. What is no number of a process is nobody's, and this
 * process's own number is that of an earlier run: in containers every run has the same one.
 */
export function isOtherRun(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (reason) {
    return reason instanceof Error && 'code' in reason && reason.code === 'EPERM'
  }
}
