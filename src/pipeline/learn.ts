/** Reads sources into a communication set, the first half of every command. */
import { NetweirError } from '../errors.ts'
import { toInventory } from '../source/inventory.ts'
import { readManifestPath } from '../source/manifests.ts'
import { expandSource, openRecorded } from '../source/recorded.ts'
import type { CommunicationSet, Ledger } from '../traffic/communication-set.ts'
import type { Inventory } from '../traffic/inventory.ts'
import { readOut } from '../traffic/read-out.ts'
import type { Reader } from '../traffic/reader.ts'
import { createReader } from '../traffic/reader.ts'
import type { LearnOptions, LearnResult, Notice, RunHost } from './pipeline.ts'

/** What {@link learn} found, with the inventory it was read out with. */
export interface LearnedInput extends LearnResult {
  readonly inventory: Inventory | undefined
}

/**
 * Returns the communication set of all sources (files, directories, `-`, communication sets) and its read-out.
 * @throws {NetweirError} `NO_TRAFFIC` when there was no record at all, `NOT_FLOWS` when none could be read, and the
 * codes of sources, sets, manifests and mixed clusters.
 */
export async function learn(
  sources: readonly string[],
  options: LearnOptions,
  host: RunHost,
): Promise<LearnResult> {
  const { set, traffic, notices } = await learnInput(sources, options, host)
  return { set, traffic, notices }
}

/** Returns what {@link learn} does, and the inventory. */
export async function learnInput(
  sources: readonly string[],
  options: LearnOptions,
  host: RunHost,
): Promise<LearnedInput> {
  const inventory = await readInventory(options.inventory ?? [], host)
  const { set, notices } = await readSources(sources, options, host)
  const traffic = readOut(set, {
    ...(options.clusterName === undefined ? {} : { clusterName: options.clusterName }),
    learnAudit: options.learnAudit ?? false,
    learnDenied: options.learnDenied ?? false,
    nodeCidrs: options.nodeCidrs ?? [],
    serviceCidrs: options.serviceCidrs ?? [],
    ...(inventory === undefined ? {} : { inventory }),
  })
  return { set, traffic, notices, inventory }
}

/**
 * Returns one communication set of several.
 * @throws {NetweirError} as {@link learn} does.
 */
export async function merge(paths: readonly string[], host: RunHost): Promise<CommunicationSet> {
  const { set } = await readSources(paths, {}, host)
  return set
}

/**
 * Refuses to read standard input for two purposes.
 * @throws {NetweirError} `USAGE`
 */
export function checkStdin(...uses: readonly (readonly string[] | undefined)[]): void {
  const count = uses.flatMap((paths) => paths ?? []).filter((path) => path === '-').length
  if (count > 1) {
    throw new NetweirError('USAGE', 'standard input ("-") can be read only once', {
      hint: 'write one of the inputs to a file',
    })
  }
}

async function readInventory(
  paths: readonly string[],
  host: RunHost,
): Promise<Inventory | undefined> {
  if (paths.length === 0) return undefined
  const manifests = []
  for (const path of paths) manifests.push(...(await readManifestPath(path, host.stdin)))
  if (manifests.length === 0) {
    throw new NetweirError(
      'MANIFEST_INVALID',
      'the inventory is empty, expected Kubernetes objects',
      {
        location: { file: paths[0] ?? '-' },
        hint: 'write one with: kubectl get pods,namespaces,nodes,services,deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs -A -o yaml',
      },
    )
  }
  return toInventory(manifests)
}

async function readSources(
  sources: readonly string[],
  options: LearnOptions,
  host: RunHost,
): Promise<{ readonly set: CommunicationSet; readonly notices: readonly Notice[] }> {
  const reader = createReader({
    strict: options.strict ?? false,
    ...(options.sinceMs === undefined ? {} : { sinceMs: options.sinceMs }),
    ...(options.untilMs === undefined ? {} : { untilMs: options.untilMs }),
  })
  const notices: Notice[] = []
  for (const source of sources) {
    const { files, passedOver } = await expandSource(source)
    for (const file of files) {
      if (await readFile(file, reader, host)) {
        notices.push({
          message: 'the compressed data ends early: what stands before the end was read',
          location: { file },
        })
      }
    }
    if (passedOver.length > 0) {
      notices.push({ message: `passed over ${passedOver.join(', ')}`, location: { file: source } })
    }
  }
  const set = reader.finish()
  notices.push(...reader.notices)
  refuseNothing(set.ledger, sources, reader.notices)
  return { set, notices }
}

/** Returns whether the compressed data of the file ended early. */
async function readFile(file: string, reader: Reader, host: RunHost): Promise<boolean> {
  const source = await openRecorded(file, host.stdin, host.signal)
  let isCut = false
  for await (const chunk of source.chunks) {
    isCut = chunk.isCut
    reader.consume(chunk.bytes, { source: file, offset: chunk.offset })
    host.onProgress?.({
      source: file,
      bytes: chunk.readBytes,
      ...(source.totalBytes === undefined ? {} : { totalBytes: source.totalBytes }),
      records: reader.records,
    })
  }
  reader.endOfSource({ isCut })
  return isCut
}

function refuseNothing(
  ledger: Ledger,
  sources: readonly string[],
  notices: readonly Notice[],
): void {
  const place =
    sources.length === 1 && sources[0] !== undefined ? { location: { file: sources[0] } } : {}
  const [passedOver] = notices
  if (ledger.records === 0 && passedOver !== undefined) {
    throw new NetweirError('NO_TRAFFIC', `nothing is left to learn from: ${passedOver.message}`, {
      ...place,
      hint: 'widen --since and --until: durations count back from now',
    })
  }
  if (ledger.records === 0) {
    throw new NetweirError('NO_TRAFFIC', 'there is no record in the input', {
      ...place,
      hint: 'record flows with: hubble observe --follow -o jsonpb > flows.jsonl',
    })
  }
  const { outcomes } = ledger
  const bad = (outcomes.malformed ?? 0) + (outcomes.truncated ?? 0) + (outcomes['too-long'] ?? 0)
  if (bad < ledger.records) return
  const first = notices.find((notice) => notice.location !== undefined)
  throw new NetweirError(
    'NOT_FLOWS',
    `none of the ${ledger.records} records in the input is a flow${first === undefined ? '' : `: ${first.message}`}`,
    {
      ...(first?.location === undefined ? place : { location: first.location }),
      hint: 'expected Hubble flows as JSON, such as hubble observe -o jsonpb or the exporter writes',
    },
  )
}
