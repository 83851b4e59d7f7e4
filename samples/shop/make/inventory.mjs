/** The cluster as `kubectl get ... -o yaml` would print it at the end of the recording, without what nobody reads. */

import { namespaces, nodes, pods, services, uidOf, workloads } from './cluster.mjs'
import { hashOf } from './random.mjs'

const apiVersions = {
  CronJob: 'batch/v1',
  DaemonSet: 'apps/v1',
  Deployment: 'apps/v1',
  Job: 'batch/v1',
  ReplicaSet: 'apps/v1',
  StatefulSet: 'apps/v1',
}

/** Generation of `web` that the rollout replaced. */
const retired = '6d4cf56db6'

/** Returns the inventory as YAML: one `List`. */
export function inventoryYaml() {
  const items = [
    ...namespaces.map(namespaceObject),
    ...nodes.map(nodeObject),
    ...workloads.map(workloadObject),
    ...pods.filter((pod) => pod.workload?.kind === 'CronJob').map(jobObject),
    ...pods.filter((pod) => pod.hash !== retired).map(podObject),
    ...nodes.map(nodeExporterPod),
    ...services.map(serviceObject),
    admissionWebhook(),
  ]
  return `${toYaml({ apiVersion: 'v1', kind: 'List', items })}\n`
}

function namespaceObject({ name, labels }) {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: sorted({ 'kubernetes.io/metadata.name': name, ...labels }) },
  }
}

function nodeObject({ name, address, podCidr }) {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: { podCIDR: podCidr, podCIDRs: [podCidr] },
    status: { addresses: [{ address, type: 'InternalIP' }] },
  }
}

function workloadObject(workload) {
  const { kind, namespace, name } = workload
  const template = templateOf(workload)
  const head = { apiVersion: apiVersions[kind], kind, metadata: { name, namespace } }
  if (kind === 'CronJob') {
    const { schedule } = workload
    return { ...head, spec: { schedule, jobTemplate: { spec: { template } } } }
  }
  const replicas = pods.filter((pod) => pod.workload === workload && pod.hash !== retired).length
  return {
    ...head,
    spec: {
      replicas: kind === 'DaemonSet' ? undefined : replicas,
      selector: { matchLabels: sorted(workload.selector) },
      serviceName: kind === 'StatefulSet' ? name : undefined,
      template,
    },
  }
}

function templateOf(workload) {
  return {
    metadata: { labels: sorted({ ...workload.selector, ...workload.labels }) },
    spec: podSpec(workload),
  }
}

function podSpec(workload) {
  const ports = (workload?.ports ?? []).map((port) => ({
    containerPort: port.port,
    name: port.name,
    protocol: port.protocol ?? 'TCP',
  }))
  const probe = workload?.probe && { httpGet: { path: '/healthz', port: workload.probe } }
  return {
    containers: [
      {
        name: workload?.name ?? 'debug',
        image: `registry.example/${workload?.name ?? 'debug'}:1`,
        ports: ports.length > 0 ? ports : undefined,
        readinessProbe: probe || undefined,
      },
    ],
    hostNetwork: workload?.hostNetwork,
    restartPolicy: workload?.kind === 'CronJob' ? 'Never' : undefined,
  }
}

function jobObject(pod) {
  const name = pod.labels['job-name']
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: pod.namespace,
      ownerReferences: [ownerReference('CronJob', pod.workload.name)],
    },
    spec: {
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uidOf(name) } },
      template: { metadata: { labels: sorted(pod.labels) }, spec: podSpec(pod.workload) },
    },
    status: { succeeded: 1 },
  }
}

function podObject(pod) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      labels: sorted(pod.labels),
      ownerReferences: ownerOf(pod),
    },
    spec: { ...podSpec(pod.workload), nodeName: pod.node },
    status: {
      phase: pod.workload?.kind === 'CronJob' ? 'Succeeded' : 'Running',
      podIP: pod.address,
      podIPs: [{ ip: pod.address }],
    },
  }
}

function ownerOf({ workload, hash, labels }) {
  if (workload === undefined) return undefined
  if (workload.kind === 'Deployment') {
    return [ownerReference('ReplicaSet', `${workload.name}-${hash}`)]
  }
  if (workload.kind === 'CronJob') return [ownerReference('Job', labels['job-name'])]
  return [ownerReference(workload.kind, workload.name)]
}

function ownerReference(kind, name) {
  return { apiVersion: apiVersions[kind], controller: true, kind, name, uid: uidOf(name) }
}

function nodeExporterPod({ name, address }) {
  const workload = workloads.find((each) => each.name === 'node-exporter')
  return podObject({
    name: `node-exporter-${hashOf(name).toString(36).slice(0, 5)}`,
    namespace: workload.namespace,
    workload,
    node: name,
    address,
    labels: { ...workload.selector, 'controller-revision-hash': '7f6b9d4c58' },
  })
}

function serviceObject({ namespace, name, workload, type, clusterIp, ports }) {
  const published = type === 'LoadBalancer'
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      clusterIP: clusterIp,
      clusterIPs: [clusterIp],
      externalTrafficPolicy: published ? 'Local' : undefined,
      ports: ports.map((port) => ({
        name: port.name,
        nodePort: port.nodePort,
        port: port.port,
        protocol: port.protocol ?? 'TCP',
        targetPort: port.target,
      })),
      selector: sorted(workload.selector),
      type,
    },
    status: published ? { loadBalancer: { ingress: [{ ip: '192.0.2.10' }] } } : undefined,
  }
}

function admissionWebhook() {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'ingress-nginx-admission' },
    webhooks: [
      {
        name: 'validate.nginx.ingress.example',
        admissionReviewVersions: ['v1'],
        clientConfig: {
          service: { name: 'ingress-nginx-admission', namespace: 'ingress-nginx', port: 443 },
        },
        sideEffects: 'None',
      },
    ],
  }
}

function sorted(labels) {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Renders plain data as block-style YAML; strings that another scalar could be mistaken for are quoted. */
function toYaml(value, indent = '') {
  if (Array.isArray(value)) {
    return value.map((item) => `${indent}- ${toYaml(item, `${indent}  `).trimStart()}`).join('\n')
  }
  if (typeof value !== 'object') return indent + scalar(value)
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${indent}${key}:${memberYaml(member, indent)}`)
    .join('\n')
}

function memberYaml(member, indent) {
  if (typeof member !== 'object') return ` ${scalar(member)}`
  const isEmpty = (Array.isArray(member) ? member : Object.keys(member)).length === 0
  if (isEmpty) return Array.isArray(member) ? ' []' : ' {}'
  return `\n${toYaml(member, Array.isArray(member) ? indent : `${indent}  `)}`
}

function scalar(value) {
  if (typeof value !== 'string') return String(value)
  const isPlain =
    /^[A-Za-z][\w./:-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)
  return isPlain && !value.endsWith(':') ? value : JSON.stringify(value)
}
