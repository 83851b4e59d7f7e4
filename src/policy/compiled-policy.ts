/** What one policy says over a universe: whom it selects and isolates, and what each rule opens to whom. */
import type { Location } from '../errors.ts'
import type { LocatedPolicy, Policy } from './network-policy.ts'
import type { PlainPolicy, RuleDirection, RulePeer, RulePort } from './plain-rule.ts'
import { partsOf, plainPolicy, policyName } from './plain-rule.ts'
import type { PodIndex } from './pod-index.ts'
import type { PolicyReference } from './policy-reference.ts'
import type { Universe } from './universe.ts'

/** Ends that the peers of a rule match. */
export type Peers = readonly number[] | 'everyone'

/** One rule, with the pods that its policy selects. */
export interface CompiledRule {
  readonly reference: PolicyReference
  /** Pods that the policy selects, sorted. */
  readonly subjects: readonly number[]
  /** Ends that its peers match, sorted; `everyone` for a rule without peers. Rules of equal peers share one list. */
  readonly peers: Peers
  readonly ports: readonly RulePort[] | undefined
}

/** What one policy says of one direction. */
export interface CompiledSide {
  /** The policy itself, as the one member of a list that every pod shares which it alone isolates. */
  readonly references: readonly PolicyReference[]
  readonly subjects: readonly number[]
  readonly isolates: boolean
  readonly rules: readonly CompiledRule[]
  readonly denials: readonly CompiledRule[]
}

/** One policy over a universe; a direction that it is not about is absent. */
export interface CompiledPolicy {
  readonly ingress?: CompiledSide
  readonly egress?: CompiledSide
}

/** Returns what a policy becomes, part by part. */
export type Compiler = (located: LocatedPolicy) => readonly CompiledPolicy[]

/** Sets over one universe share what their policies become: most policies stand in both sets of a comparison. */
const compilers = new WeakMap<Universe, Compiler>()

/** Returns the compiler of a universe; the same one whenever it is asked for. */
export function compilerOf(universe: Universe): Compiler {
  const known = compilers.get(universe)
  if (known !== undefined) return known
  const compiler = createCompiler(universe)
  compilers.set(universe, compiler)
  return compiler
}

function createCompiler(universe: Universe): Compiler {
  const compiled = new Map<LocatedPolicy, readonly CompiledPolicy[]>()
  const kept = universe.shared === undefined ? undefined : keptOver(universe.shared.index)
  const compile = (part: LocatedPolicy): CompiledPolicy => {
    const plain = plainPolicy(part.policy)
    const before = kept?.get(keeperOf(part))
    if (before?.whole !== undefined && isSettled(universe, plain)) return before.whole
    const rules = compileRules(universe, part, before)
    const made = sidesOf(universe, part, rules)
    if (before === undefined) kept?.set(keeperOf(part), keep(universe, plain, made, rules))
    return made
  }
  return (located) => {
    const known = compiled.get(located)
    if (known !== undefined) return known
    const made = partsOf(located).map(compile)
    compiled.set(located, made)
    return made
  }
}

/** What became of a policy, for the next universe over the same known pods. */
interface Kept {
  /** Absent where some of it depends on more than these pods. */
  readonly whole: CompiledPolicy | undefined
  /** By position: the rules that depend on these pods alone. */
  readonly rules: readonly (CompiledRule | undefined)[]
}

const keepers = new WeakMap<PodIndex, WeakMap<Policy | LocatedPolicy, Kept>>()

function keptOver(index: PodIndex): WeakMap<Policy | LocatedPolicy, Kept> {
  const known = keepers.get(index) ?? new WeakMap<Policy | LocatedPolicy, Kept>()
  keepers.set(index, known)
  return known
}

/** A policy without a place is the same wherever it is named. */
function keeperOf(part: LocatedPolicy): Policy | LocatedPolicy {
  const { ingress, egress } = part.rules
  return part.location.file === '' && ingress.length + egress.length === 0 ? part.policy : part
}

function keep(
  universe: Universe,
  plain: PlainPolicy,
  whole: CompiledPolicy,
  rules: readonly CompiledRule[],
): Kept {
  const isWhole = isSettled(universe, plain)
  return {
    whole: isWhole ? whole : undefined,
    rules: isWhole
      ? rules
      : rules.map((rule, at) => (isSettledRule(universe, plain, at) ? rule : undefined)),
  }
}

/** Tells whether a policy says the same in every universe over the same known pods where this is so. */
function isSettled(universe: Universe, plain: PlainPolicy): boolean {
  if (!isKnownAlone(universe, plain, plain.subject)) return false
  for (const { peers } of plain.rules) {
    if (peers === undefined) continue
    for (const peer of peers) if (!isKnownAlone(universe, plain, peer)) return false
  }
  return true
}

function isSettledRule(universe: Universe, plain: PlainPolicy, at: number): boolean {
  return [plain.subject, ...(plain.rules[at]?.peers ?? [])].every((peer) =>
    isKnownAlone(universe, plain, peer),
  )
}

function isKnownAlone({ shared }: Universe, { namespace }: PlainPolicy, peer: RulePeer): boolean {
  return shared?.isKnownAlone(namespace, peer) === true
}

function compileRules(
  universe: Universe,
  { policy, location, rules: places }: LocatedPolicy,
  before: Kept | undefined,
): readonly CompiledRule[] {
  const plain = plainPolicy(policy)
  const { namespace, subject } = plain
  const subjects = universe.endsMatching(namespace, subject)
  const id = policyName(policy)
  const own = referenceTo(id, location)
  return plain.rules.map(({ direction, rule, peers, ports }, at) => {
    const known = before?.rules[at]
    if (known !== undefined && isSettledRule(universe, plain, at)) return known
    const place = places[direction][rule]
    return {
      reference: place === undefined ? own : referenceTo(id, place),
      subjects,
      peers: peersOf(universe, namespace, peers),
      ports,
    }
  })
}

function sidesOf(
  universe: Universe,
  { policy, location }: LocatedPolicy,
  compiled: readonly CompiledRule[],
): CompiledPolicy {
  const { namespace, subject, about, isolates, rules } = plainPolicy(policy)
  const subjects = universe.endsMatching(namespace, subject)
  const references = [referenceTo(policyName(policy), location)]
  const side = (direction: RuleDirection): CompiledSide => {
    const ofKind = (deny: boolean): readonly CompiledRule[] =>
      compiled.filter((_, at) => rules[at]?.direction === direction && rules[at]?.deny === deny)
    return {
      references,
      subjects,
      isolates: isolates.includes(direction),
      rules: ofKind(false),
      denials: ofKind(true),
    }
  }
  return {
    ...(about.includes('ingress') && { ingress: side('ingress') }),
    ...(about.includes('egress') && { egress: side('egress') }),
  }
}

/** A policy that was not read from a file has an empty file name, and its reference no place. */
function referenceTo(policy: string, { file, line }: Location): PolicyReference {
  if (file === '') return { policy }
  return { policy, at: line === undefined ? file : `${file}:${line}` }
}

function peersOf(
  universe: Universe,
  namespace: string,
  peers: readonly RulePeer[] | undefined,
): Peers {
  if (peers === undefined || peers.length === 0) return 'everyone'
  const [peer] = peers
  if (peer !== undefined && peers.length === 1) return universe.endsMatching(namespace, peer)
  return universe.lists.unite(peers.map((one) => universe.endsMatching(namespace, one)))
}
