/**
 * The naive evaluator, written from the text of the Kubernetes NetworkPolicy API and of Cilium's: a connection needs the
 * egress side of its source and the ingress side of its destination; a side that no policy isolates lets everything
 * pass, an isolated side what some rule allows; what a rule of any policy denies never passes. It is the second opinion
 * on the exact engine, and shares no evaluation code with it.
 *
 * A pod always reaches itself, whatever policies say: asking about a pod and itself is the caller's business.
 */
import { NetweirError } from '../errors.ts'
import type { CiliumPolicy } from './cilium-policy.ts'
import { RangeReader } from './evaluate-addresses.ts'
import { askCiliumPolicy, unknownPart } from './evaluate-cilium.ts'
import type { Direction, RuleQuestion, SelectingPolicy } from './evaluate-network.ts'
import { NetworkPolicyReader } from './evaluate-network.ts'
import type {
  NetworkPolicy,
  Policy,
  PolicyEndpoint,
  PolicyPod,
  PolicyService,
} from './network-policy.ts'

/** What the policies of one direction decide, and which of them. */
export interface DirectionDecision {
  readonly allowed: boolean
  /** Policies that isolate this side, `namespace/name`, sorted; empty when it is not isolated. */
  readonly isolatedBy: readonly string[]
  /** Rules that let the connection pass, by position in their policy; empty when the side is not isolated. */
  readonly allowedBy: readonly DecidingRule[]
  /** Rules that deny the connection, whatever others allow. */
  readonly deniedBy: readonly DecidingRule[]
}

/** A rule, by its policy (`namespace/name`, or the name of a clusterwide one) and its position among those of the direction. */
export interface DecidingRule {
  readonly policy: string
  readonly rule: number
}

/** Whether a connection is allowed, and by what. */
export interface Decision {
  readonly allowed: boolean
  readonly egress: DirectionDecision
  readonly ingress: DirectionDecision
}

/** Choices of evaluation that the API leaves to the network plugin. */
export interface EvaluateOptions {
  /** Whether ipBlock matches addresses of pods. Default: no, as on Cilium; never beside Cilium's policies. */
  readonly ipBlockPods?: boolean
  /** The name of the local cluster, which selectors of Cilium may ask for. Default: `default`, as Cilium has it. */
  readonly cluster?: string
}

/** Evaluates many connections against the same policies. */
export interface Evaluator {
  evaluate(from: PolicyEndpoint, to: PolicyEndpoint, service: PolicyService): Decision
  /** Tells whether {@link evaluate} would allow the connection, without looking for more than one rule on each side. */
  allows(from: PolicyEndpoint, to: PolicyEndpoint, service: PolicyService): boolean
}

/**
 * Returns whether `policies` allow a connection from `from` to `to`.
 *
 * @throws NetweirError `KIND_UNSUPPORTED` for a policy that asks for what nobody can know here: services, node labels.
 */
export function evaluate(
  policies: readonly Policy[],
  from: PolicyEndpoint,
  to: PolicyEndpoint,
  service: PolicyService,
  options: EvaluateOptions = {},
): Decision {
  return createEvaluator(policies, options).evaluate(from, to, service)
}

/**
 * Returns an evaluator that remembers which policies select an endpoint: pass the same object for the same endpoint,
 * and do not change it.
 *
 * @throws NetweirError `KIND_UNSUPPORTED` for a policy that asks for what nobody can know here: services, node labels.
 */
export function createEvaluator(
  policies: readonly Policy[],
  options: EvaluateOptions = {},
): Evaluator {
  return new NaiveEvaluator(policies, options)
}

const open: DirectionDecision = { allowed: true, isolatedBy: [], allowedBy: [], deniedBy: [] }

class NaiveEvaluator implements Evaluator {
  readonly #clusterwide: CiliumPolicy[] = []
  /** No NetworkPolicy denies what another one allows. */
  readonly #mayDeny: boolean
  readonly #byNamespace = new Map<string, Shelf>()
  readonly #selecting = {
    egress: new WeakMap<PolicyPod, Selecting>(),
    ingress: new WeakMap<PolicyPod, Selecting>(),
  }
  readonly #network: NetworkPolicyReader
  readonly #context: { readonly ranges: RangeReader; readonly cluster: string }

  constructor(policies: readonly Policy[], { ipBlockPods = false, cluster }: EvaluateOptions) {
    const ranges = new RangeReader()
    this.#mayDeny = policies.some(({ kind }) => kind !== 'NetworkPolicy')
    this.#network = new NetworkPolicyReader(ranges, ipBlockPods && !this.#mayDeny)
    this.#context = { ranges, cluster: cluster || 'default' }
    for (const policy of policies) {
      const part = policy.kind === 'NetworkPolicy' ? undefined : unknownPart(policy)
      if (part !== undefined) throw unsupported(policy, part)
      if (policy.kind === 'CiliumClusterwideNetworkPolicy') this.#clusterwide.push(policy)
      else this.#shelve(policy)
    }
    this.#clusterwide.sort(byName)
  }

  evaluate(from: PolicyEndpoint, to: PolicyEndpoint, service: PolicyService): Decision {
    const egress = this.#decide('egress', from, to, service, to)
    const ingress = this.#decide('ingress', to, from, service, to)
    return { allowed: egress.allowed && ingress.allowed, egress, ingress }
  }

  allows(from: PolicyEndpoint, to: PolicyEndpoint, service: PolicyService): boolean {
    return (
      this.#lets('egress', from, to, service, to) && this.#lets('ingress', to, from, service, to)
    )
  }

  #lets(
    direction: Direction,
    subject: PolicyEndpoint,
    peer: PolicyEndpoint,
    service: PolicyService,
    destination: PolicyEndpoint,
  ): boolean {
    if (subject.kind !== 'pod') return true
    const { isolates, rules } = this.#selectingOf(direction, subject)
    let isLetThrough = !isolates
    for (const { deny, matches } of rules) {
      // A rule that allows has nothing to add to what passes already.
      if ((!deny && isLetThrough) || !matches(peer, service, destination)) continue
      if (deny) return false
      if (!this.#mayDeny) return true
      isLetThrough = true
    }
    return isLetThrough
  }

  #decide(
    direction: Direction,
    subject: PolicyEndpoint,
    peer: PolicyEndpoint,
    service: PolicyService,
    destination: PolicyEndpoint,
  ): DirectionDecision {
    const selecting = subject.kind === 'pod' ? this.#selectingOf(direction, subject).policies : []
    if (selecting.length === 0) return open
    const isolatedBy = selecting.filter((one) => one.isolates).map(({ name }) => name)
    const matching = selecting.flatMap(({ name, rules }) =>
      rules.flatMap(({ deny, matches }, rule) =>
        matches(peer, service, destination) ? [{ deny, by: { policy: name, rule } }] : [],
      ),
    )
    const deniedBy = matching.filter(({ deny }) => deny).map(({ by }) => by)
    const allowedBy =
      isolatedBy.length === 0 ? [] : matching.filter(({ deny }) => !deny).map(({ by }) => by)
    const isLetThrough = isolatedBy.length === 0 || allowedBy.length > 0
    return { allowed: isLetThrough && deniedBy.length === 0, isolatedBy, allowedBy, deniedBy }
  }

  #selectingOf(direction: Direction, pod: PolicyPod): Selecting {
    const known = this.#selecting[direction].get(pod)
    if (known !== undefined) return known
    const policies = [...this.#near(pod), ...this.#clusterwide].flatMap(
      (policy) =>
        (policy.kind === 'NetworkPolicy'
          ? this.#network.ask(policy, direction, pod)
          : askCiliumPolicy(policy, direction, pod, this.#context)) ?? [],
    )
    const selecting = {
      policies,
      isolates: policies.some((one) => one.isolates),
      rules: policies.flatMap(({ rules }) => rules),
    }
    this.#selecting[direction].set(pod, selecting)
    return selecting
  }

  #shelve(policy: Policy): void {
    const { namespace } = policy.metadata
    let shelf = this.#byNamespace.get(namespace)
    if (shelf === undefined) {
      shelf = { size: 0, byLabel: new Map(), others: [] }
      this.#byNamespace.set(namespace, shelf)
    }
    const placed = { policy, place: shelf.size }
    shelf.size += 1
    const label = policy.kind === 'NetworkPolicy' ? demandedLabel(policy) : undefined
    const same = label === undefined ? shelf.others : shelf.byLabel.get(label)
    if (same !== undefined) same.push(placed)
    else if (label !== undefined) shelf.byLabel.set(label, [placed])
  }

  /** Returns the policies of a pod's namespace by name, without those that ask for a label which it does not have. */
  #near({ namespace, labels }: PolicyPod): readonly Policy[] {
    const shelf = this.#byNamespace.get(namespace)
    if (shelf === undefined) return []
    const near = [...shelf.others]
    for (const key of Object.keys(labels)) {
      near.push(...(shelf.byLabel.get(labelText(key, labels[key])) ?? []))
    }
    return near
      .sort((a, b) => byName(a.policy, b.policy) || a.place - b.place)
      .map(({ policy }) => policy)
  }
}

/** The policies that select a pod, in one direction, with the rules of all of them. */
interface Selecting {
  readonly policies: readonly SelectingPolicy[]
  readonly isolates: boolean
  readonly rules: readonly RuleQuestion[]
}

/** The policies of one namespace; those that ask for a label stand under it. */
interface Shelf {
  size: number
  readonly byLabel: Map<string, Placed[]>
  readonly others: Placed[]
}

/** A policy with its position among those of its namespace. */
interface Placed {
  readonly policy: Policy
  readonly place: number
}

/** Returns a label that every pod has which the policy selects; undefined where it names none. */
function demandedLabel({ spec }: NetworkPolicy): string | undefined {
  const { matchLabels = {} } = spec.podSelector
  const [key] = Object.keys(matchLabels)
  return key === undefined ? undefined : labelText(key, matchLabels[key])
}

/** With the length of the key, so that no two labels have one text. */
function labelText(key: string, value = ''): string {
  return `${key.length} ${key}=${value}`
}

function unsupported(policy: Policy, part: string): NetweirError {
  const { namespace, name } = policy.metadata
  const text = namespace === '' ? name : `${namespace}/${name}`
  return new NetweirError(
    'KIND_UNSUPPORTED',
    `${policy.kind} "${text}" cannot be evaluated: it has ${part}`,
    { hint: 'leave it out of the set that is evaluated' },
  )
}

function byName({ metadata: a }: Policy, { metadata: b }: Policy): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
