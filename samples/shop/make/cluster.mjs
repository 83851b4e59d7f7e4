/** Who lives in the sample cluster: nodes, namespaces, workloads, pods, services. */
import { hashOf, hexOf } from './random.mjs'

export const clusterName = 'prod'

export const nodes = [
  { name: 'control-plane', address: '10.0.0.10', podCidr: '10.244.0.0/24' },
  { name: 'worker-1', address: '10.0.0.11', podCidr: '10.244.1.0/24' },
  { name: 'worker-2', address: '10.0.0.12', podCidr: '10.244.2.0/24' },
]

export const namespaces = [
  { name: 'ingress-nginx', labels: {} },
  { name: 'kube-system', labels: {} },
  { name: 'monitoring', labels: {} },
  { name: 'patients', labels: { sensitivity: 'phi' } },
  { name: 'payments', labels: { sensitivity: 'pci' } },
  { name: 'shop', labels: {} },
]

const name = 'app.kubernetes.io/name'
const partOf = 'app.kubernetes.io/part-of'
const component = 'app.kubernetes.io/component'
const version = 'app.kubernetes.io/version'

const metrics = { name: 'metrics', port: 9102 }

/** `selector` is what the controller selects by, `labels` what its pod template adds. */
export const workloads = [
  {
    namespace: 'ingress-nginx',
    kind: 'Deployment',
    name: 'ingress-nginx-controller',
    serviceAccount: 'ingress-nginx',
    selector: { [name]: 'ingress-nginx', [component]: 'controller' },
    labels: { [partOf]: 'ingress-nginx', 'helm.sh/chart': 'ingress-nginx-4.12.0' },
    ports: [
      { name: 'http', port: 80 },
      { name: 'https', port: 443 },
      { name: 'webhook', port: 8443 },
      { name: 'metrics', port: 10254 },
    ],
    probe: 'metrics',
  },
  {
    namespace: 'kube-system',
    kind: 'Deployment',
    name: 'coredns',
    serviceAccount: 'coredns',
    selector: { 'k8s-app': 'kube-dns' },
    labels: {},
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53 },
      { name: 'metrics', port: 9153 },
      { name: 'ready', port: 8181 },
    ],
    probe: 'ready',
  },
  {
    namespace: 'monitoring',
    kind: 'StatefulSet',
    name: 'prometheus',
    serviceAccount: 'prometheus',
    selector: { [name]: 'prometheus' },
    labels: { 'app.kubernetes.io/instance': 'main' },
    ports: [{ name: 'web', port: 9090 }],
    probe: 'web',
  },
  {
    namespace: 'monitoring',
    kind: 'DaemonSet',
    name: 'node-exporter',
    selector: { [name]: 'node-exporter' },
    labels: {},
    hostNetwork: true,
    ports: [{ name: 'metrics', port: 9100 }],
  },
  {
    namespace: 'patients',
    kind: 'CronJob',
    name: 'backup',
    schedule: '*/10 * * * *',
    labels: { [name]: 'backup', [partOf]: 'patients' },
    ports: [],
  },
  {
    namespace: 'patients',
    kind: 'Deployment',
    name: 'records-api',
    serviceAccount: 'records-api',
    selector: { [name]: 'records-api' },
    labels: { [partOf]: 'patients' },
    ports: [{ name: 'http', port: 8080 }, metrics],
    probe: 'http',
  },
  {
    namespace: 'patients',
    kind: 'StatefulSet',
    name: 'records-db',
    selector: { [name]: 'records-db' },
    labels: { [partOf]: 'patients' },
    ports: [{ name: 'postgres', port: 5432 }],
  },
  {
    namespace: 'payments',
    kind: 'Deployment',
    name: 'payments-api',
    serviceAccount: 'payments-api',
    selector: { [name]: 'payments-api' },
    labels: {},
    ports: [{ name: 'https', port: 8443 }, metrics],
    probe: 'https',
  },
  {
    namespace: 'shop',
    kind: 'Deployment',
    name: 'cart',
    selector: { [name]: 'cart', [component]: 'api' },
    labels: { [partOf]: 'shop' },
    ports: [{ name: 'grpc', port: 8081 }, metrics],
    probe: 'grpc',
  },
  {
    namespace: 'shop',
    kind: 'StatefulSet',
    name: 'cart-redis',
    selector: { [name]: 'cart', [component]: 'cache' },
    labels: { [partOf]: 'shop' },
    ports: [{ name: 'redis', port: 6379 }],
  },
  {
    namespace: 'shop',
    kind: 'Deployment',
    name: 'checkout',
    selector: { [name]: 'checkout' },
    labels: { [partOf]: 'shop' },
    ports: [{ name: 'http', port: 8082 }, metrics],
    probe: 'http',
  },
  {
    namespace: 'shop',
    kind: 'Deployment',
    name: 'newsletter',
    selector: { [name]: 'newsletter' },
    labels: { [partOf]: 'shop' },
    ports: [],
  },
  {
    namespace: 'shop',
    kind: 'Deployment',
    name: 'web',
    selector: { [name]: 'web' },
    labels: { [partOf]: 'shop', [version]: '1.15.0' },
    ports: [{ name: 'http', port: 8080 }, metrics],
    probe: 'http',
  },
]

/** Name of the pod, its node, the last byte of its address; `hash` is the pod template's or the job's mark. */
const placements = [
  ['ingress-nginx/ingress-nginx-controller', '5f7b9c9d6c', 'wq8xz', 'worker-1', 20],
  ['kube-system/coredns', '668d6bf9bc', '4tlkm', 'control-plane', 5],
  ['kube-system/coredns', '668d6bf9bc', 'p9v2h', 'worker-1', 6],
  ['monitoring/prometheus', '0', '', 'worker-2', 30],
  ['patients/backup', '29540700', 'k6mzt', 'worker-2', 61],
  ['patients/backup', '29540710', 'd4x7r', 'worker-1', 62],
  ['patients/records-api', '6b8d5f7c44', '7hn2c', 'worker-1', 41],
  ['patients/records-api', '6b8d5f7c44', 'xk94v', 'worker-2', 42],
  ['patients/records-db', '0', '', 'worker-2', 43],
  ['payments/payments-api', '7d94c5b6f8', 'j5kq6', 'worker-1', 51],
  ['shop/cart', '5c6f7d8b94', 'b2wqs', 'worker-2', 12],
  ['shop/cart-redis', '0', '', 'worker-2', 13],
  ['shop/checkout', '84d6f9c5b7', 'm8rzl', 'worker-1', 14],
  ['shop/newsletter', '59c4d7f6b8', 'v6gtn', 'worker-2', 15],
  ['shop/web', '6d4cf56db6', 'fz5kp', 'worker-1', 10, { [version]: '1.14.2' }],
  ['shop/web', '6d4cf56db6', 'qj7bn', 'worker-2', 11, { [version]: '1.14.2' }],
  ['shop/web', '7c9d8f6b54', 'hw3td', 'worker-1', 16],
  ['shop/web', '7c9d8f6b54', 'zn6xs', 'worker-2', 17],
]

/** Labels that the controller puts on its pods, and the pod's name. */
function generatedLabels(workload, hash, suffix) {
  switch (workload.kind) {
    case 'StatefulSet': {
      const podName = `${workload.name}-${hash}`
      return [
        podName,
        {
          'apps.kubernetes.io/pod-index': hash,
          'controller-revision-hash': `${workload.name}-${hexOf(workload.name, 10)}`,
          'statefulset.kubernetes.io/pod-name': podName,
        },
      ]
    }
    case 'CronJob': {
      const job = `${workload.name}-${hash}`
      return [
        `${job}-${suffix}`,
        {
          'batch.kubernetes.io/controller-uid': uidOf(job),
          'batch.kubernetes.io/job-name': job,
          'controller-uid': uidOf(job),
          'job-name': job,
        },
      ]
    }
    default:
      return [`${workload.name}-${hash}-${suffix}`, { 'pod-template-hash': hash }]
  }
}

/** Returns a uid that follows from a name. */
export function uidOf(text) {
  const digits = hexOf(text, 32)
  return [8, 12, 16, 20, 32]
    .map((end, index) => digits.slice([0, 8, 12, 16, 20][index], end))
    .join('-')
}

function toPod([path, hash, suffix, node, host, changed]) {
  const workload = workloads.find((each) => `${each.namespace}/${each.name}` === path)
  const [podName, generated] = generatedLabels(workload, hash, suffix)
  return {
    kind: 'pod',
    namespace: workload.namespace,
    name: podName,
    workload,
    hash,
    node,
    address: podAddress(node, host),
    labels: { ...workload.selector, ...workload.labels, ...generated, ...changed },
  }
}

function podAddress(node, host) {
  return nodes.find((each) => each.name === node).podCidr.replace(/0\/24$/, String(host))
}

const debugPod = {
  kind: 'pod',
  namespace: 'shop',
  name: 'debug',
  workload: undefined,
  node: 'worker-1',
  address: podAddress('worker-1', 99),
  labels: { run: 'debug' },
}

/** Every pod that lived at some time of the recording. */
export const pods = [...placements.map(toPod), debugPod]

/** Returns the pods of a workload, `namespace/name`, in the order of their start. */
export function podsOf(path) {
  return pods.filter((pod) => pod.workload && `${pod.namespace}/${pod.workload.name}` === path)
}

/** Returns the debug pod, which no controller owns. */
export function debug() {
  return debugPod
}

/** Services; `target` is the name of a container port. */
export const services = [
  service('ingress-nginx/ingress-nginx-controller', '10.96.10.10', [
    { name: 'http', port: 80, target: 'http', nodePort: 30080 },
    { name: 'https', port: 443, target: 'https', nodePort: 30443 },
  ]),
  service('ingress-nginx/ingress-nginx-controller', '10.96.10.11', [
    { name: 'admission', port: 443, target: 'webhook' },
  ]),
  service('kube-system/coredns', '10.96.0.10', [
    { name: 'dns', port: 53, target: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, target: 53 },
  ]),
  service('patients/records-api', '10.96.40.1', [{ name: 'http', port: 80, target: 'http' }]),
  service('patients/records-db', 'None', [{ name: 'postgres', port: 5432, target: 'postgres' }]),
  service('payments/payments-api', '10.96.50.1', [{ name: 'https', port: 443, target: 'https' }]),
  service('shop/cart', '10.96.20.2', [{ name: 'grpc', port: 80, target: 'grpc' }]),
  service('shop/cart-redis', 'None', [{ name: 'redis', port: 6379, target: 'redis' }]),
  service('shop/checkout', '10.96.20.3', [{ name: 'http', port: 80, target: 'http' }]),
  service('shop/web', '10.96.20.1', [{ name: 'http', port: 80, target: 'http' }]),
]

function service(path, clusterIp, ports) {
  const [namespace, workload] = path.split('/')
  const names = { '10.96.0.10': 'kube-dns', '10.96.10.11': 'ingress-nginx-admission' }
  return {
    namespace,
    name: names[clusterIp] ?? workload,
    workload: workloads.find((each) => `${each.namespace}/${each.name}` === path),
    type: ports.some((port) => port.nodePort) ? 'LoadBalancer' : 'ClusterIP',
    clusterIp,
    ports,
  }
}

/** Labels of a pod that are part of its Cilium identity: the default filter drops what controllers generate. */
export function identityLabels(pod) {
  const dropped =
    /^(pod-template-hash|controller-revision-hash|controller-uid|batch\.kubernetes\.io\/controller-uid|statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index)$/
  const namespace = namespaces.find((each) => each.name === pod.namespace)
  const meta = 'io.cilium.k8s.namespace.labels.'
  return [
    ...Object.entries(pod.labels).filter(([key]) => !dropped.test(key)),
    ...Object.entries(namespace.labels).map(([key, value]) => [`${meta}${key}`, value]),
    [`${meta}kubernetes.io/metadata.name`, pod.namespace],
    ['io.cilium.k8s.policy.cluster', clusterName],
    ['io.cilium.k8s.policy.serviceaccount', pod.workload?.serviceAccount ?? 'default'],
    ['io.kubernetes.pod.namespace', pod.namespace],
  ]
    .map(([key, value]) => `k8s:${key}=${value}`)
    .sort()
}

/** Returns the numeric identity that belongs to a label set. */
export function identityOf(labels) {
  return 1024 + (hashOf(labels.join(',')) % 60_000)
}
