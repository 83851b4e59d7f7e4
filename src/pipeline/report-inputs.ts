/** Digests of what went into a report: files are read once more, since what was learned of them has a digest of its own. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { ReportInput } from '../report/report-document.ts'
import { liveCluster } from '../source/cluster-resources.ts'
import { manifestFiles } from '../source/manifests.ts'
import { expandSource } from '../source/recorded.ts'
import { isLiveSource } from '../source/source.ts'
import type { ReportOptions } from './pipeline.ts'

/**
 * Returns every input of a report by its role, in the order in which they were named, with size and SHA-256 of each file;
 * standard input, live sources and the live cluster have neither.
 * @throws {NetweirError} `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`.
 */
export async function digestInputs(
  sources: readonly string[],
  options: ReportOptions,
): Promise<readonly ReportInput[]> {
  const named: (readonly [ReportInput['role'], readonly string[]])[] = [
    ['source', sources],
    ['inventory', options.inventory ?? []],
    ['existing', options.existing ?? []],
    ['permit', options.permit ?? []],
    ['forbid', options.forbid ?? []],
    ['zones', options.zones ?? []],
    ['approvals', options.approvals ?? []],
  ]
  const inputs: ReportInput[] = []
  for (const [role, names] of named) {
    for (const name of names) {
      for (const file of await filesOf(role, name)) inputs.push(await digestFile(role, file))
    }
  }
  return inputs
}

async function filesOf(role: ReportInput['role'], name: string): Promise<readonly string[]> {
  if (isNoFile(role, name)) return [name]
  return role === 'source' ? (await expandSource(name)).files : manifestFiles(name)
}

/** The word for the live cluster means it where objects of a cluster are named, and nowhere else. */
function isNoFile(role: ReportInput['role'], name: string): boolean {
  const isCluster = name === liveCluster && (role === 'inventory' || role === 'existing')
  return name === '-' || isCluster || (role === 'source' && isLiveSource(name))
}

async function digestFile(role: ReportInput['role'], name: string): Promise<ReportInput> {
  if (isNoFile(role, name) || !(await stat(name)).isFile()) return { role, name }
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(name) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { role, name, bytes, sha256: hash.digest('hex') }
}
