/** What a person should look at first, of all that a run has to say. */
import type { PolicyDiff, Section } from '../diff/policy-diff.ts'
import type { Finding, Synthesis } from '../synthesis/synthesis.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { countOf, formatCount } from './style.ts'

/** How many things are named. */
const maxLooks = 3

/** What a run made, as far as it got. */
export interface RunResults {
  readonly traffic: Traffic
  readonly synthesis?: Synthesis
  readonly diff?: PolicyDiff
}

/** Returns the three most important things, most important first; none when all is well. Not escaped. */
export function firstLooks({ traffic, synthesis, diff }: RunResults): readonly string[] {
  const findings = synthesis?.findings ?? []
  return [
    ...changeLook(diff, 'breaks', 'that would break traffic that was seen'),
    ...findingLooks(findings, 'action'),
    ...lossLooks(traffic),
    ...changeLook(diff, 'opens', 'that would open what was never seen'),
    ...findingLooks(findings, 'warning'),
  ].slice(0, maxLooks)
}

function changeLook(
  diff: PolicyDiff | undefined,
  section: Section,
  words: string,
): readonly string[] {
  const changes = diff?.changes.filter((change) => change.section === section) ?? []
  const [first] = changes
  if (first === undefined) return []
  const example = `${first.from} -> ${first.to} on ${first.ports.join(', ')}`
  return [`${countOf(changes.length, 'change')} ${words}: ${example}${ellipsis(changes)}`]
}

/** One look for each code, in the order in which the codes first appear. */
function findingLooks(
  findings: readonly Finding[],
  severity: Finding['severity'],
): readonly string[] {
  const byCode = new Map<string, Finding[]>()
  for (const finding of findings.filter((item) => item.severity === severity)) {
    const list = byCode.get(finding.code)
    if (list === undefined) byCode.set(finding.code, [finding])
    else list.push(finding)
  }
  return [...byCode].map(([code, list]) => {
    const subject = list[0]?.subject ?? ''
    return `${formatCount(list.length)} ${code}: ${subject}${ellipsis(list)}`
  })
}

function ellipsis(list: readonly unknown[]): string {
  return list.length > 1 ? `, and ${formatCount(list.length - 1)} more` : ''
}

function lossLooks({ ledger }: Traffic): readonly string[] {
  const { lostEvents, unavailableNodes } = ledger
  const events = lostEvents === 0 ? [] : [`${countOf(lostEvents, 'event')} lost`]
  const nodes =
    unavailableNodes.length === 0 ? [] : [`${countOf(unavailableNodes.length, 'node')} unavailable`]
  const losses = [...events, ...nodes]
  return losses.length === 0 ? [] : [`the recording is incomplete: ${losses.join(', ')}`]
}
