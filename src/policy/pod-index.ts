/** Finds pods by the selectors of policies. */
import type { LabelSelector, NetworkPolicyPeer, PolicyPod } from './network-policy.ts'
import { selectorMatches, selectorText } from './selector.ts'

/** Answers which pods a peer selects; each distinct question is worked out once. */
export interface PodIndex {
  /** Returns positions of the pods that the selectors of a peer in a policy of `namespace` select, sorted. */
  readonly matching: (namespace: string, peer: NetworkPolicyPeer) => readonly number[]
}

/** The pods of one namespace. */
interface Home {
  readonly pod: PolicyPod
  readonly pods: number[]
  /** Pods by key, then by value of a label. */
  readonly byLabel: Map<string, Map<string, number[]>>
}

/** Returns the index of some pods. */
export function indexPods(pods: readonly PolicyPod[]): PodIndex {
  const homes = homesOf(pods)
  const byName = homesByName(homes)
  const homesMatching = remember((selector: LabelSelector) =>
    homes.filter(({ pod }) => selectorMatches(selector, pod.namespaceLabels)),
  )
  const homesOfPeer = (home: string, selector: LabelSelector | undefined): readonly Home[] =>
    selector === undefined ? (byName.get(home) ?? []) : homesMatching(selector)
  const work = (home: string, peer: NetworkPolicyPeer): readonly number[] =>
    homesOfPeer(home, peer.namespaceSelector)
      .flatMap((place) => podsMatching(pods, place, peer.podSelector))
      .sort((a, b) => a - b)
  const near = new Map<string, Map<string, readonly number[]>>()
  const far = new Map<string, Map<string, readonly number[]>>()
  const matching = (home: string, peer: NetworkPolicyPeer): readonly number[] => {
    const { namespaceSelector, podSelector } = peer
    const [answers, place] =
      namespaceSelector === undefined ? [near, home] : [far, selectorText(namespaceSelector)]
    let there = answers.get(place)
    if (there === undefined) {
      there = new Map()
      answers.set(place, there)
    }
    const text = podSelector === undefined ? '' : selectorText(podSelector)
    const known = there.get(text)
    if (known !== undefined) return known
    const found = work(home, peer)
    there.set(text, found)
    return found
  }
  const asked = new Map<NetworkPolicyPeer, { home: string; found: readonly number[] }>()
  return {
    matching: (namespace, peer) => {
      const { podSelector, namespaceSelector } = peer
      // The API refuses a peer without selectors; it must not select the whole namespace.
      if (podSelector === undefined && namespaceSelector === undefined) return []
      // The policy's own namespace has no say where namespaces are selected: one answer serves all policies.
      const home = namespaceSelector === undefined ? namespace : ''
      const before = asked.get(peer)
      if (before?.home === home) return before.found
      const found = matching(home, peer)
      asked.set(peer, { home, found })
      return found
    },
  }
}

/** New namespaces of one name may differ in labels, so pods are told apart by those as well. */
function homesOf(pods: readonly PolicyPod[]): readonly Home[] {
  const homes = new Map<string, Home>()
  for (const [id, pod] of pods.entries()) {
    const key = JSON.stringify([pod.namespace, pod.namespaceLabels])
    const home: Home = homes.get(key) ?? { pod, pods: [], byLabel: new Map() }
    home.pods.push(id)
    homes.set(key, home)
    for (const label of Object.keys(pod.labels)) {
      const byValue = home.byLabel.get(label) ?? new Map<string, number[]>()
      home.byLabel.set(label, byValue)
      append(byValue, pod.labels[label] ?? '', id)
    }
  }
  return [...homes.values()]
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

function podsMatching(
  pods: readonly PolicyPod[],
  home: Home,
  selector: LabelSelector | undefined,
): readonly number[] {
  if (selector === undefined) return home.pods
  return candidates(home, selector).filter((id) =>
    selectorMatches(selector, pods[id]?.labels ?? {}),
  )
}

/** Returns the pods that a selector may select: those with the values that it asks for, where it asks for some. */
function candidates(home: Home, selector: LabelSelector): readonly number[] {
  const [key] = Object.keys(selector.matchLabels ?? {})
  const value = key === undefined ? undefined : selector.matchLabels?.[key]
  if (key !== undefined && value !== undefined) {
    return home.byLabel.get(key)?.get(value) ?? []
  }
  const listed = selector.matchExpressions?.find((expression) => expression.operator === 'In')
  if (listed === undefined) return home.pods
  const values = new Set(listed.values)
  const byValue = home.byLabel.get(listed.key)
  return [...values].flatMap((one) => byValue?.get(one) ?? [])
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
