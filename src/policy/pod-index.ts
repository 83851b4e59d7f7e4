/** Finds pods by the selectors of policies. */
import type { Labels } from '../labels.ts'
import type { LabelSelector, NetworkPolicyPeer, PolicyPod } from './network-policy.ts'
import { NumberLists } from './number-lists.ts'
import { selectorMatches, selectorText } from './selector.ts'

/** Answers which pods a peer selects; each distinct question is worked out once. */
export interface PodIndex {
  /**
   * Returns positions of the pods that the selectors of a peer in a policy of `namespace` select, sorted; equal answers
   * are one list.
   */
  readonly matching: (namespace: string, peer: NetworkPolicyPeer) => readonly number[]
  /** Tells at a look that a peer selects no pod, wherever it stands: no pod has a label that it asks for. */
  readonly lacks: (peer: NetworkPolicyPeer) => boolean
  /** The lists that are answers, for whoever makes others that must be told from them. */
  readonly lists: NumberLists
}

/** Where the positions of an index begin, and which lists it shares with another. */
export interface IndexPlace {
  readonly first: number
  readonly lists: NumberLists
}

/** The pods of one namespace. */
interface Home {
  readonly pod: PolicyPod
  readonly pods: number[]
  /** Pods by key, then by value of a label. */
  readonly byLabel: Map<string, Map<string, number[]>>
  /** Answers to what no label leads to, by the text of the selector. */
  readonly answers: Map<string, readonly number[]>
}

const nobody: readonly number[] = []

/** Indexes by the labels of their first pod: the same pods are asked about in several universes. */
const indexes = new WeakMap<Labels, { readonly pods: readonly PolicyPod[]; index: PodIndex }>()

/** Returns the index of some pods; the same one for pods that selectors cannot tell from those of last time. */
export function sharedIndex(pods: readonly PolicyPod[]): PodIndex {
  const [first] = pods
  if (first === undefined) return indexPods(pods)
  const known = indexes.get(first.labels)
  if (known !== undefined && areAlike(known.pods, pods)) return known.index
  const index = indexPods(pods)
  indexes.set(first.labels, { pods, index })
  return index
}

function areAlike(some: readonly PolicyPod[], others: readonly PolicyPod[]): boolean {
  return (
    some.length === others.length &&
    some.every((pod, id) => {
      const other = others[id]
      return (
        other !== undefined &&
        pod.labels === other.labels &&
        pod.namespace === other.namespace &&
        sameLabels(pod.namespaceLabels, other.namespaceLabels)
      )
    })
  )
}

function sameLabels(some: Labels, others: Labels): boolean {
  if (some === others) return true
  const keys = Object.keys(some)
  return (
    keys.length === Object.keys(others).length &&
    keys.every((key) => Object.hasOwn(others, key) && some[key] === others[key])
  )
}

/** Returns the index of some pods, the first of which is at position 0. */
export function indexPods(
  pods: readonly PolicyPod[],
  { first, lists }: IndexPlace = { first: 0, lists: new NumberLists() },
): PodIndex {
  const homes = homesOf(pods, first)
  const byName = homesByName(homes)
  const homesMatching = remember((selector: LabelSelector) =>
    homes.filter(({ pod }) => selectorMatches(selector, pod.namespaceLabels)),
  )
  const homesOfPeer = (home: string, selector: LabelSelector | undefined): readonly Home[] =>
    selector === undefined ? (byName.get(home) ?? []) : homesMatching(selector)
  const podsMatching = (home: Home, selector: LabelSelector | undefined): readonly number[] => {
    if (selector === undefined) return home.pods
    const listed = candidates(home, selector)
    const labelsOf = (id: number): Labels => pods[id - first]?.labels ?? {}
    if (listed !== undefined) {
      return isOneQuestion(selector)
        ? listed
        : listed.filter((id) => selectorMatches(selector, labelsOf(id)))
    }
    const text = selectorText(selector)
    const known = home.answers.get(text)
    if (known !== undefined) return known
    const found = home.pods.filter((id) => selectorMatches(selector, labelsOf(id)))
    home.answers.set(text, found)
    return found
  }
  const work = (home: string, peer: NetworkPolicyPeer): readonly number[] => {
    const places = homesOfPeer(home, peer.namespaceSelector)
    const [only] = places
    if (only !== undefined && places.length === 1) {
      return lists.sorted(podsMatching(only, peer.podSelector))
    }
    return lists.unite(places.map((place) => podsMatching(place, peer.podSelector)))
  }
  const valuesOf = valuesByKey(homes)
  const asked = new Map<NetworkPolicyPeer, { home: string; found: readonly number[] }>()
  return {
    lists,
    lacks: ({ podSelector }) => {
      const [key] = Object.keys(podSelector?.matchLabels ?? {})
      if (key !== undefined)
        return valuesOf.get(key)?.has(podSelector?.matchLabels?.[key] ?? '') !== true
      const [expression] = podSelector?.matchExpressions ?? []
      if (expression?.operator !== 'In') return false
      const held = valuesOf.get(expression.key)
      return held === undefined || !(expression.values ?? []).some((value) => held.has(value))
    },
    matching: (namespace, peer) => {
      const { podSelector, namespaceSelector } = peer
      // The API refuses a peer without selectors; it must not select the whole namespace.
      if (podSelector === undefined && namespaceSelector === undefined) return []
      // The policy's own namespace has no say where namespaces are selected: one answer serves all policies.
      const home = namespaceSelector === undefined ? namespace : ''
      const before = asked.get(peer)
      if (before?.home === home) return before.found
      const found = work(home, peer)
      asked.set(peer, { home, found })
      return found
    },
  }
}

/** New namespaces of one name may differ in labels, so pods are told apart by those as well. */
function homesOf(pods: readonly PolicyPod[], first: number): readonly Home[] {
  const homes = new Map<string, Home>()
  const texts = new Map<Labels, string>()
  for (const [place, pod] of pods.entries()) {
    const id = first + place
    const labels = texts.get(pod.namespaceLabels) ?? JSON.stringify(pod.namespaceLabels)
    texts.set(pod.namespaceLabels, labels)
    const key = `${labels} ${pod.namespace}`
    let home = homes.get(key)
    if (home === undefined) {
      home = { pod, pods: [], byLabel: new Map(), answers: new Map() }
      homes.set(key, home)
    }
    home.pods.push(id)
    for (const label of Object.keys(pod.labels)) {
      let byValue = home.byLabel.get(label)
      if (byValue === undefined) {
        byValue = new Map()
        home.byLabel.set(label, byValue)
      }
      append(byValue, pod.labels[label] ?? '', id)
    }
  }
  return [...homes.values()]
}

function valuesByKey(homes: readonly Home[]): ReadonlyMap<string, ReadonlySet<string>> {
  const values = new Map<string, Set<string>>()
  for (const { byLabel } of homes) {
    for (const [key, byValue] of byLabel) {
      const known = values.get(key) ?? new Set<string>()
      values.set(key, known)
      for (const value of byValue.keys()) known.add(value)
    }
  }
  return values
}

function homesByName(homes: readonly Home[]): ReadonlyMap<string, readonly Home[]> {
  const byName = new Map<string, Home[]>()
  for (const home of homes) append(byName, home.pod.namespace, home)
  return byName
}

function append<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

/** Returns the pods with the values that a selector asks for; undefined where it asks for none. */
function candidates(home: Home, selector: LabelSelector): readonly number[] | undefined {
  const { matchLabels = {}, matchExpressions } = selector
  const [key] = Object.keys(matchLabels)
  if (key !== undefined) return home.byLabel.get(key)?.get(matchLabels[key] ?? '') ?? nobody
  const listed = matchExpressions?.find((expression) => expression.operator === 'In')
  if (listed === undefined) return undefined
  const byValue = home.byLabel.get(listed.key)
  const found: number[] = []
  // A value that is listed twice gives its pods twice: whoever asks takes them once.
  for (const value of listed.values ?? []) {
    for (const id of byValue?.get(value) ?? nobody) found.push(id)
  }
  return found
}

/** Tells whether a selector asks for nothing but what {@link candidates} looks up. */
function isOneQuestion({ matchLabels, matchExpressions = [] }: LabelSelector): boolean {
  let labels = 0
  for (const key in matchLabels) if (Object.hasOwn(matchLabels, key)) labels += 1
  return labels + matchExpressions.length === 1
}

/** Selectors that read alike have one answer. */
function remember<Answer>(
  answer: (selector: LabelSelector) => Answer,
): (selector: LabelSelector) => Answer {
  const answers = new Map<string, Answer>()
  return (selector) => {
    const key = selectorText(selector)
    const known = answers.get(key)
    if (known !== undefined) return known
    const worked = answer(selector)
    answers.set(key, worked)
    return worked
  }
}
