/** Replays recorded traffic against policies that are given. */
import type { RailViolation } from '../diff/rail-violation.ts'
import { verifyPolicies } from '../diff/verify.ts'
import type { VerifyReport } from '../diff/verify-report.ts'
import { NetweirError } from '../errors.ts'
import { groupClasses } from '../synthesis/groups.ts'
import { confidenceOf } from '../traffic/confidence.ts'
import { containerPorts, listeningPorts } from './container-ports.ts'
import { readRailCheck } from './guard-rails.ts'
import { checkStdin, learnInput } from './learn.ts'
import { readPolicies } from './manifests.ts'
import type { RunHost, VerifyOptions, VerifyResult } from './pipeline.ts'
import { withServices } from './services.ts'
import { approvalGate, readZoneCheck } from './zones.ts'

/**
 * Returns what the policies of `options.policies` make of what the sources show: what they would deny, never use, and
 * allow beyond it, and where they break guard rails.
 * @throws {NetweirError} `NO_TRAFFIC` when there is nothing to replay, and the codes of reading, manifests and guard rails.
 */
export async function verify(
  sources: readonly string[],
  options: VerifyOptions,
  host: RunHost,
): Promise<VerifyResult> {
  checkStdin(
    sources,
    options.inventory,
    options.policies,
    options.permit,
    options.forbid,
    options.zones,
    options.approvals,
  )
  const { policies: read, notices } = await readPolicies(options.policies, options, host)
  const checkRails = await readRailCheck(options, host)
  const checkZones = await readZoneCheck(options, host)
  const { traffic, inventory, notices: readNotices } = await learnInput(sources, options, host)
  const policies = withServices(read, inventory)
  const surroundings = { traffic, portsOf: containerPorts(traffic, inventory) }
  const report = verifyPolicies({
    ...surroundings,
    policies,
    listeningPortsOf: listeningPorts(traffic, inventory),
    ...(options.maxUnused === undefined ? {} : { maxUnused: options.maxUnused }),
    ...(options.minCoverage === undefined ? {} : { minCoverage: options.minCoverage }),
  })
  refuseNothing(report, traffic.ledger.records)
  const rails = checkRails(policies, surroundings)
  const { groups } = groupClasses(traffic, inventory)
  const namespaces = new Set(policies.map(({ policy }) => policy.metadata.namespace))
  const judged = groups.filter(({ namespace }) => namespaces.has(namespace))
  const confidence = confidenceOf({
    traffic,
    groups,
    judged: new Set(judged.map(({ name }) => name)),
    ...(inventory === undefined ? {} : { inventory }),
  })
  const zones = checkZones(traffic)?.report
  const gates = [...report.gates, ...approvalGate(zones, options)]
  const gated = { ...report, gates, holds: report.holds && gates.every(({ passed }) => passed) }
  return {
    report: {
      ...withViolations(gated, rails.violations),
      confidence,
      ...(zones === undefined ? {} : { zones }),
    },
    traffic,
    notices: [...readNotices, ...notices, ...rails.notices],
  }
}

function withViolations(report: VerifyReport, violations: readonly RailViolation[]): VerifyReport {
  return violations.length === 0 ? report : { ...report, holds: false, violations }
}

/** A replay of nothing would hold whatever the policies say. */
function refuseNothing({ coverage: { edges }, notReplayed }: VerifyReport, records: number): void {
  if (edges.covered + edges.denied + edges.unjudged > 0) return
  const counts = notReplayed.map(({ outcome, edges: count }) => `${count} ${outcome}`)
  const seen = counts.length === 0 ? '' : ` (edges: ${counts.join(', ')})`
  throw new NetweirError(
    'NO_TRAFFIC',
    `nothing was learned from ${records} records${seen}, so there is nothing to replay`,
    { hint: 'look at what was recorded with: netweir learn -o text' },
  )
}
