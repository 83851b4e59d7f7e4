/** Pods whose egress is let through in part, and that cannot look up a name. */

import { namespaceNameLabel, toLabels } from '../labels.ts'
import { holdsNumber } from '../policy/interval.ts'
import { isResolver } from '../policy/label-keys.ts'
import type { PolicyPod } from '../policy/network-policy.ts'
import { namedStart, portPosition } from '../policy/port-line.ts'
import type { Universe } from '../policy/universe.ts'
import type { EndClass, View, ViewedRule } from './policy-views.ts'

/** Ports that name servers listen on: the usual one, and that of OpenShift's pods. */
const dnsPorts = [53, 5353]

/** Namespaces whose pods may be name servers whatever their labels are. */
const dnsNamespaces: ReadonlySet<string> = new Set(['kube-system', 'openshift-dns'])

/** Name servers as clusters have them, for where none is known. */
export const usualResolvers: readonly PolicyPod[] = [
  usualResolver('kube-system', 'k8s-app', 'kube-dns'),
  usualResolver('openshift-dns', 'dns.operator.openshift.io/daemonset-dns', 'default'),
]

/** One policy whose pods cannot look up names. */
export interface MissingDns {
  readonly policy: number
  /** A pod that it selects, in words. */
  readonly subject: string
}

/**
 * Returns the policies with egress rules that leave a pod without a name server, each with the pod that the fewest
 * policies select. A pod that may reach nothing at all needs no names. A resolver outside the pods counts when a rule
 * names its port: whoever opens every port of the internet has not thought of the name servers of the cluster.
 */
export function findMissingDns(
  views: readonly View[],
  universe: Universe,
  resolvers: readonly number[],
): readonly MissingDns[] {
  const servers = new Set(resolvers)
  const found = new Map<number, View>()
  for (const view of views) {
    if (view.direction !== 'egress' || view.rules.length === 0) continue
    if (view.classes.some((ends) => servesDns(ends, universe, servers))) continue
    for (const { policy } of view.rules) {
      const known = found.get(policy)
      if (known === undefined || view.policies.length < known.policies.length) {
        found.set(policy, view)
      }
    }
  }
  return [...found].map(([policy, { subject }]) => {
    const end = universe.ends[subject]
    return { policy, subject: end?.kind === 'pod' ? end.name : '' }
  })
}

function servesDns(ends: EndClass, universe: Universe, servers: ReadonlySet<number>): boolean {
  const hasServer = ends.ends.some((id) => isServer(universe, id, servers))
  const answers = ends.rules.filter((rule) => hasDnsPort(ends, rule, universe))
  return answers.some(
    (rule) => hasServer || (ends.ends.some(isOther(universe)) && isExplicit(rule)),
  )
}

function isServer(universe: Universe, id: number, servers: ReadonlySet<number>): boolean {
  if (servers.has(id)) return true
  const end = universe.ends[id]
  if (end?.kind === 'outside') return end.cell.witness.startsWith('169.254.')
  return end?.kind === 'pod' && (isResolver(end.pod.labels) || dnsNamespaces.has(end.pod.namespace))
}

function isOther(universe: Universe): (id: number) => boolean {
  return (id) => universe.ends[id]?.kind !== 'pod'
}

function hasDnsPort(ends: EndClass, rule: ViewedRule, universe: Universe): boolean {
  const ports = ends.portsOf(rule)
  return (
    dnsPorts.some((port) => holdsNumber(ports, portPosition('UDP', port))) ||
    universe.portNames.some(
      (name, index) => name.endsWith('/UDP') && holdsNumber(ports, namedStart + index),
    )
  )
}

function isExplicit({ compiled }: ViewedRule): boolean {
  return (compiled.ports ?? []).some(({ port }) => port !== undefined)
}

function usualResolver(namespace: string, key: string, value: string): PolicyPod {
  return {
    kind: 'pod',
    namespace,
    namespaceLabels: toLabels([[namespaceNameLabel, namespace]]),
    labels: toLabels([[key, value]]),
  }
}
