/** The words that every form of a replay and of an explanation shares. None of them is escaped. */
import type {
  DeniedSide,
  FlowEvidence,
  NearMiss,
  PolicyUsage,
  RuleUsage,
  UnusedGrants,
  UsedGrant,
  VerifyReport,
} from '../diff/verify-report.ts'
import { referenceText } from './diff-words.ts'
import { countOf, formatCount } from './style.ts'

/** Policies, peers or samples that a line names. */
const maxNames = 4

/** Returns the result of a replay: `1 edge would be denied; 58 of 59 edges covered (98.3 %), ...`. */
export function resultText({
  holds,
  denied,
  coverage,
  gates,
  violations = [],
}: VerifyReport): string {
  const failed = gates.filter((gate) => !gate.passed).map((gate) => gate.gate)
  const problems = [
    ...(denied.length === 0 ? [] : [`${countOf(denied.length, 'edge')} would be denied`]),
    ...(failed.length === 0 ? [] : [`failed: ${failed.join(', ')}`]),
    ...(violations.length === 0 ? [] : [countOf(violations.length, 'guard rail violation')]),
  ]
  const verdict = holds ? 'nothing that was learned would be denied' : problems.join(', ')
  return `${verdict}; ${coverageText('edge', coverage.edges)}, ${coverageText('flow', coverage.flows)}`
}

function coverageText(noun: string, share: VerifyReport['coverage']['edges']): string {
  const total = share.covered + share.denied + share.unjudged
  const unjudged = share.unjudged === 0 ? '' : `, ${formatCount(share.unjudged)} of unknown labels`
  return `${formatCount(share.covered)} of ${countOf(total, noun)} covered (${share.percent} %${unjudged})`
}

/** Returns counts and times of what was seen: `12 flows, 2026-03-02T09:00:03.000Z to 2026-03-02T09:10:00.000Z`. */
export function seenText({ flows, first, last }: FlowEvidence): string {
  const count = countOf(flows, 'flow')
  if (first === undefined || last === undefined) return count
  return first === last ? `${count}, ${first}` : `${count}, ${first} to ${last}`
}

/** Returns what isolates a pod in a direction: `ingress is isolated by shop/db (db.yaml:1)`. */
export function isolationText({
  direction,
  isolatedBy,
  deniedBy,
}: Pick<DeniedSide, 'direction' | 'isolatedBy' | 'deniedBy'>): string {
  if (deniedBy !== undefined) {
    const rules = deniedBy.map((rule) => `${rule.policy} ${ruleText({ direction, ...rule })}`)
    return `${direction} is denied by ${listText(rules)}`
  }
  return `${direction} is isolated by ${listText(isolatedBy.map(referenceText))}`
}

/** Returns a rule that nearly allows a connection: `shop/db ingress[0] (db.yaml:10): it opens 80/TCP, not 443/TCP`. */
export function nearMissText(miss: NearMiss): string {
  return `${miss.policy} ${ruleText(miss)}: ${miss.reasons.join('; ')}`
}

/** Returns the place of a rule: `ingress[0] (db.yaml:10)`. */
export function ruleText({
  direction,
  rule,
  at,
}: Pick<RuleUsage, 'direction' | 'rule' | 'at'>): string {
  return `${direction}[${rule}]${at === undefined ? '' : ` (${at})`}`
}

/** Returns a policy with its place, and how much of it is used: `shop/db (db.yaml:1): 2 of 3 grants never used`. */
export function usageText(usage: PolicyUsage): string {
  const { grants, unusedGrants, selects, isolates } = usage
  const count =
    grants === 0
      ? 'grants nothing'
      : unusedGrants === 0
        ? `every grant used (${formatCount(grants)})`
        : `${formatCount(unusedGrants)} of ${countOf(grants, 'grant')} never used`
  const pods = selects.length === 0 ? ', and selects no known pod' : ''
  const none = isolates.length === 0 ? ', and isolates nothing' : ''
  return `${referenceText(usage)}: ${count}${pods}${none}`
}

/** What the state of a rule is called. */
export const stateTexts: Readonly<Record<RuleUsage['state'], string>> = {
  used: 'used',
  partly: 'partly used',
  unused: 'never used',
  ignored: 'ignored, as the policy does not isolate its direction',
}

/** Returns a grant that is used: `app=web in namespace shop on 80/TCP: 2 edges, 40 flows, last 2026-...`. */
export function usedText({ peer, port, edges, flows, last }: UsedGrant): string {
  const when = last === undefined ? '' : `, last ${last}`
  return `${peer} on ${port}: ${countOf(edges, 'edge')}, ${countOf(flows, 'flow')}${when}`
}

/** Returns grants that nobody used: `app=old in namespace shop on 80/TCP, 443/TCP`. */
export function unusedText({ peers, ports }: UnusedGrants): string {
  return `${listText(peers)} on ${listText(ports)}`
}

/** Returns the first names of a list, and how many more there are. */
export function listText(names: readonly string[]): string {
  const more = names.length - maxNames
  const shown = names.slice(0, maxNames).join(', ')
  return more > 0 ? `${shown} and ${formatCount(more)} more` : shown
}
