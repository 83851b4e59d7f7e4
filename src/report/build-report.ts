/** Puts a report together from what a run found. */
import type { PolicyDiff } from '../diff/policy-diff.ts'
import type { RailViolation } from '../diff/rail-violation.ts'
import { labelTexts } from '../labels.ts'
import { closedDirections, closesOnly } from '../policy/closed-directions.ts'
import type { LocatedPolicy, Policy } from '../policy/network-policy.ts'
import { policyName } from '../policy/plain-rule.ts'
import { renderPolicy } from '../policy/render.ts'
import type { Synthesis } from '../synthesis/synthesis.ts'
import type { Traffic } from '../traffic/traffic.ts'
import type { ZoneReport } from '../traffic/zone-report.ts'
import { isClear } from '../traffic/zone-report.ts'
import { catalogueVersion, controls } from './control-catalogue.ts'
import type {
  Report,
  ReportCoverage,
  ReportFigure,
  ReportInput,
  ReportNamespace,
  ReportPolicy,
  ReportWorkload,
} from './report-document.ts'
import { figuresOf, summaryOf } from './report-figures.ts'
import type { ServiceMap } from './service-map.ts'
import { isPassing } from './service-map.ts'
import { nominalCoverage, simulatedCoverage, simulatedEdges } from './simulated-coverage.ts'

/** What a run found. */
export interface ReportParts {
  readonly version: string
  readonly traffic: Traffic
  readonly synthesis: Synthesis
  readonly diff: PolicyDiff
  /** Policies that would be in force. */
  readonly inForce: readonly LocatedPolicy[]
  /** Names of those that select each class, by its position. */
  readonly selectedBy: (classId: number) => readonly string[]
  readonly map: ServiceMap
  readonly coverage: readonly ReportCoverage[]
  readonly zones: ZoneReport | undefined
  readonly violations: readonly RailViolation[]
  readonly inputs: readonly ReportInput[]
  readonly flags: readonly ReportFigure[]
  readonly communicationSet: string
  /** Returns the SHA-256 of a text in hexadecimal. */
  readonly sha256: (text: string) => string
}

const notice =
  'This report says what was measured in a recording of network flows, and what network policies make of it. It does not assess compliance, and no figure in it is a finding of compliance or of its absence.'

/** Returns the report; the same parts give the same report. */
export function buildReport(parts: ReportParts): Report {
  const { traffic, synthesis, map, zones } = parts
  const policies = policiesOf(parts)
  const workloads = workloadsOf(parts)
  const passing = map.edges.filter(isPassing)
  const { firstMs, lastMs } = traffic.window
  const measured = {
    ledger: traffic.ledger,
    namespaces: namespacesOf(parts, workloads),
    workloads,
    ends: map.nodes,
    edges: map.edges,
    changes: map.changes,
    policies,
    diff: parts.diff,
    coverage: parts.coverage,
    confidence: synthesis.confidence,
    simulation: {
      nominal: nominalCoverage,
      edges: simulatedEdges,
      coverage: simulatedCoverage,
    },
    ...(zones === undefined ? {} : { zones }),
    encryption: {
      edges: passing.length,
      encrypted: passing.filter(({ encrypted }) => encrypted !== undefined).length,
      authenticated: passing.filter(({ authenticated }) => authenticated !== undefined).length,
      clearText: (zones?.crossings ?? []).filter(isClear),
    },
    findings: synthesis.findings,
    widenings: synthesis.widenings,
    violations: parts.violations,
  }
  return {
    apiVersion: 'netweir/v1',
    kind: 'Report',
    notice,
    version: parts.version,
    cluster: traffic.cluster,
    window: {
      ...(firstMs === undefined ? {} : { first: new Date(firstMs).toISOString() }),
      ...(lastMs === undefined ? {} : { last: new Date(lastMs).toISOString() }),
    },
    nodes: traffic.nodes,
    inputs: parts.inputs,
    flags: parts.flags,
    digests: {
      communicationSet: parts.sha256(parts.communicationSet),
      policySet: parts.sha256(policies.map(({ yaml }) => yaml).join('---\n')),
    },
    summary: summaryOf(measured),
    ...measured,
    catalogue: {
      version: catalogueVersion,
      controls: controls.map((control) => ({ ...control, figures: figuresOf(control, measured) })),
    },
  }
}

function policiesOf({ inForce, sha256 }: ReportParts): readonly ReportPolicy[] {
  const policies = inForce.map(({ policy, location }): ReportPolicy => {
    const yaml = renderPolicy(policy)
    const { file, line } = location
    return {
      policy: policyName(policy),
      origin: file === '' ? 'generated' : 'existing',
      role: closesOnly(policy) ? 'default-deny' : 'workload',
      ...(file === '' ? {} : { at: line === undefined ? file : `${file}:${line}` }),
      sha256: sha256(yaml),
      yaml,
    }
  })
  const key = ({ policy, at = '', yaml }: ReportPolicy): string =>
    JSON.stringify([policy, at, yaml])
  return policies.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
}

function workloadsOf({
  traffic,
  synthesis,
  map,
  selectedBy,
}: ReportParts): readonly ReportWorkload[] {
  const groups = new Map(synthesis.groups.map((group) => [group.name, group]))
  return map.nodes.flatMap((node): readonly ReportWorkload[] => {
    const group = node.kind === 'workload' ? groups.get(node.name) : undefined
    if (group === undefined) return []
    const labels = group.classes.flatMap((id) => {
      const known = traffic.classes[id]
      return known === undefined ? [] : [labelTexts(known.labels)]
    })
    return [
      {
        ...node,
        workloads: group.workloads.map(({ kind, name }) => `${kind} ${name}`),
        labels,
        policies: [...new Set(group.classes.flatMap(selectedBy))].sort(),
      },
    ]
  })
}

function namespacesOf(
  { traffic, synthesis, inForce }: ReportParts,
  workloads: readonly ReportWorkload[],
): readonly ReportNamespace[] {
  const names = [
    ...new Set([
      ...traffic.classes.map(({ namespace }) => namespace),
      ...Object.keys(traffic.namespaces),
    ]),
  ].sort()
  const byNamespace = new Map<string, Policy[]>()
  for (const { policy } of inForce) {
    const { namespace } = policy.metadata
    const list = byNamespace.get(namespace) ?? []
    byNamespace.set(namespace, list)
    list.push(policy)
  }
  const clusterwide = byNamespace.get('') ?? []
  return names.map((namespace) => {
    const own = workloads.filter((workload) => workload.namespace === namespace)
    const policies = byNamespace.get(namespace) ?? []
    const labels = traffic.namespaces[namespace] ?? {}
    const closed = new Set(
      [...policies, ...clusterwide].flatMap((policy) =>
        closedDirections(policy, namespace, labels),
      ),
    )
    return {
      namespace,
      workloads: own.length,
      covered: own.filter((workload) => workload.policies.length > 0).length,
      policies: policies.length,
      defaultDeny: (['ingress', 'egress'] as const).filter((direction) => closed.has(direction)),
      heldBack: synthesis.heldBack
        .filter((held) => held.namespace === namespace)
        .flatMap(({ reasons }) => reasons),
    }
  })
}
