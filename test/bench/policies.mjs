/** Times the way from traffic to a diff on one made-up cluster, in a process of its own; prints one JSON line. */

import { verifyPolicies } from '../../dist/diff/verify.js'
import { diffPolicies } from '../../dist/index.js'
import { prove } from '../../dist/synthesis/gate.js'
import { synthesize } from '../../dist/synthesis/synthesize.js'
import { makeCluster } from './cluster.mjs'

const [workloads, edges] = process.argv.slice(2).map(Number)
const traffic = makeCluster({ workloads, edges })
const baseBytes = process.memoryUsage().rss

const times = {}
const user = {}
const timed = (name, work) => {
  const cpuBefore = process.cpuUsage()
  const before = performance.now()
  const result = work()
  times[name] = performance.now() - before
  user[name] = process.cpuUsage(cpuBefore).user / 1_000
  return result
}
const located = (policy) => ({
  policy,
  location: { file: '' },
  rules: { ingress: [], egress: [] },
})

const synthesis = timed('synthesis', () => synthesize(traffic, {}))
const gate = timed('gate', () => prove(traffic, synthesis))
const generated = synthesis.policies.map((one) => located(one.policy))
const changed = generated.map((one, index) => (index === 1 ? withoutIngress(one) : one))
const small = timed('small diff', () => diffPolicies({ old: changed, new: generated, traffic }))
const allowAll = Object.keys(traffic.namespaces).map((namespace) =>
  located({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'allow-all', namespace },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{}],
      egress: [{}],
    },
  }),
)
const whole = timed('allow-all diff', () =>
  diffPolicies({ old: allowAll, new: generated, traffic }),
)
const fromNone = timed('first diff', () => diffPolicies({ old: [], new: generated, traffic }))
// Policies that were read from files share nothing with those that were just made.
const read = structuredClone(changed)
const readDiff = timed('small diff of policies that were read', () =>
  diffPolicies({ old: read, new: generated, traffic }),
)
const verified = timed('verify', () => verifyPolicies({ traffic, policies: generated }))

console.log(
  JSON.stringify({
    workloads,
    edges,
    times,
    user,
    gate,
    policies: generated.length,
    changes: [small, whole, fromNone, readDiff].map((diff) => diff.changes.length),
    covered: verified.coverage.edges.covered,
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
    baseMegabytes: Math.round(baseBytes / 2 ** 20),
  }),
)

function withoutIngress(one) {
  const { policy } = one
  return { ...one, policy: { ...policy, spec: { ...policy.spec, ingress: [] } } }
}
