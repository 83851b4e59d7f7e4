import { describe, expect, test } from 'vitest'
import { isMetaLabelKey, isVolatileLabelKey } from '../../src/flow/labels.ts'
import { toLabels } from '../../src/labels.ts'
import {
  isResolver,
  isStaticVolatileKey,
  isSuspectKey,
  passesIdentityFilter,
} from '../../src/policy/label-keys.ts'

describe('isStaticVolatileKey', () => {
  test.each([
    'pod-template-hash',
    'rollouts-pod-template-hash',
    'controller-revision-hash',
    'pod-template-generation',
    'statefulset.kubernetes.io/pod-name',
    'apps.kubernetes.io/pod-index',
    'job-name',
    'controller-uid',
    'batch.kubernetes.io/job-name',
    'batch.kubernetes.io/controller-uid',
    'batch.kubernetes.io/job-completion-index',
    'topology.kubernetes.io/zone',
    'topology.kubernetes.io/region',
    'failure-domain.beta.kubernetes.io/zone',
    'helm.sh/chart',
    'chart',
    'serving.knative.dev/revision',
    'serving.knative.dev/revisionUID',
    'security.istio.io/tlsMode',
    'service.istio.io/canonical-revision',
    'example.com/commit',
    'example.com/sha',
    'example.com/build',
    'example.com/build-id',
    'example.com/revision',
    'example.com/image-tag',
    'example.com/timestamp',
    'example.com/checksum',
    'io.kubernetes.pod.namespace',
    'io.cilium.k8s.policy.cluster',
    'io.cilium.k8s.namespace.labels.team',
    'reserved:host',
  ])('%s is', (key) => {
    expect(isStaticVolatileKey(key)).toBe(true)
    // What reading flows drops and what selectors never use are one list, written where each may import it.
    const isDropped = isVolatileLabelKey(key) || isMetaLabelKey(key) || key.startsWith('reserved:')
    expect(isDropped).toBe(true)
  })

  test.each([
    'app',
    'app.kubernetes.io/name',
    'build',
    'commit',
    'example.com/commit-style',
    'example.com/rebuild',
    'my-pod-template-hash',
    'service.istio.io/canonical-name',
    'version',
    '',
    'constructor',
  ])('%s is not', (key) => {
    expect(isStaticVolatileKey(key)).toBe(false)
    expect(isVolatileLabelKey(key)).toBe(false)
  })
})

test.each([
  ['version', true],
  ['app.kubernetes.io/version', true],
  ['track', true],
  ['release', true],
  ['heritage', true],
  ['app', false],
  ['app.kubernetes.io/instance', false],
])('%s is suspect: %s', (key, expected) => {
  expect(isSuspectKey(key)).toBe(expected)
})

test.each([
  ['app', true],
  ['app.kubernetes.io/name', true],
  ['job-name', true],
  ['helm.sh/chart', true],
  ['topology.kubernetes.io/zone', true],
  ['io.kubernetes.pod.namespace', true],
  ['io.kubernetes.container.name', false],
  ['kubernetes.io/os', false],
  ['k8s.io/cluster-service', false],
  ['beta.kubernetes.io/arch', false],
  ['failure-domain.beta.kubernetes.io/zone', false],
  ['statefulset.kubernetes.io/pod-name', false],
  ['apps.kubernetes.io/pod-index', false],
  ['batch.kubernetes.io/job-completion-index', false],
  ['batch.kubernetes.io/controller-uid', false],
  ['controller-uid', false],
  ['pod-template-hash', false],
  ['pod-template-generation', false],
  ['controller-revision-hash', false],
  ['annotation.note', false],
  ['etcd_node', false],
])('Cilium keeps %s in the identity: %s', (key, expected) => {
  expect(passesIdentityFilter(key)).toBe(expected)
})

test.each([
  ['k8s-app', 'kube-dns', true],
  ['k8s-app', 'dns-default', true],
  ['k8s-app', 'web', false],
  ['app.kubernetes.io/name', 'coredns', true],
  ['app', 'coredns', false],
  ['constructor', 'default', false],
])('%s=%s marks a name server: %s', (key, value, expected) => {
  expect(isResolver(toLabels([[key, value]]))).toBe(expected)
})
