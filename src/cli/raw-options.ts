/** What was typed, as commander gives it. */

/** Commander's values before any of them was judged. */
export interface RawOptions {
  readonly existing?: readonly string[]
  readonly inventory?: readonly string[]
  readonly old?: readonly string[]
  readonly new?: readonly string[]
  readonly permit?: readonly string[]
  readonly forbid?: readonly string[]
  readonly flows?: readonly string[]
  readonly since?: string
  readonly until?: string
  readonly strict?: boolean
  readonly threads?: string
  readonly for?: string
  readonly follow?: boolean
  readonly last?: string
  readonly allowPartial?: boolean
  readonly strictCompleteness?: boolean
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsServerName?: string
  readonly group?: string
  readonly stateTopic?: string
  readonly window?: string
  readonly flush?: string
  readonly sessionTimeout?: string
  readonly replicationFactor?: string
  readonly serverFilter?: readonly string[]
  readonly state?: string
  readonly untilEnd?: boolean
  readonly sasl?: string
  readonly saslUser?: string
  readonly saslPasswordFile?: string
  readonly saslTokenFile?: string
  readonly dlqTopic?: string
  readonly maxBadRatio?: string
  readonly explainFormat?: boolean
  readonly clusterName?: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly learnAudit?: boolean
  readonly learnDenied?: boolean
  readonly nodeCidr?: readonly string[]
  readonly serviceCidr?: readonly string[]
  readonly podCidr?: readonly string[]
  readonly namespace?: readonly string[]
  readonly selector?: string
  readonly includeSystem?: readonly string[]
  readonly defaultDeny?: string
  readonly minConfidence?: string
  readonly dns?: string
  readonly onInexpressible?: string
  readonly onInseparable?: string
  readonly outside?: string
  readonly cidrMaxExtra?: string
  readonly prune?: boolean
  readonly pruneAfter?: string
  readonly reoptimise?: boolean
  readonly minimise?: string
  readonly target?: string
  readonly l7?: string
  readonly namePatterns?: string
  readonly output?: string
  readonly diffOutput?: string
  readonly out?: string
  readonly outDir?: string
  readonly rotateSize?: string
  readonly keep?: string
  readonly failOn?: string
  readonly policies?: readonly string[]
  readonly maxUnused?: string
  readonly zones?: readonly string[]
  readonly zoneLabel?: string
  readonly approvals?: readonly string[]
  readonly requireApproval?: boolean
  readonly asOf?: string
  readonly by?: string
  readonly minCoverage?: string
  readonly from?: string
  readonly to?: string
  readonly port?: string
  readonly policy?: string
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly color?: string
  readonly progress?: boolean
}
