/** Digests of what went into a report: files are read once more, since what was learned of them has a digest of its own. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { ReportFigure, ReportInput } from '../report/report-document.ts'
import { liveCluster } from '../source/cluster-resources.ts'
import { manifestFiles } from '../source/manifests.ts'
import { expandSource } from '../source/recorded.ts'
import { isLiveSource } from '../source/source.ts'
import { compareTexts } from '../traffic/text-key.ts'
import { formatTime } from '../traffic/timestamp.ts'
import type { ReportOptions } from './pipeline.ts'

/**
 * Returns every input of a report by its role, in the order in which they were named (sources by their names, since their
 * order means nothing), with size and SHA-256 of each file;
 * standard input, live sources and the live cluster have neither.
 * @throws {NetweirError} `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`.
 */
export async function digestInputs(
  sources: readonly string[],
  options: ReportOptions,
): Promise<readonly ReportInput[]> {
  const named: (readonly [ReportInput['role'], readonly string[]])[] = [
    ['source', sources.toSorted(compareTexts)],
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

/** Options that are inputs, say how they are read, or change no figure. */
type Unnamed =
  | ReportInput['role']
  | 'version'
  | 'kubernetes'
  | 'tls'
  | 'kafka'
  | 'state'
  | 'forMs'
  | 'follow'
  | 'threads'
  | 'plain'
  | 'strict'
  | 'strictCompleteness'
  | 'requireApproval'

/** The flags of all other options: without them nobody could make the report again. */
const flags: Readonly<Record<Exclude<keyof ReportOptions, Unnamed>, string>> = {
  clusterName: '--cluster-name',
  namespaces: '--namespace',
  selector: '--selector',
  sinceMs: '--since',
  untilMs: '--until',
  last: '--last',
  serverFilter: '--server-filter',
  allowPartial: '--allow-partial',
  learnAudit: '--learn-audit',
  learnDenied: '--learn-denied',
  l7: '--l7',
  nodeCidrs: '--node-cidr',
  serviceCidrs: '--service-cidr',
  podCidrs: '--pod-cidr',
  includeSystem: '--include-system',
  target: '--target',
  defaultDeny: '--default-deny',
  minConfidence: '--min-confidence',
  dns: '--dns',
  onInexpressible: '--on-inexpressible',
  onInseparable: '--on-inseparable',
  outside: '--outside',
  cidrMaxExtra: '--cidr-max-extra',
  namePatterns: '--name-patterns',
  prune: '--prune',
  pruneAfterDays: '--prune-after',
  reoptimise: '--reoptimise',
  minimise: '--minimise',
  zoneLabel: '--zone-label',
  asOfMs: '--as-of',
}

/** Returns the flags that shape a report, with their values; times are RFC 3339, whatever they were relative to. */
export function flagsOf(options: ReportOptions): readonly ReportFigure[] {
  return (Object.keys(flags) as (keyof typeof flags)[]).flatMap((key) => {
    const value = options[key]
    if (value === undefined || value === false) return []
    const isTime = key === 'sinceMs' || key === 'untilMs' || key === 'asOfMs'
    const text = isTime && typeof value === 'number' ? formatTime(value) : String(value)
    return [{ name: flags[key], value: text }]
  })
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
