/** A replay as Markdown, made to be posted on a pull request: broken guard rails and what would be denied first, details folded. */
import type {
  DeniedEdge,
  Gate,
  OverPermission,
  PolicyUsage,
  VerifyReport,
} from '../diff/verify-report.ts'
import { confidencePart } from './confidence-text.ts'
import { referenceText } from './diff-words.ts'
import type { MarkdownPart } from './markdown-parts.ts'
import { code, fitParts, folded } from './markdown-parts.ts'
import { countOf, escapeMarkdown, formatCount } from './style.ts'
import {
  isolationText,
  nearMissText,
  resultText,
  ruleText,
  seenText,
  stateTexts,
  unusedText,
  usedText,
} from './verify-words.ts'
import { violationsToMarkdown } from './violations-text.ts'
import { zoneParts } from './zone-text.ts'

/** Grants that a cell names. */
const maxGrants = 10

/**
 * Returns a replay as GitHub-flavoured Markdown of bounded length. Text from outside is shown as it is and never acts as
 * Markdown, HTML or a mention.
 */
export function verifyToMarkdown(report: VerifyReport): string {
  const head = [
    violationsToMarkdown(report.violations ?? []),
    `### netweir: ${escapeMarkdown(resultText(report))}\n`,
    ...report.gates.map(gateLine),
  ].join('')
  return fitParts(head, [
    ...deniedPart(report.denied),
    ...usagePart(report.usage),
    ...overPermissionPart(report.overPermission),
    ...zoneParts(report.zones),
    ...confidencePart(report.confidence),
    ...notEvaluatedPart(report.notEvaluated),
  ])
}

/** Returns the part that names policies of other kinds. */
export function notEvaluatedPart(names: readonly string[]): readonly MarkdownPart[] {
  if (names.length === 0) return []
  const policies = countOf(names.length, 'policy', 'policies')
  return [
    {
      name: 'policies that are not evaluated',
      before: `\n<details><summary>not evaluated: ${policies} of other kinds</summary>\n\n`,
      rows: names.map((name) => `- ${code(name)}\n`),
      after: '\n</details>\n',
    },
  ]
}

/** Returns the table of what the rules of policies grant, and what of it was used. */
export function rulesPart(
  summary: string,
  isOpen: boolean,
  usage: readonly PolicyUsage[],
  isShown: (state: PolicyUsage['rules'][number]['state']) => boolean,
): MarkdownPart {
  return folded(
    'rules',
    summary,
    isOpen,
    ['policy', 'rule', 'state', 'used', 'never used'],
    usage.flatMap((policy) =>
      policy.rules
        .filter(({ state }) => isShown(state))
        .map((rule) => [
          code(referenceText(policy)),
          code(ruleText(rule)),
          stateTexts[rule.state],
          cell(rule.used.map(usedText)),
          cell(rule.unused.map(unusedText)),
        ]),
    ),
  )
}

function gateLine({ gate, passed, message }: Gate): string {
  return `\n**${gate}** ${passed ? 'passed' : 'failed'}: ${escapeMarkdown(message)}\n`
}

function deniedPart(denied: readonly DeniedEdge[]): readonly MarkdownPart[] {
  if (denied.length === 0) return []
  return [
    folded(
      'what would be denied',
      `would be denied (${formatCount(denied.length)}): seen, and not allowed`,
      true,
      ['from', 'to', 'port', 'seen', 'in the way', 'closest rule', 'id'],
      denied.map((edge) => [
        code(edge.from),
        code(edge.to),
        code(edge.port),
        escapeMarkdown(seenText(edge.evidence)),
        cell(edge.sides.map(isolationText)),
        cell(edge.sides.flatMap((side) => side.closest.slice(0, 1).map(nearMissText))),
        code(edge.id),
      ]),
    ),
  ]
}

function usagePart(usage: readonly PolicyUsage[]): readonly MarkdownPart[] {
  const unused = usage.reduce((sum, policy) => sum + policy.unusedGrants, 0)
  const isShown = (state: string): boolean => state !== 'used'
  if (!usage.some((policy) => policy.rules.some(({ state }) => isShown(state)))) return []
  return [rulesPart(`never used: ${countOf(unused, 'grant')}`, false, usage, isShown)]
}

function overPermissionPart(overPermission: readonly OverPermission[]): readonly MarkdownPart[] {
  const unused = overPermission.reduce((sum, one) => sum + one.unused, 0)
  if (overPermission.length === 0) return []
  return [
    folded(
      'namespaces',
      `over-permission: ${countOf(unused, 'connection')} that policies allow and nobody used`,
      false,
      ['namespace', 'unused', 'allowed', 'used', 'open', 'other ports', 'largest unused'],
      overPermission.map((one) => [
        code(one.namespace),
        ...[one.unused, one.allowed, one.used, one.open, one.otherPorts].map(formatCount),
        cell(
          one.largest.map(
            ({ from, to, port, connections }) =>
              `${from} -> ${to} ${port} (${formatCount(connections)})`,
          ),
        ),
      ]),
    ),
  ]
}

function cell(texts: readonly string[]): string {
  const more = texts.length - maxGrants
  return [
    ...texts.slice(0, maxGrants).map(code),
    ...(more > 0 ? [`and ${formatCount(more)} more`] : []),
  ].join('<br>')
}
