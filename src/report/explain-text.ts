/** An explanation for a terminal, or as a JSON document. */
import type { Answer, Explanation, PathSide } from '../diff/explanation.ts'
import type { PolicyUsage, RuleReference, RuleUsage, SeenEdge } from '../diff/verify-report.ts'
import { escapeUnprintable } from '../policy/quote.ts'
import { outcomeTexts } from './outcomes.ts'
import type { Style } from './style.ts'
import { countOf, escapeText, formatCount, limited } from './style.ts'
import { deniedSideLines, notEvaluatedLines } from './verify-text.ts'
import {
  isolationText,
  listText,
  ruleText,
  seenText,
  stateTexts,
  unusedText,
  usageText,
  usedText,
} from './verify-words.ts'

/** Returns an explanation as lines: each answer with the path of both directions, or each rule with its evidence. */
export function explanationToText(explanation: Explanation, style: Style): string {
  const { answers, leftOut, policies, notEvaluated } = explanation
  return [
    ...answers.flatMap((answer, index) => [
      ...(index === 0 ? [] : ['']),
      ...answerLines(answer, style),
    ]),
    ...(leftOut === 0
      ? []
      : ['', `${countOf(leftOut, 'more pair')} of ends not answered: name fewer pods`]),
    ...policies.flatMap((policy, index) => [
      ...(index === 0 ? [] : ['']),
      ...policyLines(policy, style),
    ]),
    ...notEvaluatedLines(notEvaluated, style),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

/** Returns an explanation as its JSON document, indented by two, with a final newline. */
export function explanationToJson(explanation: Explanation): string {
  return `${escapeUnprintable(JSON.stringify(explanation, undefined, 2))}\n`
}

/** Returns in words why a side lets a connection pass, or what isolates it. Not escaped. */
export function pathText(side: PathSide): string {
  const { direction, isolatedBy, allowedBy } = side
  switch (side.reason) {
    case 'no-pod':
      return `${direction}: policies have no say, as this end is no pod`
    case 'open':
      return `${direction}: no policy isolates the pod`
    case 'node':
      return `${direction}: a node always reaches its own pods`
    case 'rule':
      return `${isolationText({ direction, isolatedBy })}; allowed by ${listText(allowedBy.map((rule) => allowingText(direction, rule)))}`
    case 'denied':
      return isolationText(side)
  }
}

/** Returns what was seen of a connection: who, how often, and what became of it. Not escaped. */
export function evidenceLine({ from, to, port, outcome, evidence }: SeenEdge): string {
  const samples = evidence.samples.length === 0 ? '' : `; ${listText(evidence.samples)}`
  const fate = outcome === 'learned' ? '' : `, ${outcomeTexts[outcome].phrase}`
  return `${from} -> ${to} ${port}: ${seenText(evidence)}${fate}${samples}`
}

function allowingText(direction: PathSide['direction'], rule: RuleReference): string {
  return `${rule.policy} ${ruleText({ direction, ...rule })}`
}

function answerLines(answer: Answer, style: Style): readonly string[] {
  const verdict = answer.allowed ? style.green('allowed') : style.red('denied')
  const ends = escapeText(`${answer.from} -> ${answer.to}`)
  return [
    `${style.bold(verdict)}: ${ends}  ${answer.port}`,
    ...[answer.egress, answer.ingress].flatMap((side) => sideLines(side, style)),
    ...(answer.evidence.length === 0
      ? ['  never seen']
      : limited(answer.evidence, (edge) => [`  seen: ${escapeText(evidenceLine(edge))}`])),
  ]
}

function sideLines(side: PathSide, style: Style): readonly string[] {
  const mark = side.allowed ? style.green('+') : style.red('-')
  if (side.reason !== 'denied') return [`  ${mark} ${escapeText(pathText(side))}`]
  const [first = '', ...rest] = deniedSideLines(side, style)
  return [`  ${mark} ${first.trimStart()}`, ...rest]
}

function policyLines(policy: PolicyUsage, style: Style): readonly string[] {
  const { isolates, selects } = policy
  return [
    style.bold(escapeText(usageText(policy))),
    `  selects: ${selects.length === 0 ? 'no known pod' : escapeText(listText(selects))}`,
    `  isolates: ${isolates.length === 0 ? 'nothing' : isolates.join(', ')}`,
    ...policy.rules.flatMap((rule) => ruleEvidenceLines(rule, style)),
  ]
}

function ruleEvidenceLines(rule: RuleUsage, style: Style): readonly string[] {
  const paint = rule.state === 'used' ? style.green : style.yellow
  const count =
    rule.grants === 0
      ? ''
      : `, ${formatCount(rule.unusedGrants)} of ${countOf(rule.grants, 'grant')} never used`
  return [
    `  ${escapeText(ruleText(rule))}: ${paint(stateTexts[rule.state])}${count}`,
    ...limited(rule.used, (grant) => [
      `    used: ${escapeText(usedText(grant))}`,
      ...limited(grant.seen, (edge) => [style.dim(`      ${escapeText(evidenceLine(edge))}`)]),
    ]),
    ...limited(rule.unused, (grants) => [`    never used: ${escapeText(unusedText(grants))}`]),
  ]
}
