/**
 * Cilium policies that are taken and that are refused, as a truth table: what netweir says of each stands here, and the
 * interop test asks Cilium's own schema and sanitiser the same.
 */

/** One policy and what is said of it. */
export interface CiliumCase {
  readonly what: string
  readonly kind?: 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy'
  readonly spec: unknown
  /** The one problem, without its place; absent for a policy that is taken. */
  readonly problem?: string
  /** Cilium takes it, though it does not do what it seems to say. */
  readonly stricter?: true
}

const pods = { endpointSelector: { matchLabels: { app: 'web' } } }
const ingress = (...rules: unknown[]): unknown => ({ ...pods, ingress: rules })
const egress = (...rules: unknown[]): unknown => ({ ...pods, egress: rules })
const ports = (...list: unknown[]): unknown => ingress({ toPorts: [{ ports: list }] })
const many = (count: number): unknown[] =>
  Array.from({ length: count }, (_, index) => ({ port: String(1000 + index), protocol: 'TCP' }))
const pings = (count: number): unknown[] =>
  Array.from({ length: count }, (_, index) => ({ family: 'IPv4', type: index }))
const dns = [{ matchPattern: '*' }]

export const ciliumCases: readonly CiliumCase[] = [
  { what: 'isolates and lets nothing in', spec: ingress({}) },
  {
    what: 'every pod of the namespace',
    spec: { endpointSelector: {}, ingress: [{}], egress: [{}] },
  },
  {
    what: 'peers by labels',
    spec: ingress({ fromEndpoints: [{ matchLabels: { 'k8s:app': 'db' } }] }),
  },
  {
    what: 'peers of another namespace and cluster',
    spec: egress({
      toEndpoints: [
        {
          matchLabels: {
            'k8s:io.kubernetes.pod.namespace': 'data',
            'k8s:io.cilium.k8s.policy.cluster': 'edge',
          },
          matchExpressions: [{ key: 'k8s:app', operator: 'In', values: ['a', 'b'] }],
        },
      ],
    }),
  },
  { what: 'nobody', spec: ingress({ fromEndpoints: [] }) },
  {
    what: 'a reserved label',
    spec: ingress({ fromEndpoints: [{ matchLabels: { 'reserved:host': '' } }] }),
  },
  {
    what: 'entities',
    spec: egress({ toEntities: ['kube-apiserver', 'remote-node', 'host', 'ingress', 'world'] }),
  },
  {
    what: 'a port number and a range',
    spec: ports({ port: '80', endPort: 90, protocol: 'TCP' }, { port: '53' }),
  },
  { what: 'every port', spec: ports({ port: '0', protocol: 'SCTP' }) },
  { what: 'a named port', spec: ports({ port: 'HTTP', protocol: 'TCP' }) },
  { what: '40 ports', spec: ports(...many(40)) },
  {
    what: 'ICMP by number and name',
    spec: ingress({ icmps: [{ fields: [{ type: 8 }, { family: 'IPv6', type: 'EchoRequest' }] }] }),
  },
  { what: 'blocks', spec: egress({ toCIDR: ['10.0.0.0/8', '2001:db8::/32'] }) },
  {
    what: 'blocks with holes',
    spec: egress({ toCIDRSet: [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }] }),
  },
  { what: 'a group of blocks', spec: egress({ toCIDRSet: [{ cidrGroupRef: 'office' }] }) },
  {
    what: 'names',
    spec: egress({
      toFQDNs: [{ matchName: 'api.example.com' }, { matchPattern: '*.example.org' }],
      toPorts: [{ ports: [{ port: '443', protocol: 'TCP' }] }],
    }),
  },
  {
    what: 'DNS rules',
    spec: egress({ toPorts: [{ ports: [{ port: '53', protocol: 'ANY' }], rules: { dns } }] }),
  },
  {
    what: 'HTTP rules',
    spec: ingress({
      toPorts: [
        {
          ports: [{ port: '80', protocol: 'TCP' }],
          rules: { http: [{ method: 'GET', path: '/a/.*' }] },
        },
      ],
    }),
  },
  ...[
    '(?i)/x',
    '(?i:/x)/y',
    '/(?P<id>[[:digit:]]+)',
    '/[[:^space:]/]*',
    '/\\Qa(b\\E',
    '\\A/\\pL\\p{Greek}\\x{10FFFF}\\z',
    '(?U)/a+',
  ].map((path) => ({
    what: `an expression of RE2 alone: ${path}`,
    spec: ingress({
      toPorts: [{ ports: [{ port: '80', protocol: 'TCP' }], rules: { http: [{ path }] } }],
    }),
  })),
  ...['(', '[a', '*x', 'a**', '(?=x)', '(?<!x)y', '(x)\\1', '(?z)x'].map((path) => ({
    what: `no expression: ${path}`,
    spec: ingress({
      toPorts: [{ ports: [{ port: '80', protocol: 'TCP' }], rules: { http: [{ path }] } }],
    }),
    problem: 'http[0].path: ',
  })),
  {
    what: 'no default deny',
    spec: { ...pods, enableDefaultDeny: { egress: false }, egress: [{ toEntities: ['world'] }] },
  },
  {
    what: 'denials',
    spec: {
      ...pods,
      ingressDeny: [{ fromEntities: ['world'] }],
      egressDeny: [{ toCIDR: ['169.254.169.254/32'] }],
    },
  },
  {
    what: 'services',
    spec: egress({ toServices: [{ k8sService: { serviceName: 'a', namespace: 'b' } }] }),
  },
  {
    what: 'nodes',
    kind: 'CiliumClusterwideNetworkPolicy',
    spec: { nodeSelector: {}, ingress: [{ fromEntities: ['cluster'] }] },
  },
  {
    what: 'clusterwide',
    kind: 'CiliumClusterwideNetworkPolicy',
    spec: { endpointSelector: {}, egress: [{}] },
  },

  {
    what: 'no rule',
    spec: pods,
    problem: 'must have a rule in ingress, ingressDeny, egress or egressDeny',
  },
  {
    what: 'empty rules',
    spec: { ...pods, ingress: [] },
    problem: 'must have a rule in ingress, ingressDeny, egress or egressDeny',
  },
  { what: 'no selector', spec: { ingress: [{}] }, problem: 'must have endpointSelector' },
  {
    what: 'nodes in a namespace',
    spec: { nodeSelector: {}, ingress: [{}] },
    problem: 'is allowed in a CiliumClusterwideNetworkPolicy alone',
  },
  {
    what: 'two kinds of selector',
    kind: 'CiliumClusterwideNetworkPolicy',
    spec: { ...pods, nodeSelector: {}, ingress: [{}] },
    problem: 'must have just one of endpointSelector and nodeSelector',
  },
  {
    what: 'an unknown field',
    spec: { ...pods, ingress: [{ from: [] }] },
    problem: 'is an unknown field',
  },
  {
    what: 'two kinds of peers',
    spec: ingress({ fromEndpoints: [{}], fromEntities: ['host'] }),
    problem: 'must have one kind of peers, has fromEndpoints and fromEntities',
  },
  {
    what: 'names beside blocks',
    spec: egress({ toFQDNs: [{ matchName: 'a.b' }], toCIDR: ['10.0.0.0/8'] }),
    problem: 'must have one kind of peers, has toCIDR and toFQDNs',
  },
  {
    what: 'an unknown entity',
    spec: ingress({ fromEntities: ['internet'] }),
    problem: 'must be one of all, world',
  },
  { what: '41 ports', spec: ports(...many(41)), problem: 'must have at most 40 items, has 41' },
  {
    what: '41 ICMP types',
    spec: ingress({ icmps: [{ fields: pings(41) }] }),
    problem: 'must have at most 40 items, has 41',
  },
  {
    what: 'ICMP beside ports',
    spec: ingress({ toPorts: [{ ports: [{ port: '80' }] }], icmps: [{ fields: [{ type: 8 }] }] }),
    problem: 'must not have icmps beside toPorts',
  },
  {
    what: 'an unknown ICMP name',
    spec: ingress({ icmps: [{ fields: [{ type: 'EchoRequests' }] }] }),
    problem: 'must be a number from 0 to 255 or the name of an IPv4 type',
  },
  {
    what: 'an ICMP type of the other family',
    spec: ingress({ icmps: [{ fields: [{ family: 'IPv4', type: 'PacketTooBig' }] }] }),
    problem: 'must be a number from 0 to 255 or the name of an IPv4 type',
  },
  {
    what: 'an ICMP type out of range',
    spec: ingress({ icmps: [{ fields: [{ type: 256 }] }] }),
    problem: 'must be a number from 0 to 255 or the name of an IPv4 type',
    stricter: true,
  },
  {
    what: 'an unknown protocol',
    spec: ports({ port: '80', protocol: 'tcp' }),
    problem: 'must be one of TCP, UDP, SCTP, VRRP, IGMP, ANY',
  },
  {
    what: 'a port as a number',
    spec: ports({ port: 80 }),
    problem: 'must be a string, is the number 80',
  },
  {
    what: 'a port too high',
    spec: ports({ port: '65536' }),
    problem: 'must be from "0" to "65535"',
  },
  { what: 'no port', spec: ports({ protocol: 'TCP' }), problem: 'is required' },
  {
    what: 'a range upside down',
    spec: ports({ port: '90', endPort: 80 }),
    problem: 'must be at least port (90), is 80',
    stricter: true,
  },
  {
    what: 'a port of a protocol without ports',
    spec: ports({ port: '80', protocol: 'VRRP' }),
    problem: 'must be "0" for VRRP',
  },
  {
    what: 'not a block',
    spec: egress({ toCIDR: ['10.0.0.0'] }),
    problem: 'must be a CIDR such as',
  },
  {
    what: 'a hole outside its block',
    spec: egress({ toCIDRSet: [{ cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] }] }),
    problem: 'must be inside cidr (10.0.0.0/8)',
  },
  {
    what: 'a block and a group',
    spec: egress({ toCIDRSet: [{ cidr: '10.0.0.0/8', cidrGroupRef: 'a' }] }),
    problem: 'must have just one of cidr, cidrGroupRef and cidrGroupSelector',
  },
  {
    what: 'a name and a pattern',
    spec: egress({ toFQDNs: [{ matchName: 'a.b', matchPattern: '*.b' }] }),
    problem: 'must have just one of matchName and matchPattern',
  },
  {
    what: 'a name with a space',
    spec: egress({ toFQDNs: [{ matchName: 'a b' }] }),
    problem: 'expected at most 255 of',
  },
  {
    what: 'DNS rules on ingress',
    spec: ingress({ toPorts: [{ ports: [{ port: '53', protocol: 'ANY' }], rules: { dns } }] }),
    problem: 'is not allowed on ingress',
  },
  {
    what: 'DNS rules without ports',
    spec: egress({ toPorts: [{ rules: { dns } }] }),
    problem: 'needs a list of ports',
  },
  {
    what: 'HTTP over UDP',
    spec: ingress({
      toPorts: [{ ports: [{ port: '80', protocol: 'UDP' }], rules: { http: [{}] } }],
    }),
    problem: 'can only check TCP',
  },
  {
    what: 'HTTP on every port',
    spec: ingress({
      toPorts: [{ ports: [{ port: '0', protocol: 'TCP' }], rules: { http: [{}] } }],
    }),
    problem: 'must not stand beside port "0"',
  },
  {
    what: 'two kinds of proxy rules',
    spec: ingress({
      toPorts: [{ ports: [{ port: '80', protocol: 'TCP' }], rules: { http: [{}], l7proto: 'x' } }],
    }),
    problem: 'must have just one of http, dns, kafka and l7proto',
  },
  {
    what: 'a bad key',
    spec: ingress({ fromEndpoints: [{ matchLabels: { 'k8s:app-': 'x' } }] }),
    problem: 'key is "k8s:app-"',
  },
  {
    what: 'a bad value',
    spec: ingress({ fromEndpoints: [{ matchLabels: { 'k8s:app': '-' } }] }),
    problem: 'is "-"',
  },
  {
    what: 'values for Exists',
    spec: ingress({
      fromEndpoints: [{ matchExpressions: [{ key: 'app', operator: 'Exists', values: ['a'] }] }],
    }),
    problem: 'must be absent for the operator Exists',
  },
  {
    what: 'rules of a proxy that denies',
    spec: {
      ...pods,
      ingressDeny: [
        { toPorts: [{ ports: [{ port: '80', protocol: 'TCP' }], rules: { http: [{}] } }] },
      ],
    },
    problem: 'is an unknown field',
  },
]

/** Returns the policy of a case as a plain object. */
export function casePolicy({ kind = 'CiliumNetworkPolicy', spec }: CiliumCase): object {
  const namespace = kind === 'CiliumNetworkPolicy' ? { namespace: 'shop' } : {}
  return { apiVersion: 'cilium.io/v2', kind, metadata: { name: 'p', ...namespace }, spec }
}
