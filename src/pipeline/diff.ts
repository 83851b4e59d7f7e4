/** What a change of policies means, without writing any. */
import { diffPolicies } from '../diff/diff-policies.ts'
import type { Inventory } from '../traffic/inventory.ts'
import { readOut } from '../traffic/read-out.ts'
import { emptySet } from '../traffic/set-document.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { containerPorts } from './container-ports.ts'
import { generate } from './generate.ts'
import { readRailCheck } from './guard-rails.ts'
import { checkStdin, learnInput } from './learn.ts'
import { readInventory, readPolicies } from './manifests.ts'
import type {
  DiffResult,
  GenerateOptions,
  LearnOptions,
  Notice,
  RailOptions,
  RunHost,
} from './pipeline.ts'
import { withServices } from './services.ts'

/**
 * Returns what the policies that `generate` would write change against those that exist.
 * @throws {NetweirError} as `generate` does.
 */
export async function diff(
  sources: readonly string[],
  options: GenerateOptions,
  host: RunHost,
): Promise<DiffResult> {
  const { diff: result, synthesis, notices, violations } = await generate(sources, options, host)
  return { diff: result, findings: synthesis.findings, notices, violations }
}

/**
 * Returns what changes in meaning from one policy set to another, over the traffic of the sources where there are any,
 * and over the inventory.
 * @throws {NetweirError} the codes of reading and manifests.
 */
export async function diffSets(
  oldPaths: readonly string[],
  newPaths: readonly string[],
  sources: readonly string[],
  options: LearnOptions & RailOptions,
  host: RunHost,
): Promise<DiffResult> {
  checkStdin(sources, options.inventory, oldPaths, newPaths, options.permit, options.forbid)
  const old = await readPolicies(oldPaths, options, host)
  const fresh = await readPolicies(newPaths, options, host)
  const checkRails = await readRailCheck(options, host)
  const known =
    sources.length > 0
      ? await learnInput(sources, options, host)
      : await withoutTraffic(options, host)
  const surroundings = {
    traffic: known.traffic,
    portsOf: containerPorts(known.traffic, known.inventory),
  }
  const [before, after] = [old, fresh].map(({ policies }) =>
    withServices(policies, known.inventory),
  )
  const rails = checkRails(after ?? [], surroundings)
  return {
    diff: diffPolicies({ ...surroundings, old: before ?? [], new: after ?? [] }),
    findings: [],
    notices: [...known.notices, ...old.notices, ...fresh.notices, ...rails.notices],
    violations: rails.violations,
  }
}

/** Returns the traffic of a run without sources: what the inventory shows, if anything. */
export async function withoutTraffic(
  options: LearnOptions,
  host: RunHost,
): Promise<{ traffic: Traffic; inventory: Inventory | undefined; notices: readonly Notice[] }> {
  const { inventory, notices } = await readInventory(options.inventory ?? [], options, host)
  const traffic = readOut(emptySet(), inventory === undefined ? {} : { inventory })
  return { traffic, inventory, notices }
}
