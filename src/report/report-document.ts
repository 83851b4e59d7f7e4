/** The report as a document: everything that its page shows, as data. */
import type { PolicyDiff } from '../diff/policy-diff.ts'
import type { RailViolation } from '../diff/rail-violation.ts'
import type { Coverage, OverPermission } from '../diff/verify-report.ts'
import type { Finding, Widening } from '../synthesis/synthesis.ts'
import type { Ledger } from '../traffic/communication-set.ts'
import type { Confidence } from '../traffic/confidence.ts'
import type { Crossing, ZoneReport } from '../traffic/zone-report.ts'
import type { Control, Measure } from './control-catalogue.ts'
import type { MapEdge, MapNode, ServiceMap } from './service-map.ts'
import type { SimulatedCoverage } from './simulated-coverage.ts'

/** Something that went into a report, and its digest. */
export interface ReportInput {
  readonly role: 'source' | 'inventory' | 'existing' | 'permit' | 'forbid' | 'zones' | 'approvals'
  /** As it was named, or the file of a directory. */
  readonly name: string
  /** Absent for standard input and live sources, of which the digest of the communication set speaks. */
  readonly bytes?: number
  /** Hexadecimal. */
  readonly sha256?: string
}

/** A workload of the report: a node of the map with what is known of it. */
export interface ReportWorkload extends MapNode {
  readonly workloads: readonly string[]
  /** Label sets, `key=value`, sorted. */
  readonly labels: readonly (readonly string[])[]
  /** `namespace/name` of the policies that select it. */
  readonly policies: readonly string[]
}

/** One policy in force if what was generated is applied. */
export interface ReportPolicy {
  readonly policy: string
  readonly origin: 'generated' | 'existing'
  readonly role: 'workload' | 'default-deny'
  /** Where an existing one stands. */
  readonly at?: string
  readonly sha256: string
  readonly yaml: string
}

/** What policies make of what was seen. */
export interface ReportCoverage {
  /** `proposed`: the generated policies with those of others; `existing`: those that were given. */
  readonly policies: 'proposed' | 'existing'
  readonly coverage: Coverage
  /** Edges that would be denied. */
  readonly denied: number
  readonly overPermission: readonly OverPermission[]
}

/** A namespace, and what closes it. */
export interface ReportNamespace {
  readonly namespace: string
  readonly workloads: number
  /** Workloads that a policy selects. */
  readonly covered: number
  readonly policies: number
  /** Directions that a default deny closes for all pods. */
  readonly defaultDeny: readonly ('ingress' | 'egress')[]
  /** Why its default deny was held back. */
  readonly heldBack: readonly string[]
}

/** One figure, by its name in words. */
export interface ReportFigure {
  readonly name: string
  readonly value: string
}

/** A control with the figures that speak to it. */
export interface ControlEvidence extends Omit<Control, 'measures'> {
  readonly measures: readonly Measure[]
  readonly figures: readonly ReportFigure[]
}

/** The document that `report` writes. */
export interface Report {
  readonly apiVersion: 'netweir/v1'
  readonly kind: 'Report'
  /** What it is not. */
  readonly notice: string
  readonly version: string
  readonly cluster: string
  readonly window: { readonly first?: string; readonly last?: string }
  readonly nodes: readonly string[]
  readonly inputs: readonly ReportInput[]
  /** Flags that shape the report, and name no input. */
  readonly flags: readonly ReportFigure[]
  /** SHA-256, hexadecimal, of the canonical bytes: of what was learned, and of the policies that would be in force. */
  readonly digests: { readonly communicationSet: string; readonly policySet: string }
  readonly ledger: Ledger
  readonly summary: readonly ReportFigure[]
  readonly namespaces: readonly ReportNamespace[]
  readonly workloads: readonly ReportWorkload[]
  /** All ends of edges, the workloads first; edges refer to them by position. */
  readonly ends: readonly MapNode[]
  readonly edges: readonly MapEdge[]
  readonly changes: ServiceMap['changes']
  readonly policies: readonly ReportPolicy[]
  readonly diff: PolicyDiff
  readonly coverage: readonly ReportCoverage[]
  readonly confidence: Confidence
  /** How often its bounds hold, as simulated. */
  readonly simulation: {
    /** Percent. */
    readonly nominal: number
    /** Edges of every recording that was made up. */
    readonly edges: number
    readonly coverage: readonly SimulatedCoverage[]
  }
  readonly zones?: ZoneReport
  readonly encryption: {
    /** Edges that were seen to pass, and how many of them some record says to be encrypted, or authenticated. */
    readonly edges: number
    readonly encrypted: number
    readonly authenticated: number
    /** What crosses zones on ports that usually carry clear text, and was not seen encrypted. */
    readonly clearText: readonly Crossing[]
  }
  readonly findings: readonly Finding[]
  readonly widenings: readonly Widening[]
  readonly violations: readonly RailViolation[]
  readonly catalogue: { readonly version: string; readonly controls: readonly ControlEvidence[] }
}
