import { describe, expect, test } from 'vitest'
import {
  isGenerationLabelKey,
  isMetaLabelKey,
  isVolatileLabelKey,
  readLabels,
} from '../../src/flow/labels.ts'

describe('volatile keys', () => {
  test.each([
    'pod-template-hash',
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
    'rollouts-pod-template-hash',
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
  ])('%s', (key) => expect(isVolatileLabelKey(key)).toBe(true))

  test.each([
    'app',
    'app.kubernetes.io/name',
    'app.kubernetes.io/version',
    'version',
    'release',
    'track',
    'builder',
    'example.com/shape',
    'commit',
    '__proto__',
    'constructor',
    'topology.kubernetes.io/segment',
    '',
  ])('not %s', (key) => expect(isVolatileLabelKey(key)).toBe(false))
})

test.each([
  ['io.kubernetes.pod.namespace', true],
  ['io.cilium.k8s.policy.serviceaccount', true],
  ['io.cilium.k8s.namespace.labels.team', true],
  ['io.kubernetes.other', false],
  ['app', false],
])('%s is a meta key: %s', (key, expected) => expect(isMetaLabelKey(key)).toBe(expected))

test('generation keys are volatile, and tell rollouts apart', () => {
  const keys = [
    'pod-template-hash',
    'controller-revision-hash',
    'pod-template-generation',
    'rollouts-pod-template-hash',
  ]
  for (const key of keys)
    expect([isGenerationLabelKey(key), isVolatileLabelKey(key)]).toEqual([true, true])
  expect(isGenerationLabelKey('statefulset.kubernetes.io/pod-name')).toBe(false)
})

describe('lists', () => {
  test('are sorted by what their labels are good for', () => {
    const labels = readLabels([
      'k8s:tier=back',
      'k8s:app=web',
      'k8s:pod-template-hash=abc',
      'k8s:job-name=x',
      'reserved:world',
      'cidr:10.0.0.0/8',
      'k8s:io.kubernetes.pod.namespace=shop',
      'k8s:io.cilium.k8s.policy.cluster=prod',
      'k8s:io.cilium.k8s.namespace.labels.team=a',
      'any:x=y',
      'no-source',
    ])
    expect(labels).toEqual({
      pod: ['app=web', 'tier=back'],
      generation: ['pod-template-hash=abc'],
      namespaceLabels: ['team=a'],
      reserved: ['world'],
      namespace: 'shop',
      cluster: 'prod',
      hasKubernetes: true,
      hasPod: true,
      hasRange: true,
    })
  })

  test.each([
    ['k8s:app', 'app='],
    ['k8s:app=', 'app='],
    ['k8s:app=a=b', 'app=a=b'],
    ['k8s:app=a:b', 'app=a:b'],
    ['k8s:example.com/a.b=c', 'example.com/a.b=c'],
    ['k8s:__proto__=x', '__proto__=x'],
    ['k8s:constructor=x', 'constructor=x'],
  ])('%s is %s', (text, expected) => expect(readLabels([text]).pod).toEqual([expected]))

  test('hold each label once, in code unit order', () => {
    expect(readLabels(['k8s:b=1', 'k8s:B=1', 'k8s:b=1', 'k8s:é=1', 'k8s:a=1']).pod).toEqual([
      'B=1',
      'a=1',
      'b=1',
      'é=1',
    ])
  })

  test('of other values are empty', () => {
    expect(readLabels([null, 7, {}, [], '']).hasKubernetes).toBe(false)
  })
})
