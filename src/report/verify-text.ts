/** A replay for a terminal, or as a JSON document. */
import type {
  DeniedEdge,
  DeniedSide,
  Gate,
  OverPermission,
  PolicyUsage,
  RuleUsage,
  VerifyReport,
} from '../diff/verify-report.ts'
import { escapeUnprintable } from '../policy/quote.ts'
import { confidenceLines } from './confidence-text.ts'
import { outcomeTexts } from './outcomes.ts'
import type { Cell, Style } from './style.ts'
import { countOf, escapeText, formatCount, limited, table } from './style.ts'
import {
  isolationText,
  listText,
  nearMissText,
  resultText,
  ruleText,
  seenText,
  stateTexts,
  unusedText,
  usageText,
  usedText,
} from './verify-words.ts'
import { violationsToText } from './violations-text.ts'
import { zoneLines } from './zone-text.ts'

/** Returns a replay as lines: broken guard rails, the result, what would be denied, what is never used, over-permission, gates, the rest. */
export function verifyToText(report: VerifyReport, style: Style): string {
  const paint = report.holds ? style.green : style.red
  const lines = [
    style.bold(paint(resultText(report))),
    ...deniedLines(report.denied, style),
    ...usageLines(report.usage, style),
    ...overPermissionLines(report.overPermission, style),
    ...confidenceLines(report.confidence, style),
    ...zoneLines(report.zones, style),
    ...gateLines(report.gates, style),
    ...notReplayedLines(report.notReplayed, style),
    ...notEvaluatedLines(report.notEvaluated, style),
  ]
  const violations = violationsToText(report.violations ?? [], style)
  return `${violations}${lines.map((line) => `${line}\n`).join('')}`
}

/** Returns a replay as its JSON document, indented by two, with a final newline; equal replays are equal bytes. */
export function verifyToJson(report: VerifyReport): string {
  return `${escapeUnprintable(JSON.stringify(report, undefined, 2))}\n`
}

/** Returns the lines that name policies of other kinds. */
export function notEvaluatedLines(names: readonly string[], style: Style): readonly string[] {
  if (names.length === 0) return []
  return [
    '',
    `${style.yellow('not evaluated')}: policies that depend on more than ends, and may allow or deny more`,
    ...limited(names, (name) => [`  ${escapeText(name)}`]),
  ]
}

/** Returns the lines of a side that denies: what isolates the pod, and which rules came close. */
export function deniedSideLines(side: DeniedSide, style: Style): readonly string[] {
  return [
    `      ${escapeText(isolationText(side))}`,
    ...(side.closest.length === 0 ? ['      no rule comes close'] : []),
    ...side.closest.map((miss) => style.dim(`      closest: ${escapeText(nearMissText(miss))}`)),
  ]
}

function deniedLines(denied: readonly DeniedEdge[], style: Style): readonly string[] {
  if (denied.length === 0) return []
  return [
    '',
    `${style.bold(style.red('would be denied'))}: seen, and not allowed`,
    ...limited(denied, (edge) => [
      `  ${style.red('-')} ${escapeText(`${edge.from} -> ${edge.to}`)}  ${edge.port}  (${escapeText(seenText(edge.evidence))})  ${style.dim(`[${edge.id}]`)}`,
      ...edge.sides.flatMap((side) => deniedSideLines(side, style)),
      ...(edge.evidence.samples.length === 0
        ? []
        : [style.dim(`      samples: ${escapeText(edge.evidence.samples.join(', '))}`)]),
    ]),
  ]
}

function usageLines(usage: readonly PolicyUsage[], style: Style): readonly string[] {
  if (usage.length === 0) return []
  const grants = usage.reduce((sum, policy) => sum + policy.grants, 0)
  const unused = usage.reduce((sum, policy) => sum + policy.unusedGrants, 0)
  const shown = usage.filter(
    ({ unusedGrants, selects, isolates, rules }) =>
      unusedGrants > 0 ||
      selects.length === 0 ||
      isolates.length === 0 ||
      rules.some(({ state }) => state === 'ignored'),
  )
  return [
    '',
    `${style.bold('grants')}: ${formatCount(unused)} of ${formatCount(grants)} in ${countOf(usage.length, 'policy', 'policies')} never used`,
    ...limited(shown, (policy) => [
      `  ${escapeText(usageText(policy))}`,
      ...policy.rules
        .filter(({ state }) => state !== 'used')
        .flatMap((rule) => ruleLines(rule, style)),
    ]),
  ]
}

/** Returns the lines of a rule: its state, and which of its grants are used and never used. */
function ruleLines(rule: RuleUsage, style: Style): readonly string[] {
  const paint = rule.state === 'used' ? style.green : style.yellow
  return [
    `    ${escapeText(ruleText(rule))}: ${paint(stateTexts[rule.state])}`,
    ...limited(rule.used, (grant) => [`      used: ${escapeText(usedText(grant))}`]),
    ...limited(rule.unused, (grants) => [`      never used: ${escapeText(unusedText(grants))}`]),
  ]
}

const heads = ['NAMESPACE', 'UNUSED', 'ALLOWED', 'USED', 'OPEN', 'OTHER PORTS', 'LARGEST UNUSED']

function overPermissionLines(
  overPermission: readonly OverPermission[],
  style: Style,
): readonly string[] {
  if (overPermission.length === 0) return []
  const unused = overPermission.reduce((sum, one) => sum + one.unused, 0)
  const head = heads.map((text, column): Cell => ({ text, paint: style.dim, ...align(column) }))
  const rows = overPermission.map(
    ({ namespace, unused: own, allowed, used, open, otherPorts, largest }): readonly Cell[] => [
      { text: namespace },
      ...[own, allowed, used, open, otherPorts].map(
        (count, index): Cell => ({ text: formatCount(count), ...align(index + 1) }),
      ),
      { text: largestText(largest) },
    ],
  )
  return [
    '',
    `${style.bold('over-permission')}: ${countOf(unused, 'connection')} between known pods that policies allow and nobody used`,
    ...table([head, ...rows]).map((line) => `  ${line}`),
  ]
}

function largestText(largest: OverPermission['largest']): string {
  const [first] = largest
  return first === undefined ? '' : `${first.from} -> ${first.to} ${first.port}`
}

function align(column: number): Pick<Cell, 'align'> {
  return column > 0 && column < heads.length - 1 ? { align: 'right' } : {}
}

function gateLines(gates: readonly Gate[], style: Style): readonly string[] {
  if (gates.length === 0) return []
  return [
    '',
    ...gates.map(({ gate, passed, message }) => {
      const verdict = passed ? style.green('passed') : style.red('failed')
      return `${style.bold(gate)} ${verdict}: ${escapeText(message)}`
    }),
  ]
}

function notReplayedLines(
  notReplayed: VerifyReport['notReplayed'],
  style: Style,
): readonly string[] {
  if (notReplayed.length === 0) return []
  const parts = notReplayed.map(
    ({ outcome, edges }) =>
      `${countOf(edges, 'edge')} ${outcome} (${outcomeTexts[outcome].phrase})`,
  )
  return ['', `${style.bold('not replayed')}: ${listText(parts)}`]
}
