/** What is wrong with policies, as data. */

/** How much a finding matters: what is refused or lost, what is likely meant otherwise, what is good to know. */
export const lintSeverities = ['error', 'warning', 'info'] as const

/** One of {@link lintSeverities}. */
export type LintSeverity = (typeof lintSeverities)[number]

/** What there is to know of a kind of finding, beside the case at hand. */
export interface LintRule {
  readonly severity: LintSeverity
  /** What to do about it. */
  readonly hint: string
}

/** Every kind of finding, errors first; `docs/lint.md` has one section per code. */
export const lintCodes = [
  'INVALID',
  'DUPLICATE_NAME',
  'RULES_IGNORED',
  'EXCEPT_OUTSIDE',
  'CONTRADICTORY_SELECTOR',
  'EGRESS_NOT_ISOLATED',
  'EMPTY_LIST',
  'ALLOWS_EVERYONE',
  'MATCHES_NO_POD',
  'PEER_MATCHES_NO_POD',
  'PORT_NAME_UNREACHABLE',
  'REDUNDANT_POLICY',
  'REDUNDANT_RULE',
  'MISSING_DNS',
  'FQDN_WITHOUT_DNS',
  'SELECTS_NOBODY',
  'EXCEPT_WITHOUT_EFFECT',
  'CLUSTER_RANGE',
  'FILTERED_LABEL',
  'VOLATILE_LABEL',
  'REPEATED_POLICY',
  'ALLOWS_EVERY_POD',
  'ALLOWS_EVERY_ADDRESS',
  'NAMESPACE_LABEL',
  'END_PORT',
  'NOT_DECIDED',
] as const

/** One of {@link lintCodes}. */
export type LintCode = (typeof lintCodes)[number]

/** What there is to know of each kind. */
export const lintRules: Readonly<Record<LintCode, LintRule>> = {
  INVALID: {
    severity: 'error',
    hint: 'correct it: the API server refuses the policy, so that none of it is in force',
  },
  DUPLICATE_NAME: {
    severity: 'error',
    hint: 'give each its own name: the one that is applied last replaces the others',
  },
  RULES_IGNORED: {
    severity: 'error',
    hint: 'add the direction to policyTypes, or delete the rules',
  },
  EXCEPT_OUTSIDE: {
    severity: 'error',
    hint: 'delete the exception, or correct it: the API server refuses the policy',
  },
  CONTRADICTORY_SELECTOR: {
    severity: 'error',
    hint: 'correct the selector: no pod can ever meet all of it',
  },
  EGRESS_NOT_ISOLATED: {
    severity: 'warning',
    hint: 'write policyTypes: [Ingress, Egress] to deny all egress, or delete the empty list',
  },
  EMPTY_LIST: {
    severity: 'warning',
    hint: 'delete the rule to allow nothing, or leave the list out to say that all is meant',
  },
  ALLOWS_EVERYONE: {
    severity: 'warning',
    hint: 'name the peers, unless pods, nodes and addresses everywhere are meant',
  },
  MATCHES_NO_POD: {
    severity: 'warning',
    hint: 'correct the selector or the namespace, or delete the policy',
  },
  PEER_MATCHES_NO_POD: {
    severity: 'warning',
    hint: 'correct the selectors, or delete the peer',
  },
  PORT_NAME_UNREACHABLE: {
    severity: 'warning',
    hint: 'name a port of the destination containers with its protocol, or write the number',
  },
  REDUNDANT_POLICY: {
    severity: 'warning',
    hint: 'delete it: nothing changes, for no pod that there is or may be',
  },
  REDUNDANT_RULE: {
    severity: 'warning',
    hint: 'delete it: nothing changes, for no pod that there is or may be',
  },
  MISSING_DNS: {
    severity: 'warning',
    hint: 'allow 53/UDP and 53/TCP to the name servers of the cluster',
  },
  FQDN_WITHOUT_DNS: {
    severity: 'warning',
    hint: 'allow port 53 of the name servers with rules: {dns: [{matchPattern: "*"}]}, here or in another policy',
  },
  SELECTS_NOBODY: {
    severity: 'warning',
    hint: 'delete the rule, or leave the list out to say that all is meant',
  },
  EXCEPT_WITHOUT_EFFECT: {
    severity: 'warning',
    hint: 'policies add up: take the addresses out of what allows them, or delete the exception',
  },
  CLUSTER_RANGE: {
    severity: 'warning',
    hint: 'name pods by selectors; for nodes use a policy kind that knows them',
  },
  FILTERED_LABEL: {
    severity: 'warning',
    hint: 'select by a label that the network plugin keeps, such as app.kubernetes.io/name',
  },
  VOLATILE_LABEL: {
    severity: 'warning',
    hint: 'select by a label that stays from one rollout to the next',
  },
  REPEATED_POLICY: {
    severity: 'info',
    hint: 'delete one of them',
  },
  ALLOWS_EVERY_POD: {
    severity: 'info',
    hint: 'name namespaces or pods, unless those of every tenant are meant',
  },
  ALLOWS_EVERY_ADDRESS: {
    severity: 'info',
    hint: 'name the addresses, unless the whole internet is meant',
  },
  NAMESPACE_LABEL: {
    severity: 'info',
    hint: 'select namespaces by kubernetes.io/metadata.name, which the API server keeps, or guard who may label them',
  },
  END_PORT: {
    severity: 'info',
    hint: 'see that the network plugin supports endPort: one that does not opens the first port alone',
  },
  NOT_DECIDED: {
    severity: 'info',
    hint: 'use fewer label keys in the selectors of the namespace',
  },
}

/** One thing that is wrong with one policy. */
export interface LintFinding {
  readonly code: LintCode
  readonly severity: LintSeverity
  /** `namespace/name` */
  readonly policy: string
  /** `file:line` */
  readonly at: string
  /** What is wrong, in one sentence that begins with the part of the policy it is about. */
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}

/** The document that `lint` prints. */
export interface LintReport {
  readonly apiVersion: 'netweir/v1'
  readonly kind: 'LintReport'
  /** How many policies were looked at. */
  readonly policies: number
  /** By file and line, then by code. */
  readonly findings: readonly LintFinding[]
  /** Number of findings of each severity. */
  readonly counts: Readonly<Record<LintSeverity, number>>
  /** Kinds of findings that could not be looked for, as nothing is known of the pods. */
  readonly notChecked: readonly LintCode[]
  /** Policies that depend on more than pods and addresses, as `kind namespace/name`. */
  readonly notLinted: readonly string[]
}

/** Tells whether a report has a finding of a severity or of a graver one. */
export function hasFindings({ counts }: LintReport, least: LintSeverity): boolean {
  const grave = lintSeverities.slice(0, lintSeverities.indexOf(least) + 1)
  return grave.some((severity) => counts[severity] > 0)
}
