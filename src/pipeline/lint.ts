/** Looks for what is wrong with existing policies. */
import { lintPolicies } from '../diff/lint.ts'
import type { ClusterRanges } from '../diff/lint-knowledge.ts'
import { NetweirError } from '../errors.ts'
import { readPoliciesTolerantly } from '../policy/tolerant.ts'
import type { Inventory } from '../traffic/inventory.ts'
import { containerPorts } from './container-ports.ts'
import { withoutTraffic } from './diff.ts'
import { checkStdin, learnInput } from './learn.ts'
import { readPolicyManifests } from './manifests.ts'
import type { LintOptions, LintResult, RunHost } from './pipeline.ts'

/**
 * Returns what is wrong with the policies of all paths. What the API server would refuse is a finding and no failure.
 * @throws {NetweirError} `MANIFEST_INVALID` where there is no policy at all, and the codes of reading and manifests.
 */
export async function lint(
  paths: readonly string[],
  options: LintOptions,
  host: RunHost,
): Promise<LintResult> {
  const { flows = [], inventory: inventoryPaths = [] } = options
  checkStdin(paths, flows, inventoryPaths)
  const { manifests, notices } = await readPolicyManifests(paths, options, host)
  const { policies, faults } = readPoliciesTolerantly(manifests)
  if (policies.length + faults.length === 0) {
    throw new NetweirError('MANIFEST_INVALID', 'there is no policy in the input', {
      ...(paths[0] === undefined ? {} : { location: { file: paths[0] } }),
      hint: 'name manifests of NetworkPolicies, as kubectl get networkpolicies -A -o yaml gives them',
    })
  }
  const isBlind = flows.length === 0 && inventoryPaths.length === 0
  const known =
    flows.length > 0 ? await learnInput(flows, options, host) : await withoutTraffic(options, host)
  const ranges = clusterRanges(options, known.inventory)
  const report = lintPolicies({
    policies,
    faults,
    ...(ranges === undefined ? {} : { ranges }),
    ...(isBlind
      ? {}
      : {
          knowledge: {
            traffic: known.traffic,
            portsOf: containerPorts(known.traffic, known.inventory),
          },
        }),
  })
  return { report, notices: [...notices, ...known.notices] }
}

/** Returns the cluster's own addresses, or undefined where nobody said anything about them. */
function clusterRanges(
  { podCidrs = [], serviceCidrs = [], nodeCidrs = [] }: LintOptions,
  inventory: Inventory | undefined,
): ClusterRanges | undefined {
  const ranges = {
    pods: [
      ...podCidrs,
      ...(inventory?.nodes ?? []).flatMap((node) => node.podCidrs),
      ...(inventory?.pods ?? [])
        .filter((pod) => !pod.hostNetwork)
        .flatMap((pod) => pod.addresses.map(wholePrefix)),
    ],
    services: [
      ...serviceCidrs,
      ...(inventory?.services ?? []).flatMap((service) => service.clusterIps.map(wholePrefix)),
    ],
    nodes: [
      ...nodeCidrs,
      ...(inventory?.nodes ?? []).flatMap((node) => node.addresses.map(wholePrefix)),
    ],
  }
  const isEmpty = Object.values(ranges).every((prefixes) => prefixes.length === 0)
  return isEmpty ? undefined : ranges
}

function wholePrefix(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`
}
