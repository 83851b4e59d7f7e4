/** From sources to a report: policies, what they change, what was seen, and how far it can be trusted. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { decideEdges } from '../diff/edge-decisions.ts'
import { policiesByClass } from '../diff/selections.ts'
import { verifyPolicies } from '../diff/verify.ts'
import type { LocatedPolicy } from '../policy/network-policy.ts'
import { buildReport } from '../report/build-report.ts'
import type { ReportCoverage } from '../report/report-document.ts'
import type { ServiceMap } from '../report/service-map.ts'
import { serviceMapOf } from '../report/service-map.ts'
import { groupClasses } from '../synthesis/groups.ts'
import { encodeSet } from '../traffic/set-document.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { createZoneOf } from '../traffic/zones.ts'
import { listeningPorts } from './container-ports.ts'
import type { GeneratedInput } from './generate.ts'
import { generateInput } from './generate.ts'
import { checkStdin, learnInput } from './learn.ts'
import type { Notice, ReportOptions, ReportResult, RunHost } from './pipeline.ts'
import { digestInputs, flagsOf } from './report-inputs.ts'
import { approvalGate, readZoneCheck } from './zones.ts'

/**
 * Returns the report on what the sources show and the policies that follow from it.
 * @throws {NetweirError} as `generate` does, and the codes of zones and approvals.
 */
export async function report(
  sources: readonly string[],
  options: ReportOptions,
  host: RunHost,
): Promise<ReportResult> {
  const { version, zones, zoneLabel, approvals, requireApproval, asOfMs, ...choices } = options
  checkStdin(
    sources,
    choices.inventory,
    choices.existing,
    choices.permit,
    choices.forbid,
    zones,
    approvals,
  )
  const given = {
    ...(zones === undefined ? {} : { zones }),
    ...(zoneLabel === undefined ? {} : { zoneLabel }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(requireApproval === undefined ? {} : { requireApproval }),
    ...(asOfMs === undefined ? {} : { asOfMs }),
  }
  const checkZones = await readZoneCheck(given, host)
  const made = await generateInput(sources, choices, host)
  const { traffic, synthesis, diff, inForce, surroundings } = made
  const zoneResult = checkZones(traffic)
  const selections = policiesByClass(inForce, surroundings)
  const map = serviceMapOf({
    traffic,
    groups: synthesis.groups,
    decisions: decideEdges(inForce, surroundings),
    diff,
    ...(zoneResult === undefined ? {} : { zoneOf: createZoneOf(traffic, zoneResult.rules) }),
  })
  const result = buildReport({
    version,
    traffic,
    synthesis,
    diff,
    inForce,
    selectedBy: (classId) => selections[classId] ?? [],
    map,
    coverage: coverageOf(made),
    zones: zoneResult?.report,
    violations: made.violations,
    inputs: await digestInputs(sources, options),
    flags: flagsOf(options),
    communicationSet: encodeSet(made.set),
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  })
  const gates = approvalGate(zoneResult?.report, given)
  return {
    report: result,
    traffic,
    notices: made.notices,
    gates,
    holds: gates.every(({ passed }) => passed) && made.violations.length === 0,
  }
}

/** Modules of the page's script, each after those that it imports. */
const scripts = ['data.js', 'camera.js', 'lines.js', 'filter.js', 'panel.js', 'main.js']

const styles = ['frame.css', 'map.css', 'tables.css', 'media.css']

/** Returns the script and the style of the page, and what hashes them. */
export async function readPageParts(): Promise<{
  readonly script: string
  readonly style: string
  readonly sha256: (text: string) => string
}> {
  const read = async (names: readonly string[]): Promise<string> => {
    const texts = names.map((name) =>
      readFile(new URL(`../report/page/${name}`, import.meta.url), 'utf8'),
    )
    return (await Promise.all(texts)).join('\n')
  }
  const modules = await read(scripts)
  // One script of several modules: each is written so that their names can share a scope.
  const joined = modules.replaceAll(/^import\b[^;]*?\.js'$/gm, '')
  return {
    script: `(() => {\n'use strict'\n${joined.replaceAll(/^export /gm, '')}\n})()`,
    style: await read(styles),
    sha256: (text) => createHash('sha256').update(text).digest('base64'),
  }
}

/**
 * Returns the map of what the sources show, with the diff to the policies of `options.existing` where there are any.
 * @throws {NetweirError} as `learn` does, and as `generate` does with existing policies.
 */
export async function graph(
  sources: readonly string[],
  options: Omit<ReportOptions, 'version' | 'requireApproval' | 'asOfMs' | 'approvals'>,
  host: RunHost,
): Promise<{
  readonly map: ServiceMap
  readonly traffic: Traffic
  readonly notices: readonly Notice[]
}> {
  const { zones, zoneLabel, ...choices } = options
  checkStdin(sources, choices.inventory, choices.existing, zones)
  const checkZones = await readZoneCheck(
    {
      ...(zones === undefined ? {} : { zones }),
      ...(zoneLabel === undefined ? {} : { zoneLabel }),
    },
    host,
  )
  if (choices.existing === undefined) {
    const { traffic, notices, inventory } = await learnInput(sources, choices, host)
    const rules = checkZones(traffic)?.rules
    const { groups } = groupClasses(traffic, inventory)
    const zoneOf = rules === undefined ? {} : { zoneOf: createZoneOf(traffic, rules) }
    return { map: serviceMapOf({ traffic, groups, ...zoneOf }), traffic, notices }
  }
  const { traffic, notices, synthesis, diff } = await generateInput(sources, choices, host)
  const rules = checkZones(traffic)?.rules
  const zoneOf = rules === undefined ? {} : { zoneOf: createZoneOf(traffic, rules) }
  const { groups } = synthesis
  return { map: serviceMapOf({ traffic, groups, diff, ...zoneOf }), traffic, notices }
}

function coverageOf(made: GeneratedInput): readonly ReportCoverage[] {
  const { traffic, inventory, surroundings, inForce, existing } = made
  const replay = (
    which: ReportCoverage['policies'],
    policies: readonly LocatedPolicy[],
  ): ReportCoverage => {
    const { coverage, denied, overPermission } = verifyPolicies({
      ...surroundings,
      policies,
      listeningPortsOf: listeningPorts(traffic, inventory),
    })
    return { policies: which, coverage, denied: denied.length, overPermission }
  }
  return [
    replay('proposed', inForce),
    ...(existing.length === 0 ? [] : [replay('existing', existing)]),
  ]
}
