/** From sources to proven policies, with the diff against the policies that exist. */
import { diffPolicies } from '../diff/diff-policies.ts'
import type { Surroundings } from '../diff/universe.ts'
import { NetweirError } from '../errors.ts'
import type { LocatedPolicy } from '../policy/network-policy.ts'
import { isManaged, unplaced } from '../policy/network-policy.ts'
import { prove } from '../synthesis/gate.ts'
import { systemNamespaces } from '../synthesis/plan.ts'
import type { Synthesis, SynthesisOptions } from '../synthesis/synthesis.ts'
import { synthesize } from '../synthesis/synthesize.ts'
import type { Inventory } from '../traffic/inventory.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { containerPorts } from './container-ports.ts'
import { readRailCheck } from './guard-rails.ts'
import { checkStdin, learnInput } from './learn.ts'
import { readPolicies } from './manifests.ts'
import type { GenerateOptions, GenerateResult, RunHost } from './pipeline.ts'
import { withServices } from './services.ts'
import { reportSurplus } from './surplus.ts'

/**
 * Returns the least policies for what the sources show, proven by the gate, and what they change.
 * @throws {NetweirError} `NO_TRAFFIC` when nothing was learned, `GATE_FAILED` when the proof fails, and the codes of
 * reading, manifests and synthesis. Nothing is returned half.
 */
export async function generate(
  sources: readonly string[],
  options: GenerateOptions,
  host: RunHost,
): Promise<GenerateResult> {
  const { set, traffic, notices, synthesis, diff, violations } = await generateInput(
    sources,
    options,
    host,
  )
  return { set, traffic, notices, synthesis, diff, violations }
}

/** What {@link generate} made, and what it was made of. */
export interface GeneratedInput extends GenerateResult {
  readonly existing: readonly LocatedPolicy[]
  /** Policies in force once those that were made are applied. */
  readonly inForce: readonly LocatedPolicy[]
  readonly inventory: Inventory | undefined
  readonly surroundings: Surroundings
}

/** Returns what {@link generate} does, and what it was made of. */
export async function generateInput(
  sources: readonly string[],
  options: GenerateOptions,
  host: RunHost,
): Promise<GeneratedInput> {
  checkStdin(sources, options.inventory, options.existing, options.permit, options.forbid)
  const existing = await readPolicies(options.existing ?? [], options, host)
  const checkRails = await readRailCheck(options, host)
  const { set, traffic, notices, inventory } = await learnInput(sources, options, host)
  refuseNoEdge(traffic, options)
  const synthesis = synthesize(traffic, synthesisOptions(options, existing.policies, inventory))
  refuseNoSubject(synthesis, traffic)
  prove(traffic, synthesis)
  const made = generated(synthesis)
  const theirs = existing.policies.filter(({ policy }) => !isManaged(policy))
  const surroundings = {
    traffic,
    groupOf: groupNames(traffic, synthesis),
    portsOf: containerPorts(traffic, inventory),
  }
  const inForce = [...made, ...theirs]
  const judged = withServices(inForce, inventory)
  const rails = checkRails(judged, surroundings)
  const diff = diffPolicies({
    ...surroundings,
    old: withServices(existing.policies, inventory),
    new: judged,
    stale: synthesis.stale,
  })
  const findings = [
    ...synthesis.findings,
    ...reportSurplus(made, withServices(theirs, inventory), surroundings),
  ]
  return {
    set,
    traffic,
    notices: [...notices, ...existing.notices, ...rails.notices],
    synthesis: { ...synthesis, findings },
    diff,
    violations: rails.violations,
    existing: existing.policies,
    inForce,
    inventory,
    surroundings,
  }
}

/** Returns the name of the group of each class, for reports. */
function groupNames(traffic: Traffic, synthesis: Synthesis): (classId: number) => string {
  const names = traffic.classes.map((known) => `${known.namespace}/unnamed`)
  for (const group of synthesis.groups) {
    for (const id of group.classes) names[id] = group.name
  }
  return (classId) => names[classId] ?? 'unknown'
}

function generated(synthesis: Synthesis): readonly LocatedPolicy[] {
  return synthesis.policies.map(({ policy }) => unplaced(policy))
}

function synthesisOptions(
  options: GenerateOptions,
  existing: readonly LocatedPolicy[],
  inventory: Inventory | undefined,
): SynthesisOptions {
  const { inventory: _paths, existing: _files, permit: _may, forbid: _mayNot, ...choices } = options
  return inventory === undefined ? { ...choices, existing } : { ...choices, existing, inventory }
}

function refuseNoEdge(traffic: Traffic, options: GenerateOptions): void {
  const { records, outcomes } = traffic.ledger
  if ((outcomes.learned ?? 0) > 0) return
  const counts = Object.entries(outcomes)
    .sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
    .map(([outcome, count]) => `${count} ${outcome}`)
  throw new NetweirError(
    'NO_TRAFFIC',
    `nothing was learned from ${records} ${records === 1 ? 'record' : 'records'} (${counts.join(', ')}), and a policy of nothing would deny everything`,
    { hint: wayToLearn(outcomes, options) },
  )
}

function wayToLearn(outcomes: Traffic['ledger']['outcomes'], options: GenerateOptions): string {
  if ((outcomes['remote-cluster'] ?? 0) > 0 && options.clusterName !== undefined) {
    return `no traffic within cluster ${JSON.stringify(options.clusterName)} was seen: check --cluster-name`
  }
  if ((outcomes.audit ?? 0) > 0 && options.learnAudit !== true) {
    return 'the cluster enforces in audit mode: learn what it would deny with --learn-audit'
  }
  if ((outcomes.denied ?? 0) + (outcomes.conflict ?? 0) > 0 && options.learnDenied !== true) {
    return 'the cluster is already closed: learn what was denied with --learn-denied, after looking at it with learn -o text'
  }
  if ((outcomes.masked ?? 0) + (outcomes['cannot-orient'] ?? 0) > 0) {
    return 'the exporter leaves out fields that are needed: docs/flows.md lists them'
  }
  const entities = (['host', 'remote-node', 'kube-apiserver', 'ingress'] as const).some(
    (outcome) => (outcomes[outcome] ?? 0) > 0,
  )
  if (entities) {
    return 'what was seen went to or came from nodes and the API server alone: record while the applications talk to each other'
  }
  return 'record while the applications are in use, and for longer'
}

function refuseNoSubject(synthesis: Synthesis, traffic: Traffic): void {
  if (synthesis.policies.length > 0) return
  const namespaces = [...new Set(traffic.classes.map((known) => known.namespace))].sort()
  if (namespaces.every((namespace) => systemNamespaces.includes(namespace))) {
    throw new NetweirError(
      'NO_TRAFFIC',
      `the traffic shows system namespaces alone (${namespaces.join(', ')}), which get no policies unless they are asked for`,
      { hint: `ask for one with --include-system ${namespaces[0] ?? 'NAMESPACE'}` },
    )
  }
  throw new NetweirError(
    'NO_TRAFFIC',
    `no workload is left to write a policy for; the traffic shows the namespaces ${namespaces.join(', ')}`,
    {
      hint: 'name one of them with -n, or a system namespace with --include-system; -l must match its labels',
    },
  )
}
