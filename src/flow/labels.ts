/** Labels as Hubble prints them (`source:key=value`), sorted by what they are good for (`hubble.md` 7.2). */
import { splitLabel } from '../labels.ts'
import { asBoundedText, MalformedRecord } from './json.ts'

/** What the label list of one endpoint says. */
export interface RecordLabels {
  /** Pod labels without meta and volatile ones, `key=value`, sorted. */
  readonly pod: readonly string[]
  /** Volatile labels that tell one generation of pods from the next, `key=value`, sorted. */
  readonly generation: readonly string[]
  /** Labels of the namespace object, `key=value`, sorted. */
  readonly namespaceLabels: readonly string[]
  /** Names of the reserved labels, without `reserved:`, sorted. */
  readonly reserved: readonly string[]
  /** The namespace that a meta label names; empty when none does. */
  readonly namespace: string
  /** The cluster that a meta label names; empty when none does. */
  readonly cluster: string
  /** True when a label of source `k8s` stands there at all: then the pod's own labels are known. */
  readonly hasKubernetes: boolean
  /** True when a pod label stands there, volatile or not. */
  readonly hasPod: boolean
  /** True when an address range or a name of an existing policy stands there. */
  readonly hasRange: boolean
}

const namespaceKey = 'io.kubernetes.pod.namespace'
const clusterKey = 'io.cilium.k8s.policy.cluster'
const namespaceLabelPrefix = 'io.cilium.k8s.namespace.labels.'

/** How many labels of one endpoint are read; Kubernetes objects stay far below. */
const maxLabels = 1024

const volatileKeys: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'rollouts-pod-template-hash',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'job-name',
  'controller-uid',
  'batch.kubernetes.io/job-name',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-completion-index',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'helm.sh/chart',
  'chart',
  'security.istio.io/tlsMode',
  'service.istio.io/canonical-revision',
])

const volatilePrefixes = ['failure-domain.beta.kubernetes.io/', 'serving.knative.dev/revision']

const volatileNames = /\/(?:commit|sha|build[^/]*|revision|image-tag|timestamp|checksum)$/

const generationKeys: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'rollouts-pod-template-hash',
])

/** Tells whether no selector may ever use a label key, whatever the data say (`algorithms.md` A.2). */
export function isVolatileLabelKey(key: string): boolean {
  return (
    volatileKeys.has(key) ||
    volatilePrefixes.some((prefix) => key.startsWith(prefix)) ||
    volatileNames.test(key)
  )
}

/** Tells whether a label key exists only in Cilium and on no pod. */
export function isMetaLabelKey(key: string): boolean {
  return key === namespaceKey || key.startsWith('io.cilium.k8s.')
}

/** Tells whether a volatile label key tells one generation of a workload's pods from the next. */
export function isGenerationLabelKey(key: string): boolean {
  return generationKeys.has(key)
}

/**
 * Returns what a record's label list says. Labels of other sources than `k8s` and `reserved` are no pod labels, and a
 * `cidr:` label stems from an existing policy, so neither is kept.
 * @throws {MalformedRecord} when a label is longer than any that Kubernetes allows, or there are too many.
 */
export function readLabels(list: readonly unknown[]): RecordLabels {
  if (list.length > maxLabels) {
    throw new MalformedRecord(`an endpoint has more than ${maxLabels} labels`)
  }
  const found = new LabelSorter()
  for (const text of list) found.add(asBoundedText(text, 'a label'))
  return found.result()
}

/** Collects labels one by one. */
class LabelSorter {
  private readonly pod = new Map<string, string>()
  private readonly generation = new Map<string, string>()
  private readonly namespaceLabels = new Map<string, string>()
  private readonly reserved = new Set<string>()
  private namespace = ''
  private cluster = ''
  private hasKubernetes = false
  private hasVolatile = false
  private hasRange = false

  add(text: string): void {
    const colon = text.indexOf(':')
    const source = text.slice(0, Math.max(colon, 0))
    if (source === 'k8s') this.addKubernetes(text.slice(colon + 1))
    else if (source === 'reserved') this.reserved.add(splitLabel(text.slice(colon + 1))[0])
    else if (source === 'cidr' || source === 'fqdn' || source === 'cidrgroup') this.hasRange = true
  }

  result(): RecordLabels {
    return {
      pod: sortedTexts(this.pod),
      generation: sortedTexts(this.generation),
      namespaceLabels: sortedTexts(this.namespaceLabels),
      reserved: [...this.reserved].sort(),
      namespace: this.namespace,
      cluster: this.cluster,
      hasKubernetes: this.hasKubernetes,
      hasPod: this.pod.size > 0 || this.generation.size > 0 || this.hasVolatile,
      hasRange: this.hasRange,
    }
  }

  private addKubernetes(text: string): void {
    this.hasKubernetes = true
    const [key, value] = splitLabel(text)
    if (isMetaLabelKey(key)) this.addMeta(key, value)
    else if (!isVolatileLabelKey(key)) this.pod.set(key, value)
    else if (isGenerationLabelKey(key)) this.generation.set(key, value)
    else this.hasVolatile = true
  }

  private addMeta(key: string, value: string): void {
    if (key === namespaceKey) this.namespace = value
    else if (key === clusterKey) this.cluster = value
    else if (key.startsWith(namespaceLabelPrefix)) {
      this.namespaceLabels.set(key.slice(namespaceLabelPrefix.length), value)
    }
  }
}

function sortedTexts(labels: ReadonlyMap<string, string>): readonly string[] {
  return [...labels].map(([key, value]) => `${key}=${value}`).sort()
}
