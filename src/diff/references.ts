/** Which policies of a set have to do with a change: those that allow it, and those in its way. */
import type { Bits } from '../policy/bits.ts'
import { hasAll, hasBit, membersOf, nextMember } from '../policy/bits.ts'
import type { CompiledRule } from '../policy/compiled-policy.ts'
import type { CompiledSet } from '../policy/compiled-set.ts'
import { reaches, spansAt } from '../policy/compiled-set.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { Span } from '../policy/port-line.ts'
import type { Rows } from '../policy/rows.ts'
import type { Universe } from '../policy/universe.ts'
import type { Block } from './blocks.ts'

/** How many policies a change names on each side. */
export const maxReferences = 20

/** One set at one destination. */
export interface SetAtEnd {
  readonly universe: Universe
  readonly set: CompiledSet
  readonly end: number
  readonly atoms: readonly Span[]
  readonly rows: Rows
}

/** Returns the first policies whose rules let a block through; none where nothing is isolated. */
export function allowingPolicies(at: SetAtEnd, block: Block): readonly PolicyReference[] {
  const { set, end } = at
  const found = new References()
  const meetsPorts = rememberPorts(at, block)
  for (const rule of set.ingress.rules[end] ?? []) {
    if (meetsSources(rule, block.sources) && meetsPorts(rule)) found.add(rule.reference)
  }
  for (const rules of egressRules(set, block.sources)) {
    if (found.isFull()) break
    for (const rule of rules) {
      const isWanted = !found.isFull() && !found.has(rule.reference)
      if (isWanted && reaches(rule, end) && meetsPorts(rule)) found.add(rule.reference)
    }
  }
  return found.list()
}

/** Gives the egress rules of some sources: those that share their policies, and so the list of their rules, often give it once. */
function* egressRules(set: CompiledSet, sources: Bits): Generator<readonly CompiledRule[]> {
  let before: readonly CompiledRule[] | undefined
  for (let source = nextMember(sources, 0); source >= 0; source = nextMember(sources, source + 1)) {
    const rules = set.egress.rules[source]
    if (rules === undefined || rules === before) continue
    before = rules
    yield rules
  }
}

/** Returns the first policies that isolate an end of a block which no rule of theirs lets through, or that deny it. */
export function blockingPolicies(at: SetAtEnd, block: Block): readonly PolicyReference[] {
  const { set, end, rows } = at
  const found = new References()
  if (isDenied(rows.ingress, block)) {
    for (const reference of set.ingress.isolatedBy[end] ?? []) found.add(reference)
  }
  const { sources } = block
  for (let source = nextMember(sources, 0); source >= 0; source = nextMember(sources, source + 1)) {
    if (found.isFull()) break
    if (isLetOut(rows.egress, block, source)) continue
    for (const reference of set.egress.isolatedBy[source] ?? []) found.add(reference)
  }
  for (const rule of denyingRules(at, block)) found.add(rule.reference)
  return found.list()
}

function isLetOut(egress: readonly Bits[], { sources, atoms }: Block, source: number): boolean {
  for (const atom of atoms) if (!hasBit(egress[atom] ?? sources, source)) return false
  return true
}

function denyingRules(at: SetAtEnd, block: Block): readonly CompiledRule[] {
  const { set, end } = at
  const ingress = (set.ingress.denials[end] ?? []).filter((rule) =>
    meetsSources(rule, block.sources),
  )
  if (ingress.length === 0 && !set.egress.denies) return []
  const egress = membersOf(block.sources).flatMap((source) =>
    (set.egress.denials[source] ?? []).filter((rule) => reaches(rule, end)),
  )
  return [...new Set([...ingress, ...egress])].filter(rememberPorts(at, block))
}

/** Returns references of several lists, one a policy, sorted and cut to {@link maxReferences}. */
export function mergeReferences(
  lists: readonly (readonly PolicyReference[])[],
): readonly PolicyReference[] {
  const found = new References()
  for (const list of lists) for (const reference of list) found.add(reference)
  return found.list()
}

/** The references that were found so far, one a policy: the first place counts. */
class References {
  readonly #byPolicy = new Map<string, PolicyReference>()

  add(reference: PolicyReference): void {
    if (!this.#byPolicy.has(reference.policy)) this.#byPolicy.set(reference.policy, reference)
  }

  has(reference: PolicyReference): boolean {
    return this.#byPolicy.has(reference.policy)
  }

  isFull(): boolean {
    return this.#byPolicy.size >= maxReferences
  }

  list(): readonly PolicyReference[] {
    if (this.#byPolicy.size === 0) return []
    const all = [...this.#byPolicy.values()].sort((a, b) => (a.policy < b.policy ? -1 : 1))
    return all.length > maxReferences ? all.slice(0, maxReferences) : all
  }
}

function meetsSources(rule: CompiledRule, sources: Bits): boolean {
  return rule.peers === 'everyone' || rule.peers.some((peer) => hasBit(sources, peer))
}

/** Returns the test whether a rule is about some port of a block; rules about the same ports often follow each other. */
function rememberPorts(
  { universe, end, atoms }: SetAtEnd,
  block: Block,
): (rule: CompiledRule) => boolean {
  const meets = ({ low, high }: Span): boolean => {
    for (const atom of block.atoms) {
      const position = atoms[atom]?.low ?? -1
      if (position >= low && position <= high) return true
    }
    return false
  }
  let before: { readonly ports: CompiledRule['ports']; readonly isMet: boolean } | undefined
  return ({ ports }) => {
    if (before === undefined || before.ports !== ports) {
      before = { ports, isMet: spansAt(universe, end, ports).some(meets) }
    }
    return before.isMet
  }
}

function isDenied(ingress: readonly Bits[], { sources, atoms }: Block): boolean {
  return atoms.some((atom) => !hasAll(ingress[atom] ?? sources, sources))
}
