/** What becomes of each object, and which of its rules differ. */
import type { Location } from '../errors.ts'
import type { Labels } from '../labels.ts'
import { labelTexts } from '../labels.ts'
import { canonicalPolicy } from '../policy/canonical.ts'
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import { renderPolicy } from '../policy/render.ts'
import type { ObjectChange } from './policy-diff.ts'

/**
 * Returns one entry for each object of either set, sorted by namespace and name. Objects that are created or deleted
 * have no rules listed: all of them would be.
 */
export function compareObjects(
  old: readonly LocatedPolicy<NetworkPolicy>[],
  fresh: readonly LocatedPolicy<NetworkPolicy>[],
): readonly ObjectChange[] {
  const before = byName(old)
  const after = byName(fresh)
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((policy) => objectChange(policy, before.get(policy), after.get(policy)))
}

function byName(
  policies: readonly LocatedPolicy<NetworkPolicy>[],
): ReadonlyMap<string, LocatedPolicy<NetworkPolicy>> {
  return new Map(
    policies.map((located) => {
      const { namespace, name } = located.policy.metadata
      return [`${namespace}/${name}`, located]
    }),
  )
}

function objectChange(
  policy: string,
  before: LocatedPolicy<NetworkPolicy> | undefined,
  after: LocatedPolicy<NetworkPolicy> | undefined,
): ObjectChange {
  const at = placeOf(before?.location ?? after?.location)
  const place = at === undefined ? {} : { at }
  if (before === undefined) return { policy, action: 'created', ...place, rules: [] }
  if (after === undefined) return { policy, action: 'deleted', ...place, rules: [] }
  const rules = differingLines(canonicalPolicy(before.policy), canonicalPolicy(after.policy))
  return { policy, action: rules.length === 0 ? 'unchanged' : 'changed', ...place, rules }
}

function placeOf(location: Location | undefined): string | undefined {
  if (location === undefined || location.file === '') return undefined
  return location.line === undefined ? location.file : `${location.file}:${location.line}`
}

function differingLines(before: NetworkPolicy, after: NetworkPolicy): readonly string[] {
  const old = piecesOf(before)
  const fresh = piecesOf(after)
  return Object.keys(old).flatMap((member) => {
    const removed = without(old[member], fresh[member]).map((piece) => marked('-', piece))
    const added = without(fresh[member], old[member]).map((piece) => marked('+', piece))
    const lines = [...removed, ...added].flat()
    return lines.length === 0 ? [] : [`${member}:`, ...lines]
  })
}

/** The members of a policy that may differ, each as the pieces of YAML that it consists of. */
function piecesOf({ metadata, spec }: NetworkPolicy): Readonly<Record<string, readonly string[]>> {
  const { ingress = [], egress = [], podSelector, policyTypes = [] } = spec
  return {
    labels: mapPieces(metadata.labels),
    annotations: mapPieces(metadata.annotations),
    podSelector: [memberYaml({ podSelector }, 'podSelector')],
    policyTypes: policyTypes.map((type) => `- ${type}`),
    ingress: ingress.map((rule) => memberYaml({ podSelector: {}, ingress: [rule] }, 'ingress')),
    egress: egress.map((rule) => memberYaml({ podSelector: {}, egress: [rule] }, 'egress')),
  }
}

function mapPieces(labels: Labels = {}): readonly string[] {
  return labelTexts(labels).map((text) => JSON.stringify(text))
}

/** Returns the YAML of one member of a spec as it stands in a rendered policy, without the indentation. */
function memberYaml(spec: NetworkPolicy['spec'], member: string): string {
  const text = renderPolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'piece', namespace: 'piece' },
    spec,
  })
  const lines = text.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`  ${member}:`))
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => !line.startsWith('    '))
  const inline = (lines[start] ?? '').slice(`  ${member}:`.length).trim()
  const body = rest.slice(0, end < 0 ? rest.length : end).map((line) => line.slice(4))
  return inline === '' ? body.join('\n') : inline
}

function without(
  pieces: readonly string[] = [],
  others: readonly string[] = [],
): readonly string[] {
  return pieces.filter((piece) => !others.includes(piece))
}

function marked(sign: '+' | '-', piece: string): readonly string[] {
  return piece.split('\n').map((line) => `${sign} ${line}`)
}
