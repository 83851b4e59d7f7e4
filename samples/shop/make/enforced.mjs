/** Which of the policies in `policies/` let a connection pass, or stopped it, while the recording ran. */

const patients = {
  'records-api': [
    { from: { namespace: 'shop' }, policy: 'records-api', match: 1 },
    { from: { namespace: 'monitoring' }, port: 9102, policy: 'records-api', match: 2 },
  ],
  'records-db': [
    { from: { workload: 'records-api' }, port: 5432, policy: 'records-db', match: 2 },
    { from: { workload: 'backup' }, port: 5432, policy: 'records-db', match: 2 },
  ],
  backup: [],
}

const shop = {
  cart: [
    { from: { workload: 'web' }, port: 8081, policy: 'cart', match: 2 },
    { from: { workload: 'checkout' }, port: 8081, policy: 'cart', match: 2 },
    { from: { workload: 'prometheus' }, port: 9102, policy: 'cart', match: 2 },
  ],
}

const ingress = { patients, shop }

const egress = {
  patients: {
    'records-api': [{ port: 5432, policy: 'records-api' }],
    backup: [
      { port: 5432, policy: 'backup' },
      { port: 443, policy: 'backup' },
    ],
  },
  shop: { cart: [{ port: 6379, policy: 'cart' }] },
}

/** Tells whether the server's policies stop a connection between two pods. */
export function isDenied(from, to, port) {
  const rules = ingress[to.namespace]?.[to.workload?.name]
  return (
    rules !== undefined && from.kind === 'pod' && !rules.some((rule) => admits(rule, from, port))
  )
}

/** Returns the policies that let a connection pass in one direction; none where nothing isolates. */
export function allowedBy(direction, { from, to, toPort }) {
  if (direction === 'INGRESS') {
    const rules = ingress[to.namespace]?.[to.workload?.name] ?? []
    return rules
      .filter((rule) => from.kind === 'pod' && admits(rule, from, toPort))
      .map((rule) => ({ match: rule.match, mark: markOf(to.namespace, rule.policy) }))
  }
  const { namespace, workload } = from
  if (toPort === 53) return dnsPolicies(namespace, workload?.name)
  return (egress[namespace]?.[workload?.name] ?? [])
    .filter((rule) => rule.port === toPort)
    .map((rule) => ({ match: 2, mark: markOf(namespace, rule.policy) }))
}

function dnsPolicies(namespace, workload) {
  if (namespace === 'patients') return [{ match: 2, mark: markOf(namespace, 'allow-dns') }]
  if (namespace === 'payments') {
    return [{ match: 2, mark: markOf(namespace, 'dns-visibility', 'CiliumNetworkPolicy') }]
  }
  return namespace === 'shop' && workload === 'cart'
    ? [{ match: 2, mark: markOf(namespace, 'cart') }]
    : []
}

function admits(rule, from, port) {
  if (rule.port !== undefined && rule.port !== port) return false
  return rule.from.workload
    ? rule.from.workload === from.workload?.name
    : rule.from.namespace === from.namespace
}

function markOf(namespace, name, kind = 'NetworkPolicy') {
  return {
    name,
    namespace,
    labels: [
      `k8s:io.cilium.k8s.policy.derived-from=${kind}`,
      `k8s:io.cilium.k8s.policy.name=${name}`,
      `k8s:io.cilium.k8s.policy.namespace=${namespace}`,
    ],
    revision: '7',
    kind,
  }
}
