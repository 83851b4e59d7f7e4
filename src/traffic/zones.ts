/** Sensitivity zones: which workloads, addresses and entities belong together by what their data is worth. */
import { parseAddress, parsePrefix, prefixHolds } from '../ip.ts'
import type { Labels } from '../labels.ts'
import type { EdgeEnd, Traffic, TrafficClass } from './traffic.ts'

/** Zones of what nobody classified. */
export const impliedZones = {
  /** Pods that no rule and no label classifies. */
  pods: 'unclassified',
  /** Addresses outside, and other clusters. */
  outside: 'outside',
  /** Nodes, the API server, and other entities. */
  entities: 'platform',
} as const

/** One zone: whatever meets one of its lists belongs to it. */
export interface ZoneRule {
  readonly name: string
  readonly description?: string
  readonly namespaces: readonly string[]
  /** `namespace/workload`. */
  readonly workloads: readonly string[]
  /** Pods that have all of these labels. */
  readonly labels?: Labels
  /** Prefixes of addresses outside. */
  readonly addresses: readonly string[]
}

/** How ends are classified. The first rule that fits wins, then the label of the pod, then that of its namespace. */
export interface ZoneRules {
  /** Key of a label whose value is the zone. */
  readonly label?: string
  /** Zone of pods that nothing classifies. Default: {@link impliedZones.pods}. */
  readonly fallback?: string
  readonly zones: readonly ZoneRule[]
}

/** Returns a look-up of the zone of every end of a traffic. */
export function createZoneOf(traffic: Traffic, rules: ZoneRules): (end: EdgeEnd) => string {
  const classZones = traffic.classes.map((known) => zoneOfClass(known, traffic, rules))
  const prefixes = rules.zones.flatMap(({ name, addresses }) =>
    addresses.flatMap((text) => {
      const prefix = parsePrefix(text)
      return prefix === undefined ? [] : [{ name, prefix }]
    }),
  )
  const ofAddress = (text: string): string => {
    // A folded prefix lies in a zone when its first address does, and it is no wider.
    const prefix = parsePrefix(text)
    const place = prefix ?? parseAddress(text)
    if (place === undefined) return impliedZones.outside
    const length = prefix?.length ?? place.width
    const found = prefixes.find(
      (zone) => length >= zone.prefix.length && prefixHolds(zone.prefix, place),
    )
    return found?.name ?? impliedZones.outside
  }
  const ofNamespace = (namespace: string): string =>
    rules.zones.find(({ namespaces }) => namespaces.includes(namespace))?.name ??
    namespaceZone(namespace, traffic, rules) ??
    rules.fallback ??
    impliedZones.pods
  return (end) => {
    switch (end.kind) {
      case 'class':
        return classZones[end.class] ?? impliedZones.pods
      case 'address':
        return ofAddress(end.address)
      case 'entity':
        return impliedZones.entities
      case 'unresolved':
        return ofNamespace(end.namespace)
      case 'remote':
        return impliedZones.outside
    }
  }
}

function zoneOfClass(known: TrafficClass, traffic: Traffic, rules: ZoneRules): string {
  const named = rules.zones.find((rule) => isInZone(known, rule))
  if (named !== undefined) return named.name
  const { label } = rules
  const ofPod = label === undefined ? undefined : labelValue(known.labels, label)
  const ofNamespace = namespaceZone(known.namespace, traffic, rules)
  return ofPod ?? ofNamespace ?? rules.fallback ?? impliedZones.pods
}

/** Returns the zone that the label of a namespace says. */
function namespaceZone(
  namespace: string,
  { namespaces }: Traffic,
  { label }: ZoneRules,
): string | undefined {
  const labels = Object.hasOwn(namespaces, namespace) ? namespaces[namespace] : undefined
  return label === undefined || labels === undefined ? undefined : labelValue(labels, label)
}

/**
 * Returns the namespaces, workloads and labels of a rule that nothing meets of what was seen or is known, as
 * `namespace patient`: what is misspelt classifies nothing, and says nothing.
 */
export function unmetBy(rule: ZoneRule, { classes, edges }: Traffic): readonly string[] {
  const namespaces = new Set(classes.map(({ namespace }) => namespace))
  for (const { from, to } of edges) {
    for (const end of [from, to]) if (end.kind === 'unresolved') namespaces.add(end.namespace)
  }
  const isMet = (part: Partial<ZoneRule>): boolean =>
    classes.some((known) =>
      isInZone(known, { name: rule.name, namespaces: [], workloads: [], addresses: [], ...part }),
    )
  const { labels = {} } = rule
  const labelText = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return [
    ...rule.namespaces.filter((one) => !namespaces.has(one)).map((one) => `namespace ${one}`),
    ...rule.workloads.filter((one) => !isMet({ workloads: [one] })).map((one) => `workload ${one}`),
    ...(labelText.length === 0 || isMet({ labels }) ? [] : [`labels ${labelText.join(', ')}`]),
  ]
}

function isInZone(known: TrafficClass, rule: ZoneRule): boolean {
  const { namespace, labels, workloads } = known
  const wanted = Object.entries(rule.labels ?? {})
  return (
    rule.namespaces.includes(namespace) ||
    workloads.some(({ name }) => rule.workloads.includes(`${namespace}/${name}`)) ||
    (wanted.length > 0 && wanted.every(([key, value]) => labelValue(labels, key) === value))
  )
}

function labelValue(labels: Labels, key: string): string | undefined {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  return value === '' ? undefined : value
}
