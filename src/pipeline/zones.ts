/** Reads zones and approvals, and holds traffic against them. */
import type { Gate } from '../diff/verify-report.ts'
import { NetweirError } from '../errors.ts'
import { readApprovals, readZones } from '../source/zones.ts'
import type { Traffic } from '../traffic/traffic.ts'
import type { ZoneReport } from '../traffic/zone-report.ts'
import { unapprovedOf, zoneReportOf } from '../traffic/zone-report.ts'
import type { ZoneRules } from '../traffic/zones.ts'
import type { RunHost, ZoneOptions } from './pipeline.ts'

/** Crossings that the message of the gate names. */
const maxNames = 3

/** What crosses between zones, and how ends are sorted into them. */
export interface ZoneResult {
  readonly rules: ZoneRules
  readonly report: ZoneReport
}

/**
 * Returns what crosses between the zones of any traffic; undefined where no zones were given.
 * @throws {NetweirError} `MANIFEST_SYNTAX`, `MANIFEST_INVALID` and the codes of reading files; the function that it returns
 * throws `USAGE` where there are approvals and nothing has a time.
 */
export async function readZoneCheck(
  { zones = [], zoneLabel, approvals = [], asOfMs }: ZoneOptions,
  host: RunHost,
): Promise<(traffic: Traffic) => ZoneResult | undefined> {
  if (zones.length === 0 && zoneLabel === undefined) return () => undefined
  const rules = zones.length === 0 ? { zones: [] } : await readZones(zones, host.stdin)
  const given = approvals.length === 0 ? [] : await readApprovals(approvals, host.stdin)
  const all = { ...rules, ...(zoneLabel === undefined ? {} : { label: zoneLabel }) }
  const at = asOfMs === undefined ? {} : { asOfMs }
  return (traffic) => {
    if (given.length > 0 && asOfMs === undefined && traffic.window.lastMs === undefined) {
      throw new NetweirError('USAGE', 'no record has a time, at which approvals could be judged', {
        hint: 'say when with --as-of, such as --as-of 0s for now',
      })
    }
    return { rules: all, report: zoneReportOf({ traffic, rules: all, approvals: given, ...at }) }
  }
}

/** Returns the gate of `requireApproval`, where it was asked for. */
export function approvalGate(
  report: ZoneReport | undefined,
  { requireApproval }: ZoneOptions,
): readonly Gate[] {
  if (report === undefined || requireApproval !== true) return []
  const crossings = unapprovedOf(report)
  const names = crossings
    .slice(0, maxNames)
    .map(({ from, to, port }) => `${from} -> ${to} ${port}`)
    .join(', ')
  const more = crossings.length > maxNames ? ` and ${crossings.length - maxNames} more` : ''
  return [
    {
      gate: 'require-approval',
      limit: 0,
      actual: crossings.length,
      passed: crossings.length === 0,
      message:
        crossings.length === 0
          ? 'everything that crosses between zones is approved'
          : `what crosses between zones without an approval that is valid: ${names}${more}`,
    },
  ]
}
