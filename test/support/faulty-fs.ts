/**
 * node:fs/promises with a fault in it: the n-th operation fails, once (`fail`) or with every one after it (`crash`, as if
 * the process had been killed there). For `vi.mock('node:fs/promises', ...)`.
 */
import type * as FsPromises from 'node:fs/promises'

/** When and how operations fail; `at` counts from 1, and 0 is never. */
export const fault: { mode: 'fail' | 'crash'; at: number; count: number; code: string } = {
  mode: 'fail',
  at: 0,
  count: 0,
  code: 'ENOSPC',
}

/** Sets the next fault and starts to count. */
export function setFault(mode: 'fail' | 'crash', at: number, code = 'ENOSPC'): void {
  Object.assign(fault, { mode, at, code, count: 0 })
}

type Operation = (...args: unknown[]) => Promise<unknown>

/** Returns the module with every operation that changes something counted, file handles included. */
export function withFaults(real: typeof FsPromises): typeof FsPromises {
  const changing = [
    'chmod',
    'copyFile',
    'link',
    'mkdir',
    'mkdtemp',
    'open',
    'rename',
    'rm',
    'utimes',
  ] as const
  const wrapped: Record<string, unknown> = { ...real }
  for (const name of changing) {
    const operation = real[name] as Operation
    wrapped[name] = counted(name === 'open' ? openWithFaults(operation) : operation)
  }
  return wrapped as unknown as typeof FsPromises
}

/** `onHit` is what an operation that fails has done before it. */
function counted(operation: Operation, onHit?: Operation): Operation {
  return async (...args) => {
    fault.count += 1
    const isHit = fault.mode === 'fail' ? fault.count === fault.at : fault.count >= fault.at
    if (fault.at > 0 && isHit) {
      if (fault.count === fault.at) await onHit?.(...args)
      throw Object.assign(new Error(`${fault.code}: fault ${fault.count}`), { code: fault.code })
    }
    return operation(...args)
  }
}

/** A write that is cut off leaves a part of its bytes. */
function halfWrite(handle: FsPromises.FileHandle): Operation {
  return async (...args) => {
    const [bytes, offset, length, position] = args as [Uint8Array, number, number, number]
    return handle.write(bytes, offset, Math.floor(length / 2), position)
  }
}

function openWithFaults(open: Operation): Operation {
  return async (...args) => {
    const handle = (await open(...args)) as FsPromises.FileHandle
    const close = handle.close.bind(handle)
    return {
      read: handle.read.bind(handle),
      stat: handle.stat.bind(handle),
      write: counted(handle.write.bind(handle) as Operation, halfWrite(handle)),
      writeFile: counted(handle.writeFile.bind(handle) as Operation),
      truncate: counted(handle.truncate.bind(handle) as Operation),
      datasync: counted(handle.datasync.bind(handle) as Operation),
      sync: counted(handle.sync.bind(handle) as Operation),
      // Never refused: it only gives back what the process would lose anyway.
      close,
    }
  }
}
