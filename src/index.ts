/** The public API of netweir: what a program imports, and all that the command line itself uses. */

export { diffPolicies } from './diff/diff-policies.ts'
export type { EndQuery } from './diff/end-query.ts'
export { parseEndQuery } from './diff/end-query.ts'
export type { ConnectionQuestion } from './diff/explain.ts'
export type {
  Answer,
  Explanation,
  PathSide,
  Question,
} from './diff/explanation.ts'
export { lintPolicies } from './diff/lint.ts'
export type { LintCode, LintFinding, LintReport, LintSeverity } from './diff/lint-report.ts'
export { hasFindings, lintCodes, lintRules, lintSeverities } from './diff/lint-report.ts'
export type {
  Change,
  ObjectChange,
  PolicyDiff,
  Section,
} from './diff/policy-diff.ts'
export { sections } from './diff/policy-diff.ts'
export type { GuardedDiff, RailKind, RailViolation } from './diff/rail-violation.ts'
export type {
  Coverage,
  CoveredShare,
  DeniedEdge,
  DeniedSide,
  FlowEvidence,
  Gate,
  NearMiss,
  OverPermission,
  PolicyUsage,
  RuleReference,
  RuleUsage,
  SeenEdge,
  UnusedConnections,
  UnusedGrants,
  UsedGrant,
  VerifyReport,
} from './diff/verify-report.ts'
export type { ErrorCode, ErrorDetails, FailureExitCode, Location, Problem } from './errors.ts'
export { errorCodes, exitCodeOf, NetweirError } from './errors.ts'
export type { Entity, Outcome, Protocol, Side, Strength, VerdictKind } from './flow/flow.ts'
export { entities, outcomes, protocols } from './flow/flow.ts'
export type { Prefix } from './ip.ts'
export { formatPrefix, parsePrefix } from './ip.ts'
export type { Labels } from './labels.ts'
export { toLabels } from './labels.ts'
export { diff, diffSets } from './pipeline/diff.ts'
export { explain } from './pipeline/explain.ts'
export { generate } from './pipeline/generate.ts'
export { learn, merge } from './pipeline/learn.ts'
export type { MemberResult } from './pipeline/learn-together.ts'
export { initStateTopic, learnTogether } from './pipeline/learn-together.ts'
export { lint } from './pipeline/lint.ts'
export type {
  DiffResult,
  ExplainOptions,
  ExplainResult,
  GenerateOptions,
  GenerateResult,
  GroupOptions,
  LearnOptions,
  LearnResult,
  LintOptions,
  LintResult,
  MemberHost,
  Notice,
  Progress,
  RailOptions,
  ReportOptions,
  ReportResult,
  RunHost,
  StateTopicOptions,
  VerifyOptions,
  VerifyResult,
  ZoneOptions,
} from './pipeline/pipeline.ts'
export type { RecordOptions, RecordResult } from './pipeline/record.ts'
export { record } from './pipeline/record.ts'
export { graph, readPageParts, report } from './pipeline/report.ts'
export { verify } from './pipeline/verify.ts'
export type {
  CiliumEgressRule,
  CiliumIngressRule,
  CiliumPolicy,
  CiliumSpec,
} from './policy/cilium-policy.ts'
export { evaluate } from './policy/evaluate.ts'
export type {
  EgressRule,
  IngressRule,
  IpBlock,
  LabelSelector,
  LabelSelectorRequirement,
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
  ObjectMeta,
  Policy,
  PolicyEndpoint,
  PolicyService,
  PolicyType,
  PortProtocol,
} from './policy/network-policy.ts'
export { isManaged, managedBy, managedByLabel } from './policy/network-policy.ts'
export type { PolicyReference } from './policy/policy-reference.ts'
export { renderList, renderPolicies, renderPolicy } from './policy/render.ts'
export { isRecordingName } from './recording/recording-file.ts'
export { diffToMarkdown } from './report/diff-markdown.ts'
export { diffToJson, diffToText } from './report/diff-text.ts'
export { errorToText, placeText } from './report/errors-text.ts'
export { explanationToMarkdown } from './report/explain-markdown.ts'
export { explanationToJson, explanationToText } from './report/explain-text.ts'
export type { GraphDocument, GraphLevel } from './report/graph-text.ts'
export {
  graphLevels,
  graphOf,
  graphToDot,
  graphToJson,
  graphToMermaid,
} from './report/graph-text.ts'
export { lintToJson, lintToMarkdown, lintToText } from './report/lint-text.ts'
export { memberToText } from './report/member-text.ts'
export type { Report } from './report/report-document.ts'
export { reportToHtml } from './report/report-html.ts'
export { reportToJson, reportToMarkdown } from './report/report-markdown.ts'
export type { MapEdge, MapNode, ServiceMap } from './report/service-map.ts'
export { trafficToText } from './report/set-text.ts'
export type { Style } from './report/style.ts'
export { createStyle, escapeText } from './report/style.ts'
export { summaryToText } from './report/summary.ts'
export { verifyToMarkdown } from './report/verify-markdown.ts'
export { verifyToJson, verifyToText } from './report/verify-text.ts'
export { violationsToMarkdown, violationsToText } from './report/violations-text.ts'
export { liveCluster } from './source/cluster-resources.ts'
export type { KafkaOptions } from './source/kafka.ts'
export type { KafkaLogin } from './source/kafka-address.ts'
export type { MemberEvent } from './source/kafka-client.ts'
export type { ClusterOptions } from './source/kube-connection.ts'
export type { MemberReport, PartitionLag } from './source/member-health.ts'
export type { LiveOptions, LiveProgress, SourceProgress, TlsOptions } from './source/source.ts'
export { isLiveSource } from './source/source.ts'
export type { StateTopic } from './source/state-topic.ts'
export type {
  Finding,
  FindingCode,
  GeneratedPolicy,
  Grant,
  GrantPeer,
  Group,
  StaleGrant,
  Synthesis,
  SynthesisOptions,
  Widening,
  WideningReason,
} from './synthesis/synthesis.ts'
export { findingCodes, wideningReasons } from './synthesis/synthesis.ts'
export type {
  CellRecord,
  ClassRecord,
  CommunicationRecord,
  CommunicationSet,
  EndRecord,
  Ledger,
  NodeRecord,
  PendingRecord,
  PodRecord,
} from './traffic/communication-set.ts'
export { blockMs } from './traffic/communication-set.ts'
export type {
  Confidence,
  ConfidenceGap,
  DirectionConfidence,
  GroupConfidence,
  Verdict,
} from './traffic/confidence.ts'
export { confidenceGaps, confidenceOf, confidenceTargets, verdicts } from './traffic/confidence.ts'
export type { Inventory, WorkloadRef } from './traffic/inventory.ts'
export { setBytes } from './traffic/set-bytes.ts'
export { decodeSet, emptySet, encodeSet, mergeSets } from './traffic/set-document.ts'
export type {
  Edge,
  EdgeEnd,
  Evidence,
  ReadOutOptions,
  Traffic,
  TrafficClass,
  TrafficPod,
} from './traffic/traffic.ts'
export type { Approval, Crossing, ZonePair, ZoneReport } from './traffic/zone-report.ts'
export { unapprovedOf, zoneReportOf } from './traffic/zone-report.ts'
export type { ZoneRule, ZoneRules } from './traffic/zones.ts'
