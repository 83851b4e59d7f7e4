/** Finds pods by the selectors of policies. */
import type { LabelSelector, NetworkPolicyPeer, PolicyPod } from './network-policy.ts'
import { selectorMatches } from './selector.ts'

/** Answers which pods a peer selects; each distinct question is worked out once. */
export interface PodIndex {
  /** Returns positions of the pods that the selectors of a peer in a policy of `namespace` select, sorted. */
  readonly matching: (namespace: string, peer: NetworkPolicyPeer) => readonly number[]
}

interface Home {
  readonly pod: PolicyPod
  readonly pods: number[]
}

/** Returns the index of some pods. */
export function indexPods(pods: readonly PolicyPod[]): PodIndex {
  const homes = homesOf(pods)
  const homesMatching = remember((namespace: string, selector: LabelSelector | undefined) =>
    homes.filter(({ pod }) =>
      selector === undefined
        ? pod.namespace === namespace
        : selectorMatches(selector, pod.namespaceLabels),
    ),
  )
  const matching = remember((namespace: string, peer: NetworkPolicyPeer) => {
    // The API refuses a peer without selectors; it must not select the whole namespace.
    if (peer.podSelector === undefined && peer.namespaceSelector === undefined) return []
    const found = homesMatching(namespace, peer.namespaceSelector).flatMap((home) => home.pods)
    const selector = peer.podSelector
    const selected =
      selector === undefined
        ? found
        : found.filter((id) => selectorMatches(selector, pods[id]?.labels ?? {}))
    return selected.sort((a, b) => a - b)
  })
  const asked = new WeakMap<NetworkPolicyPeer, { namespace: string; found: readonly number[] }>()
  return {
    matching: (namespace, peer) => {
      // The policy's own namespace has no say where namespaces are selected: one answer serves all policies.
      const home = peer.namespaceSelector === undefined ? namespace : ''
      const before = asked.get(peer)
      if (before?.namespace === home) return before.found
      const found = matching(home, peer)
      asked.set(peer, { namespace: home, found })
      return found
    },
  }
}

/** Namespaces that only the policies speak of may have no name, so pods are told apart by their namespace's labels. */
function homesOf(pods: readonly PolicyPod[]): readonly Home[] {
  const homes = new Map<string, Home>()
  for (const [id, pod] of pods.entries()) {
    const key = JSON.stringify([pod.namespace, pod.namespaceLabels])
    const home = homes.get(key) ?? { pod, pods: [] }
    home.pods.push(id)
    homes.set(key, home)
  }
  return [...homes.values()]
}

function remember<Question, Answer>(
  answer: (namespace: string, question: Question) => Answer,
): (namespace: string, question: Question) => Answer {
  const answers = new Map<string, Answer>()
  return (namespace, question) => {
    const key = JSON.stringify([namespace, question])
    const known = answers.get(key)
    if (known !== undefined) return known
    const worked = answer(namespace, question)
    answers.set(key, worked)
    return worked
  }
}
