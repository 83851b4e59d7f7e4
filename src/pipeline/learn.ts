/** Reads sources into a communication set, the first half of every command. */
import { NetweirError } from '../errors.ts'
import type { CommunicationSet } from '../traffic/communication-set.ts'
import type { Inventory } from '../traffic/inventory.ts'
import { localCluster } from '../traffic/local-cluster.ts'
import { readOut } from '../traffic/read-out.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { readInventory } from './manifests.ts'
import type { LearnOptions, LearnResult, RunHost } from './pipeline.ts'
import { readSources } from './read-sources.ts'

/** What {@link learn} found, with the inventory it was read out with. */
export interface LearnedInput extends LearnResult {
  readonly inventory: Inventory | undefined
}

/**
 * Returns the communication set of all sources (files, directories, `-`, communication sets, live sources) and its read-out.
 * @throws {NetweirError} `NO_TRAFFIC` when there was no record at all, `NOT_FLOWS` when none could be read,
 * `SOURCE_LOST` when a live source was lost, and the codes of sources, sets, manifests and mixed clusters.
 */
export async function learn(
  sources: readonly string[],
  options: LearnOptions,
  host: RunHost,
): Promise<LearnResult> {
  const { set, inventory, notices } = await readInput(sources, options, host)
  localCluster(set, options.clusterName)
  let traffic: Traffic | undefined
  return {
    set,
    // Whoever wants the set alone is spared the read-out.
    get traffic() {
      traffic ??= readOutInput(set, inventory, options)
      return traffic
    },
    notices,
  }
}

/** Returns what {@link learn} does, and the inventory. */
export async function learnInput(
  sources: readonly string[],
  options: LearnOptions,
  host: RunHost,
): Promise<LearnedInput> {
  const input = await readInput(sources, options, host)
  return { ...input, traffic: readOutInput(input.set, input.inventory, options) }
}

async function readInput(
  sources: readonly string[],
  options: LearnOptions,
  host: RunHost,
): Promise<Omit<LearnedInput, 'traffic'>> {
  const { inventory, notices: asides } = await readInventory(options.inventory ?? [], options, host)
  const { set, notices } = await readSources(sources, options, host)
  return { set, notices: [...asides, ...notices], inventory }
}

function readOutInput(
  set: CommunicationSet,
  inventory: Inventory | undefined,
  options: LearnOptions,
): Traffic {
  return readOut(set, {
    ...(options.clusterName === undefined ? {} : { clusterName: options.clusterName }),
    learnAudit: options.learnAudit ?? false,
    learnDenied: options.learnDenied ?? false,
    nodeCidrs: options.nodeCidrs ?? [],
    serviceCidrs: options.serviceCidrs ?? [],
    ...(inventory === undefined ? {} : { inventory }),
  })
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
