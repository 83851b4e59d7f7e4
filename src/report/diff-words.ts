/** The words that every form of a diff shares. */
import type { Change, ObjectChange, PolicyDiff, Section } from '../diff/policy-diff.ts'
import { sections } from '../diff/policy-diff.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import { countOf } from './style.ts'

/** What a section is called, and what its changes are. */
export interface SectionWords {
  readonly title: string
  readonly meaning: string
  /** As it is counted: `2 would break`. */
  readonly short: string
}

/** The words of each section. */
export const sectionWords: Readonly<Record<Section, SectionWords>> = {
  breaks: {
    title: 'would break',
    meaning: 'no longer allowed, although it was seen',
    short: 'would break',
  },
  isolation: {
    title: 'isolation',
    meaning: 'pods that become isolated, or are no longer',
    short: 'isolation',
  },
  opens: { title: 'opens', meaning: 'newly allowed, and never seen', short: 'opened' },
  needed: { title: 'needed', meaning: 'newly allowed, as it was seen', short: 'needed' },
  tightens: {
    title: 'tightens',
    meaning: 'no longer allowed, and never seen',
    short: 'tightened',
  },
  future: {
    title: 'future pods',
    meaning: 'what differs for pods of a kind that does not exist yet',
    short: 'for future pods',
  },
}

/** Returns the changes of each section that has some, in the order in which they are shown. */
export function changesBySection(
  diff: PolicyDiff,
): readonly { readonly section: Section; readonly changes: readonly Change[] }[] {
  return sections
    .map((section) => ({
      section,
      changes: diff.changes.filter((change) => change.section === section),
    }))
    .filter(({ changes }) => changes.length > 0)
}

/** Tells whether a change is about the isolation of its pods as a whole: its ports name the direction. */
export function isTurn({ ports: [first] }: Change): boolean {
  return first === 'ingress' || first === 'egress'
}

/** What is said of a diff that could not look at every kind of pod that does not exist yet. */
export const truncatedText =
  'there are more kinds of pods that do not exist yet than could be compared: what is said of future pods is incomplete'

/** Returns the counts of a diff: `1 would break, 2 opened; 40 connections unchanged`. */
export function countsText(diff: PolicyDiff): string {
  const unchanged = `${countOf(diff.unchanged, 'connection')} unchanged`
  if (diff.same) {
    const what = diff.truncated === true ? 'found in what was compared' : 'in meaning'
    return `no difference ${what}; ${unchanged}`
  }
  const counts = changesBySection(diff).flatMap(({ section, changes }) =>
    section === 'isolation'
      ? isolationCounts(changes)
      : [`${changes.length} ${sectionWords[section].short}`],
  )
  const requests = diff.requests?.length ?? 0
  const narrowed = requests === 0 ? [] : [`${countOf(requests, 'port')} with other requests`]
  return `${[...counts, ...narrowed].join(', ')}; ${unchanged}`
}

/** Closing and opening must not look alike. */
function isolationCounts(changes: readonly Change[]): readonly string[] {
  const closed = changes.filter(({ effect }) => effect === 'narrows').length
  const opened = changes.length - closed
  return [
    ...(opened > 0 ? [`${countOf(opened, 'pod direction')} no longer isolated`] : []),
    ...(closed > 0 ? [`${countOf(closed, 'pod direction')} newly isolated`] : []),
  ]
}

/** Returns the counts of what becomes of objects: `1 created, 2 unchanged`; empty for no objects. */
export function objectCountsText(objects: readonly ObjectChange[]): string {
  return (['created', 'changed', 'deleted', 'unchanged'] as const)
    .map((action) => ({ action, count: objects.filter((item) => item.action === action).length }))
    .filter(({ count }) => count > 0)
    .map(({ action, count }) => `${count} ${action}`)
    .join(', ')
}

/** Returns a policy with its place: `shop/db (db.yaml:10)`. Not escaped. */
export function referenceText({ policy, at }: PolicyReference): string {
  return at === undefined ? policy : `${policy} (${at})`
}

/** Returns what the policies of the old set, and of the new one, have to do with a change. Empty lists are left out. */
export function roleTexts(
  change: Change,
): readonly { readonly role: string; readonly policies: readonly PolicyReference[] }[] {
  return rolesOf(change).filter(({ policies }) => policies.length > 0)
}

function rolesOf(change: Change): ReturnType<typeof roleTexts> {
  const { effect, old, new: fresh } = change
  if (isTurn(change)) {
    return [
      { role: 'was isolated by', policies: old },
      { role: 'isolated by', policies: fresh },
    ]
  }
  return effect === 'narrows'
    ? [
        { role: 'was allowed by', policies: old },
        { role: 'denied by', policies: fresh },
      ]
    : [
        { role: 'was denied by', policies: old },
        { role: 'allowed by', policies: fresh },
      ]
}

/** Returns what was seen of a change: `120 flows, last 2026-03-02T09:00:00.000Z`; empty when nothing was. */
export function evidenceText({ evidence }: Change): string {
  if (evidence === undefined) return ''
  const flows = countOf(evidence.flows, 'flow')
  return evidence.last === undefined ? flows : `${flows}, last ${evidence.last}`
}
