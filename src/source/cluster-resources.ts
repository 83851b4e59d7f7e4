/** Which kinds of objects are listed of a live cluster; `deploy/cluster-role.yaml` allows just these. */

/** The word that means the live cluster where manifests are named; a file of that name is `./cluster`. */
export const liveCluster = 'cluster'

/** One kind of object. */
export interface ClusterResource {
  readonly apiVersion: string
  readonly kind: string
  /** Its name in paths of the API and in roles. */
  readonly plural: string
  /** What is not known where it may not be listed, as it goes on after "without which". */
  readonly lacking: string
  /** For a kind that not every cluster has. */
  readonly optional?: true
  /** For policies, whose lines are quoted in results. */
  readonly isPolicy?: true
}

const noPolicies = 'what they allow and deny is not seen'
const noWorkloads = 'pods are not traced to them, and those that never ran are not seen'

/** The policies of a cluster. */
export const policyResources: readonly ClusterResource[] = [
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    plural: 'networkpolicies',
    lacking: noPolicies,
    isPolicy: true,
  },
  {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    plural: 'ciliumnetworkpolicies',
    lacking: noPolicies,
    optional: true,
    isPolicy: true,
  },
  {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumClusterwideNetworkPolicy',
    plural: 'ciliumclusterwidenetworkpolicies',
    lacking: noPolicies,
    optional: true,
    isPolicy: true,
  },
]

/** What else a cluster contains, as far as it matters to policies. */
export const inventoryResources: readonly ClusterResource[] = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    plural: 'namespaces',
    lacking: 'labels of namespaces are not known',
  },
  {
    apiVersion: 'v1',
    kind: 'Node',
    plural: 'nodes',
    lacking: 'addresses of nodes count as outside ones',
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    plural: 'pods',
    lacking: 'pods without traffic are not seen',
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    plural: 'services',
    lacking: 'what is published, and what stands behind the address of a service, is not known',
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    lacking: 'the backends of services without a selector are not known',
  },
  { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', lacking: noWorkloads },
  { apiVersion: 'apps/v1', kind: 'StatefulSet', plural: 'statefulsets', lacking: noWorkloads },
  { apiVersion: 'apps/v1', kind: 'DaemonSet', plural: 'daemonsets', lacking: noWorkloads },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets', lacking: noWorkloads },
  {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    plural: 'replicationcontrollers',
    lacking: noWorkloads,
  },
  { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', lacking: noWorkloads },
  { apiVersion: 'batch/v1', kind: 'CronJob', plural: 'cronjobs', lacking: noWorkloads },
  {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    plural: 'rollouts',
    lacking: noWorkloads,
    optional: true,
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    plural: 'validatingwebhookconfigurations',
    lacking: 'the ports of webhooks are not kept open for the API server',
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    plural: 'mutatingwebhookconfigurations',
    lacking: 'the ports of webhooks are not kept open for the API server',
  },
  {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    plural: 'apiservices',
    lacking: 'the ports of aggregated APIs are not kept open for the API server',
  },
]
