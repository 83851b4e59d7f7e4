/** What the commands take and give: the shapes that cross from the pipeline to the command line. */
import type { ConnectionQuestion } from '../diff/explain.ts'
import type { Explanation } from '../diff/explanation.ts'
import type { LintReport } from '../diff/lint-report.ts'
import type { PolicyDiff } from '../diff/policy-diff.ts'
import type { RailViolation } from '../diff/rail-violation.ts'
import type { Gate, VerifyReport } from '../diff/verify-report.ts'
import type { Location } from '../errors.ts'
import type { Report } from '../report/report-document.ts'
import type { MemberEvent } from '../source/kafka-client.ts'
import type { ClusterOptions } from '../source/kube-connection.ts'
import type { MemberReport } from '../source/member-health.ts'
import type { LiveOptions, SourceProgress } from '../source/source.ts'
import type { Finding, Synthesis, SynthesisOptions } from '../synthesis/synthesis.ts'
import type { CommunicationSet } from '../traffic/communication-set.ts'
import type { Traffic } from '../traffic/traffic.ts'

/** How far reading has come. */
export interface Progress extends SourceProgress {
  /** Records of all sources so far. */
  readonly records: number
  /** Different communications of all sources so far, addresses left aside. Absent while recording. */
  readonly edges?: number
}

/** What a run needs of the outside. */
export interface RunHost {
  readonly stdin: AsyncIterable<Uint8Array>
  /** Fires when the run is given up. */
  readonly signal: AbortSignal
  /** Fires when live sources are to stop reading, and the run goes on with what was read. Default: never. */
  readonly closed?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
  /** Called when all sources are read, and what they hold is about to be put together. */
  readonly onRead?: () => void
  /** Writes a file, which is then there as a whole, durably, or as it was. */
  readonly writeFile?: (path: string, text: string) => Promise<void>
}

/** How sources are read: files, directories, `-`, or live sources by their scheme. */
export interface LearnOptions extends LiveOptions {
  /** Fail with `FLOW_MALFORMED` at the first bad record instead of counting it. Default: no. */
  readonly strict?: boolean
  readonly clusterName?: string
  readonly learnAudit?: boolean
  readonly learnDenied?: boolean
  /** Kinds of requests that are kept of what proxies saw, without headers, queries and whatever may be secret. Default: none. */
  readonly l7?: readonly ('http' | 'dns')[]
  readonly nodeCidrs?: readonly string[]
  readonly serviceCidrs?: readonly string[]
  /** How long live sources are read, by the clock of this machine. Default: as long as they last. */
  readonly forMs?: number
  /** Go on where a live source stopped before its end, instead of failing with `SOURCE_LOST`. Default: no. */
  readonly allowPartial?: boolean
  /** Fail with `SOURCE_LOST` where a live source lost events, lacked nodes, or has gaps. Default: no. */
  readonly strictCompleteness?: boolean
  /** Threads that read large recordings. Default: as many as the machine can run at once, 8 at most. */
  readonly threads?: number
  /** Decode every record by itself, without the scanner: slower, and the same. Default: no. */
  readonly plain?: boolean
  /**
   * The file that keeps what was read of a Kafka source, and how far: a communication set with the positions that belong
   * to it. A run goes on there, and replaces it at its end. Needs {@link RunHost.writeFile}.
   */
  readonly state?: string
  /** Paths of manifests that say what the cluster contains, or `cluster` for the live one. */
  readonly inventory?: readonly string[]
  /** Which live cluster `cluster` means among paths of manifests. Default: the current context of kubectl. */
  readonly kubernetes?: ClusterOptions
}

/** How a process takes part in a group that learns together. */
export interface GroupOptions {
  readonly group: string
  /** The topic that holds what was learned. */
  readonly stateTopic: string
  /** Milliseconds between two flushes. Default: 10,000. */
  readonly flushMs?: number
  /** What was not seen for so many milliseconds is forgotten. Default: nothing is. */
  readonly windowMs?: number
  /** After how many milliseconds of silence a member is given up by its group. Default: 45,000. */
  readonly sessionTimeoutMs?: number
}

/** Which state topic is made, and how. */
export interface StateTopicOptions extends Pick<LiveOptions, 'tls' | 'kafka'> {
  readonly stateTopic: string
  /** Default: the broker's. */
  readonly replicationFactor?: number
}

/** The outside of a member, which tells how it is doing. */
export interface MemberHost extends RunHost {
  readonly onEvent?: (event: MemberEvent) => void
  /** Called after each flush that was due. */
  readonly onReport?: (report: MemberReport) => void
}

/** Paths of guard rails: policy-shaped files that say what must, and what must never, be possible. */
export interface RailOptions {
  readonly permit?: readonly string[]
  readonly forbid?: readonly string[]
}

/** Something about the input that a person should know: bad records, files that were passed over. */
export interface Notice {
  readonly message: string
  /** It is news, and nothing to be warned of. */
  readonly isNews?: boolean
  readonly location?: Location
}

/** What was read. */
export interface LearnResult {
  readonly set: CommunicationSet
  readonly traffic: Traffic
  readonly notices: readonly Notice[]
}

/** Choices of `generate` beyond reading. */
export interface GenerateOptions
  extends LearnOptions,
    RailOptions,
    Omit<SynthesisOptions, 'inventory' | 'existing' | 'nodeCidrs' | 'serviceCidrs'> {
  /** Paths of the policies that exist, or `cluster` for those of the live one. */
  readonly existing?: readonly string[]
}

/** What `generate` made: proven by the gate. */
export interface GenerateResult extends LearnResult {
  readonly synthesis: Synthesis
  readonly diff: PolicyDiff
  /** Where the policies break guard rails: then they must not be put in force. */
  readonly violations: readonly RailViolation[]
}

/** The outcome of `diff`. */
export interface DiffResult {
  readonly diff: PolicyDiff
  readonly findings: readonly Finding[]
  readonly notices: readonly Notice[]
  /** Where the new policies break guard rails. */
  readonly violations: readonly RailViolation[]
}

/** What `lint` may know of the cluster beside the policies. */
export interface LintOptions
  extends Pick<
    LearnOptions,
    'inventory' | 'kubernetes' | 'clusterName' | 'nodeCidrs' | 'serviceCidrs'
  > {
  /** Recorded flows or communication sets that show which pods there are. */
  readonly flows?: readonly string[]
  readonly podCidrs?: readonly string[]
}

/** The outcome of `lint`. */
export interface LintResult {
  readonly report: LintReport
  readonly notices: readonly Notice[]
}

/** How ends are sorted into zones, and what may cross between them. */
export interface ZoneOptions {
  /** Paths of files that name zones. */
  readonly zones?: readonly string[]
  /** Key of a label of pods or namespaces whose value is their zone. */
  readonly zoneLabel?: string
  /** Paths of files that say what may cross. */
  readonly approvals?: readonly string[]
  /** Fail where something crosses that nobody approved. Default: no. */
  readonly requireApproval?: boolean
  /** When approvals are judged, in milliseconds since the epoch. Default: the end of the recording. */
  readonly asOfMs?: number
}

/** Choices of `report` beyond those of `generate`. */
export interface ReportOptions extends GenerateOptions, ZoneOptions {
  /** The version of netweir, which the report names. */
  readonly version: string
}

/** The outcome of `report`. */
export interface ReportResult {
  readonly report: Report
  readonly traffic: Traffic
  readonly notices: readonly Notice[]
  /** Limits that were asked for. */
  readonly gates: readonly Gate[]
  /** True when every limit is met and no guard rail is broken. */
  readonly holds: boolean
}

/** Choices of `verify` beyond reading. */
export interface VerifyOptions extends LearnOptions, RailOptions, ZoneOptions {
  /** Paths of the policies that are replayed against. */
  readonly policies: readonly string[]
  /** Unused connections that each namespace may have. Default: any number. */
  readonly maxUnused?: number
  /** Percentage of the edges that must be covered. Default: none. */
  readonly minCoverage?: number
}

/** The outcome of `verify`. */
export interface VerifyResult {
  readonly report: VerifyReport
  readonly traffic: Traffic
  readonly notices: readonly Notice[]
}

/** Choices of `explain` beyond reading. */
export interface ExplainOptions extends LearnOptions {
  /** Paths of the policies that are asked about. */
  readonly policies: readonly string[]
  /** A connection, or a policy as `namespace/name`. */
  readonly question: ConnectionQuestion | { readonly policy: string }
}

/** The outcome of `explain`. */
export interface ExplainResult {
  readonly explanation: Explanation
  readonly notices: readonly Notice[]
}
