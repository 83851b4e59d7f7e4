/** From the flags about zones to what they mean. */
import type { NetweirError, ZoneOptions } from '../index.ts'
import { parseMoment } from './moment.ts'
import type { RawOptions } from './raw-options.ts'
import { paths } from './resolve-options.ts'
import { nonEmpty, usage } from './typed-values.ts'

/** Returns how ends are sorted into zones. @throws NetweirError `USAGE`. */
export function resolveZones(raw: RawOptions, nowMs: number): ZoneOptions {
  const files = paths('--zones', raw.zones)
  const approvals = paths('--approvals', raw.approvals)
  const hasZones = files !== undefined || raw.zoneLabel !== undefined
  const orphan = Object.entries({
    '--approvals': approvals,
    '--require-approval': raw.requireApproval,
    '--as-of': raw.asOf,
  }).find(([, value]) => value !== undefined)
  if (!hasZones && orphan !== undefined) {
    throw needsZones(orphan[0])
  }
  return {
    ...(files === undefined ? {} : { zones: files }),
    ...(raw.zoneLabel === undefined ? {} : { zoneLabel: nonEmpty('--zone-label', raw.zoneLabel) }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(raw.requireApproval === undefined ? {} : { requireApproval: raw.requireApproval }),
    ...(raw.asOf === undefined ? {} : { asOfMs: parseMoment('--as-of', raw.asOf, nowMs) }),
  }
}

/** Returns the refusal of what means nothing without zones. */
export function needsZones(flag: string): NetweirError {
  return usage(
    `${flag} needs zones`,
    'name a file with --zones, or a label with --zone-label; docs/zones.md shows both',
  )
}
