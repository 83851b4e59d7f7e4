/**
 * Pods that do not exist yet, in known namespaces and in new ones: one for each way in which policies could treat such
 * a pod that no known pod shows (`reference/algorithms.md` E.2).
 */
import type { Labels } from '../labels.ts'
import { namespaceNameLabel, toLabels } from '../labels.ts'
import type { Bits } from './bits.ts'
import { bitsKey, membersOf } from './bits.ts'
import type { LabelCell } from './label-cells.ts'
import { cutLabels } from './label-cells.ts'
import type {
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  PolicyPod,
} from './network-policy.ts'
import { forEachPeer } from './network-policy.ts'
import { selectorMatches, selectorText } from './selector.ts'

/** Most pods that are made up for one comparison. */
export const maxSymbolicPods = 4_096

/** A pod that stands for all of its kind. */
export interface SymbolicPod {
  /** `any pod with app=web in namespace shop` */
  readonly name: string
  readonly pod: PolicyPod
}

/** Pods that do not exist yet. */
export interface SymbolicPods {
  readonly pods: readonly SymbolicPod[]
  /** True when there are more kinds than could be told. */
  readonly truncated: boolean
}

/** What exists, and how much may be made up. */
export interface KnownPods {
  readonly pods: readonly PolicyPod[]
  readonly namespaces: ReadonlyMap<string, Labels>
  /** Default: {@link maxSymbolicPods}. */
  readonly maxPods?: number
}

/**
 * Returns one pod for each kind that the policies can tell from all known pods, within each known namespace and each
 * kind of new one; the order of the policies does not matter.
 */
export function symbolicPods(policies: readonly NetworkPolicy[], known: KnownPods): SymbolicPods {
  const maxPods = known.maxPods ?? maxSymbolicPods
  const questions = questionsOf(policies)
  const existing = knownHomes(known)
  const fresh = newHomes(policies, questions, existing, maxPods)
  const shown: Kind[] = []
  const found: (Kind & { readonly home: Home; readonly cell: LabelCell })[] = []
  let truncated = fresh.truncated
  for (const home of [...existing, ...fresh.homes]) {
    const asked = questionsAt(questions, home)
    const cut = cutLabels(asked.selectors, { maxCells: maxPods })
    const here = new Set<string>()
    for (const pod of home.pods) {
      const holds = cut.holdsOn(pod.labels)
      const key = bitsKey(holds)
      if (here.has(key)) continue
      here.add(key)
      shown.push({ asked, holds, count: asked.countOf(holds) })
    }
    for (const cell of cut.cells) {
      const { holds } = cell
      if (here.has(bitsKey(holds))) continue
      found.push({ home, cell, asked, holds, count: asked.countOf(holds) })
    }
    truncated ||= cut.truncated
  }
  // A text for each kind of pod would take long, and hardly any is asked for: most cells show in a pod of their namespace.
  const counts = new Set(found.map(({ count }) => count))
  const treatments = new Set(shown.filter(({ count }) => counts.has(count)).map(treatmentOf))
  const novel = found.filter((kind) => !treatments.has(treatmentOf(kind)))
  const pods = novel.slice(0, maxPods).map(({ home, cell }) => symbolicPod(home, cell))
  return { pods, truncated: truncated || novel.length > maxPods }
}

/** Pods of one namespace to which every question has the same answer. */
interface Kind {
  readonly asked: Asked
  /** Positions of the selectors that hold on them. */
  readonly holds: Bits
  /** Number of the questions to which the answer is yes. */
  readonly count: number
}

function treatmentOf({ asked, holds }: Kind): string {
  return asked.treatmentOf(holds)
}

/** A namespace that is there, or could be. */
export interface Home {
  readonly namespace: string
  readonly labels: Labels
  /** `namespace shop`, `any other namespace with team=a` */
  readonly text: string
  readonly pods: readonly PolicyPod[]
}

/** What policies ask of a pod: each distinct question has a number. */
interface Questions {
  /** Selectors of pods in the policy's own namespace, by namespace. */
  readonly own: ReadonlyMap<string, ReadonlyMap<string, Question>>
  /** Selectors of pods in selected namespaces, by the text of the namespace selector. */
  readonly peers: ReadonlyMap<
    string,
    { readonly selector: LabelSelector; readonly pods: ReadonlyMap<string, Question> }
  >
}

interface Question {
  readonly id: number
  readonly selector: LabelSelector
}

/** What a peer without pod selector asks for. */
const everyPod: LabelSelector = {}

function questionsOf(policies: readonly NetworkPolicy[]): Questions {
  const own = new Map<string, Map<string, Question>>()
  const peers = new Map<string, { selector: LabelSelector; pods: Map<string, Question> }>()
  let count = 0
  const note = (questions: Map<string, Question>, selector: LabelSelector): void => {
    const text = selectorText(selector)
    if (questions.has(text)) return
    questions.set(text, { id: count, selector })
    count += 1
  }
  const noteFar = (namespaceSelector: LabelSelector, podSelector = everyPod): void => {
    const text = selectorText(namespaceSelector)
    const there = peers.get(text) ?? { selector: namespaceSelector, pods: new Map() }
    peers.set(text, there)
    note(there.pods, podSelector)
  }
  // Policies share peers: one that names its namespaces asks the same wherever it stands.
  const seen = new Set<NetworkPolicyPeer>()
  for (const { metadata, spec } of policies) {
    const here = own.get(metadata.namespace) ?? new Map<string, Question>()
    own.set(metadata.namespace, here)
    note(here, spec.podSelector)
    forEachPeer(spec, (peer) => {
      const { podSelector, namespaceSelector } = peer
      if (namespaceSelector === undefined) {
        if (podSelector !== undefined) note(here, podSelector)
      } else if (!seen.has(peer)) {
        seen.add(peer)
        noteFar(namespaceSelector, podSelector)
      }
    })
  }
  return { own, peers }
}

/** What is asked of the pods of one namespace. */
interface Asked {
  readonly selectors: readonly LabelSelector[]
  /** Returns the number of questions to which the answer is yes, by the positions of selectors that hold. */
  readonly countOf: (holds: Bits) => number
  /** Returns a text that is equal for pods, of whatever namespace, to which every question has the same answer. */
  readonly treatmentOf: (holds: Bits) => string
}

function questionsAt({ own, peers }: Questions, home: Home): Asked {
  const bySelector = new Map<string, { readonly selector: LabelSelector; readonly ids: number[] }>()
  const ask = (questions: ReadonlyMap<string, Question>): void => {
    for (const [text, { id, selector }] of questions) {
      const known = bySelector.get(text)
      if (known === undefined) bySelector.set(text, { selector, ids: [id] })
      else known.ids.push(id)
    }
  }
  ask(own.get(home.namespace) ?? new Map<string, Question>())
  for (const { selector, pods } of peers.values()) {
    if (selectorMatches(selector, home.labels)) ask(pods)
  }
  const entries = [...bySelector.values()]
  return {
    selectors: entries.map((entry) => entry.selector),
    countOf: (holds) =>
      membersOf(holds).reduce((sum, position) => sum + (entries[position]?.ids.length ?? 0), 0),
    treatmentOf: (holds) =>
      bitsKey(
        Uint32Array.from(
          membersOf(holds).flatMap((position) => entries[position]?.ids ?? []),
        ).sort(),
      ),
  }
}

function knownHomes({ pods, namespaces }: KnownPods): readonly Home[] {
  const homes = new Map<string, { labels: Labels; pods: PolicyPod[] }>()
  for (const [namespace, labels] of namespaces) homes.set(namespace, { labels, pods: [] })
  for (const pod of pods) {
    const home = homes.get(pod.namespace) ?? { labels: pod.namespaceLabels, pods: [] }
    homes.set(pod.namespace, home)
    home.pods.push(pod)
  }
  return [...homes.keys()].sort().flatMap((namespace) => {
    const home = homes.get(namespace)
    return home === undefined ? [] : { ...home, namespace, text: `namespace ${namespace}` }
  })
}

/** Policies may stand in namespaces that nobody has seen: those are told apart by their name. */
function newHomes(
  policies: readonly NetworkPolicy[],
  questions: Questions,
  existing: readonly Home[],
  maxCells: number,
): { readonly homes: readonly Home[]; readonly truncated: boolean } {
  const taken = new Set(existing.map((home) => home.namespace))
  const unknown = [...new Set(policies.map((policy) => policy.metadata.namespace))]
    .filter((namespace) => namespace !== '' && !taken.has(namespace))
    .map(
      (namespace): LabelSelector => ({
        matchLabels: toLabels([[namespaceNameLabel, namespace]]),
      }),
    )
  const selectors = [...questions.peers.values()]
    .map((peer) => peer.selector)
    .filter((selector) => !namesAlone(selector, taken))
  const cut = cutLabels([...unknown, ...selectors], {
    identity: { key: namespaceNameLabel, taken },
    maxCells,
  })
  return { homes: cut.cells.map(newHome), truncated: cut.truncated }
}

/** Tells whether a selector asks for one of the names that are taken, as most do: it holds on no new namespace. */
function namesAlone(selector: LabelSelector, taken: ReadonlySet<string>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  const name = Object.hasOwn(matchLabels, namespaceNameLabel)
    ? matchLabels[namespaceNameLabel]
    : undefined
  if (name !== undefined && taken.has(name)) return true
  return matchExpressions.some(
    ({ key, operator, values = [] }) =>
      key === namespaceNameLabel && operator === 'In' && values.every((value) => taken.has(value)),
  )
}

/** Returns the namespace that a cell of namespaces stands for. */
export function newHome({ witness, words }: LabelCell): Home {
  const namespace = witness[namespaceNameLabel] ?? ''
  const name = `${namespaceNameLabel}=${namespace}`
  const rest = words.filter((word) => !word.endsWith(` ${namespaceNameLabel}`) && word !== name)
  const text = words.includes(name) ? `namespace ${namespace}` : 'any other namespace'
  const labelled = rest.length === 0 ? text : `${text} with ${rest.join(', ')}`
  return { namespace, labels: witness, text: labelled, pods: [] }
}

/** Returns the pod that a cell of pods stands for in a namespace. */
export function symbolicPod(home: Home, { witness, words }: LabelCell): SymbolicPod {
  const other = home.pods.length > 0 ? 'any other pod' : 'any pod'
  const which = words.length === 0 ? other : `any pod with ${words.join(', ')}`
  return {
    name: `${which} in ${home.text}`,
    pod: {
      kind: 'pod',
      namespace: home.namespace,
      namespaceLabels: home.labels,
      labels: witness,
    },
  }
}
