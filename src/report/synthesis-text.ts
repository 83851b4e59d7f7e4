/** What synthesis made, in a few lines: policies, default denies, widenings, findings, stale grants. */
import { namespaceDeny } from '../policy/namespace-deny.ts'
import type { Finding, Synthesis, Widening } from '../synthesis/synthesis.ts'
import type { ListLimit, Style } from './style.ts'
import { countOf, escapeText, formatCount, limited } from './style.ts'

/** Findings of one severity, or widenings, that are listed before the rest is only counted. */
const listLimit: ListLimit = { most: 50, hint: '' }

/** Policies that a line names. */
const maxPolicies = 3

/** Returns what a person must decide or cannot have, each with the way out: what the output does not say exactly. */
export function actionLines({ findings }: Synthesis, style: Style): readonly string[] {
  const actions = findings.filter(({ severity }) => severity === 'action')
  if (actions.length === 0) return []
  return [
    `${style.red(style.bold('needs a decision'))} (${formatCount(actions.length)}):`,
    ...limited(mergeAlike(actions), (finding) => findingLines(finding, style.red), listLimit),
  ]
}

/** Returns what was made and what was widened on purpose. */
export function synthesisLines(synthesis: Synthesis, style: Style): readonly string[] {
  return [
    policiesLine(synthesis),
    ...defaultDenyLines(synthesis, style),
    ...wideningLines(synthesis.widenings, style),
    ...warningLines(synthesis.findings, style),
    ...staleLines(synthesis, style),
  ]
}

function policiesLine({ policies, groups }: Synthesis): string {
  const workloads = policies.filter(({ role }) => role === 'workload').length
  const subjects = new Set(policies.flatMap(({ group }) => group ?? [])).size
  return `${countOf(workloads, 'policy', 'policies')} for ${formatCount(subjects)} of ${countOf(groups.length, 'group')}`
}

/** A namespace that a finding explains is not explained twice. */
function defaultDenyLines(
  { policies, heldBack, findings }: Synthesis,
  style: Style,
): readonly string[] {
  const explained = new Set(
    findings.filter(({ code }) => code === 'DEFAULT_DENY_HELD').map(({ subject }) => subject),
  )
  const emitted = policies
    .filter(({ role }) => role === 'default-deny')
    .flatMap(({ policy }) => namespaceDeny(policy)?.namespaces ?? [])
    .sort()
  return [
    ...(emitted.length === 0 ? [] : [`default deny for ${escapeText(emitted.join(', '))}`]),
    ...heldBack.map(({ namespace, reasons }) => {
      const isExplained = explained.has(`namespace ${namespace}`)
      const text = isExplained ? namespace : `${namespace}: ${reasons.join('; ')}`
      return `${style.yellow('default deny held back')} for ${escapeText(text)}`
    }),
  ]
}

/** Widenings that differ in their policy alone are one line: every group may reach the resolvers. */
function wideningLines(widenings: readonly Widening[], style: Style): readonly string[] {
  const alike = new Map<string, { readonly first: Widening; readonly policies: Set<string> }>()
  for (const widening of widenings) {
    const { reason, direction, peer, ports, size } = widening
    const key = JSON.stringify([reason, direction, peer, ports, size])
    const known = alike.get(key) ?? { first: widening, policies: new Set<string>() }
    known.policies.add(widening.policy)
    alike.set(key, known)
  }
  if (alike.size === 0) return []
  return [
    `${style.yellow('widened on purpose')} (${formatCount(alike.size)}):`,
    ...limited(
      [...alike.values()],
      ({ first, policies }) => [
        `  ${first.reason}: ${escapeText(wideningText(first, [...policies]))}`,
      ],
      listLimit,
    ),
  ]
}

function wideningText(widening: Widening, policies: readonly string[]): string {
  const { direction, peer, ports, size } = widening
  const more = policies.length - maxPolicies
  const shown = policies.slice(0, maxPolicies).join(', ')
  const names = more > 0 ? `${shown} and ${countOf(more, 'more policy', 'more policies')}` : shown
  const preposition = direction === 'ingress' ? 'from' : 'to'
  const where = ports.length > 0 ? ` on ${ports.join(', ')}` : ''
  return `${names}: ${direction} ${preposition} ${peer}${where} (${size})`
}

function warningLines(findings: readonly Finding[], style: Style): readonly string[] {
  const warnings = findings.filter(({ severity }) => severity === 'warning')
  const infos = findings.filter(({ severity }) => severity === 'info')
  return [
    ...(warnings.length === 0
      ? []
      : [
          `${style.yellow('warnings')} (${formatCount(warnings.length)}):`,
          ...limited(
            mergeAlike(warnings),
            (finding) => findingLines(finding, style.yellow),
            listLimit,
          ),
        ]),
    ...(infos.length === 0
      ? []
      : [
          `${style.cyan('notes')} (${formatCount(infos.length)}):`,
          ...limited(mergeAlike(infos), (finding) => findingLines(finding, style.cyan), listLimit),
        ]),
  ]
}

/** Findings that differ in their subject alone are one line with all their subjects. */
function mergeAlike(findings: readonly Finding[]): readonly Finding[] {
  const alike = new Map<string, { readonly first: Finding; readonly subjects: string[] }>()
  for (const finding of findings) {
    const key = JSON.stringify([finding.code, finding.message, finding.hint])
    const known = alike.get(key) ?? { first: finding, subjects: [] }
    known.subjects.push(finding.subject)
    alike.set(key, known)
  }
  return [...alike.values()].map(({ first, subjects }) => {
    const more = subjects.length - maxPolicies
    const shown = subjects.slice(0, maxPolicies).join('; ')
    return { ...first, subject: more > 0 ? `${shown}; and ${formatCount(more)} more` : shown }
  })
}

function findingLines(
  { code, subject, message, hint }: Finding,
  paint: (text: string) => string,
): readonly string[] {
  return [
    `  ${paint(escapeText(code))} ${escapeText(`${subject}: ${message}`)}`,
    ...(hint === '' ? [] : [`    hint: ${escapeText(hint)}`]),
  ]
}

function staleLines({ stale, deleted }: Synthesis, style: Style): readonly string[] {
  const kept = stale.filter((grant) => grant.kept).length
  const removed = stale.length - kept
  return [
    ...(kept === 0
      ? []
      : [`${style.yellow('stale')}: ${countOf(kept, 'grant')} that this traffic lacks kept`]),
    ...(removed === 0 ? [] : [`${style.yellow('pruned')}: ${countOf(removed, 'stale grant')}`]),
    ...(deleted.length === 0
      ? []
      : [`${style.yellow('deleted')}: ${escapeText(deleted.join(', '))}`]),
  ]
}
