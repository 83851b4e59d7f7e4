import { describe, expect, test } from 'vitest'
import { lintPolicies } from '../../src/diff/lint.ts'
import type { ClusterRanges, LintKnowledge } from '../../src/diff/lint-knowledge.ts'
import type { LintCode, LintReport } from '../../src/diff/lint-report.ts'
import { hasFindings, lintCodes } from '../../src/diff/lint-report.ts'
import { readManifests } from '../../src/policy/manifest.ts'
import { readPoliciesTolerantly } from '../../src/policy/tolerant.ts'
import { makeTraffic } from '../support/traffic.ts'

const traffic = makeTraffic(
  [
    'shop/app=web',
    'shop/app=api,tier=back',
    'data/app=db',
    { of: 'kube-system/k8s-app=kube-dns', workload: 'coredns' },
  ],
  [],
)
const containerPorts = [
  [{ name: 'http', protocol: 'TCP' as const, port: 8080 }],
  [],
  [{ name: 'pg', protocol: 'TCP' as const, port: 5432 }],
]
const knowledge: LintKnowledge = { traffic, portsOf: (id) => containerPorts[id] }
const ranges: ClusterRanges = {
  pods: ['10.244.0.0/16'],
  services: ['10.96.0.10/32'],
  nodes: ['10.0.0.5/32'],
}

/** A policy from its spec, written in flow style. */
function policy(spec: string, name = 'p', namespace = 'shop'): string {
  const head = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n'
  return `${head}metadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n`
}

interface Case {
  readonly code: LintCode
  readonly what: string
  readonly found: readonly string[]
  /** The nearest that is right: the finding is not there. */
  readonly clean: readonly string[]
  /** A part of the message. */
  readonly says: string
  /** Default: 1. */
  readonly times?: number
}

const web = 'podSelector: {matchLabels: {app: web}}'
const dns =
  '{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}'
const fromApi = '{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 80}]}'

/** A Cilium policy of namespace shop. */
function cilium(rules: string, selector = '{}'): string {
  return `apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {endpointSelector: ${selector}, ${rules}}\n`
}

const cases: readonly Case[] = [
  {
    code: 'INVALID',
    what: 'a spec that the API server refuses',
    found: [policy(`{${web}, ingress: [{ports: [{port: 70000}]}]}`)],
    clean: [policy(`{${web}, ingress: [{ports: [{port: 7000}]}]}`)],
    says: 'must be from 1 to 65535, is 70000',
  },
  {
    code: 'DUPLICATE_NAME',
    what: 'two policies of one name',
    found: [policy(`{${web}}`), policy('{podSelector: {}}')],
    clean: [policy(`{${web}}`), policy('{podSelector: {}}', 'q')],
    says: 'first at a.yaml:1',
  },
  {
    code: 'REPEATED_POLICY',
    what: 'the same policy again',
    found: [policy(`{${web}}`), policy(`{${web}}`)],
    clean: [policy(`{${web}}`), policy(`{${web}}`, 'p', 'data')],
    says: 'again in the same words',
  },
  {
    code: 'RULES_IGNORED',
    what: 'egress rules under policyTypes [Ingress]',
    found: [policy(`{${web}, policyTypes: [Ingress], egress: [{}]}`)],
    clean: [policy(`{${web}, policyTypes: [Ingress, Egress], egress: [{}]}`)],
    says: 'egress rules are ignored: policyTypes is [Ingress]',
  },
  {
    code: 'RULES_IGNORED',
    what: 'ingress rules under policyTypes [Egress]',
    found: [policy(`{${web}, policyTypes: [Egress], ingress: [${fromApi}]}`)],
    clean: [policy(`{${web}, ingress: [${fromApi}], egress: [{}]}`)],
    says: 'ingress rules are ignored',
  },
  {
    code: 'EXCEPT_OUTSIDE',
    what: 'an exception outside its block',
    found: [
      policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}`),
    ],
    clean: [
      policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}`),
    ],
    says: 'except 11.0.0.0/16 is not strictly inside 10.0.0.0/8',
  },
  {
    code: 'CONTRADICTORY_SELECTOR',
    what: 'a selector that nothing can meet',
    found: [
      policy(
        '{podSelector: {matchLabels: {app: web}, matchExpressions: [{key: app, operator: DoesNotExist}]}}',
      ),
    ],
    clean: [
      policy(
        '{podSelector: {matchLabels: {app: web}, matchExpressions: [{key: app, operator: NotIn, values: [api]}]}}',
      ),
    ],
    says: 'podSelector (app=web, !app) contradicts itself',
  },
  {
    code: 'CONTRADICTORY_SELECTOR',
    what: 'a peer that nothing can meet',
    found: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {matchExpressions: [{key: a, operator: In, values: [x]}, {key: a, operator: In, values: [y]}]}}]}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {matchExpressions: [{key: a, operator: In, values: [x]}, {key: a, operator: In, values: [y, x]}]}}]}]}`,
      ),
    ],
    says: 'ingress rule 1 has a peer whose podSelector (a=x, a=y) contradicts itself',
  },
  {
    code: 'EGRESS_NOT_ISOLATED',
    what: 'egress: [] without policyTypes',
    found: [policy(`{${web}, egress: []}`)],
    clean: [policy(`{${web}, policyTypes: [Ingress, Egress], egress: []}`)],
    says: 'isolates nothing',
  },
  {
    code: 'EMPTY_LIST',
    what: 'from: []',
    found: [policy(`{${web}, ingress: [{from: []}]}`)],
    clean: [policy(`{${web}, ingress: []}`)],
    says: 'has from: [], which means everyone',
  },
  {
    code: 'EMPTY_LIST',
    what: 'ports: []',
    found: [policy(`{${web}, ingress: [{from: [{podSelector: {}}], ports: []}]}`)],
    clean: [policy(`{${web}, ingress: [{from: [{podSelector: {}}]}]}`)],
    says: 'has ports: [], which means every port',
  },
  {
    code: 'ALLOWS_EVERYONE',
    what: 'a rule without peers',
    found: [policy(`{${web}, ingress: [{ports: [{port: 80}]}]}`)],
    clean: [policy(`{${web}, ingress: [${fromApi}]}`)],
    says: 'has no from, and so allows every pod, node and address',
  },
  {
    code: 'ALLOWS_EVERY_POD',
    what: 'an empty namespaceSelector',
    found: [policy(`{${web}, ingress: [{from: [{namespaceSelector: {}, podSelector: {}}]}]}`)],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: api}}}]}]}`,
      ),
    ],
    says: 'allows every pod of every namespace',
  },
  {
    code: 'ALLOWS_EVERY_ADDRESS',
    what: 'the whole address space',
    found: [policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: "::/0"}}]}]}`)],
    clean: [policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: "2000::/3"}}]}]}`)],
    says: 'every address of ::/0',
  },
  {
    code: 'MATCHES_NO_POD',
    what: 'a podSelector without pods',
    found: [policy('{podSelector: {matchLabels: {app: wep}}}')],
    clean: [policy('{podSelector: {matchLabels: {app: web}}}')],
    says: 'podSelector (app=wep) selects no known pod of namespace shop',
  },
  {
    code: 'MATCHES_NO_POD',
    what: 'a podSelector in a namespace without pods',
    found: [policy('{podSelector: {}}', 'p', 'shopp')],
    clean: [policy('{podSelector: {}}')],
    says: 'podSelector (every pod) selects no known pod of namespace shopp',
  },
  {
    code: 'PEER_MATCHES_NO_POD',
    what: 'a peer of the wrong namespace',
    found: [policy(`{${web}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]}`)],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}]}`,
      ),
    ],
    says: 'has a peer (app=db in namespace shop) that selects no known pod',
  },
  {
    code: 'PORT_NAME_UNREACHABLE',
    what: 'a name that no container has',
    found: [policy(`{${web}, ingress: [{from: [{podSelector: {}}], ports: [{port: https}]}]}`)],
    clean: [policy(`{${web}, ingress: [{from: [{podSelector: {}}], ports: [{port: http}]}]}`)],
    says: 'names the port https/TCP, which no container of the known destinations has',
  },
  {
    code: 'PORT_NAME_UNREACHABLE',
    what: 'a name under another protocol',
    found: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {}}], ports: [{port: http, protocol: UDP}]}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, egress: [${dns}, {to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: nobody-knows}]}]}`,
      ),
    ],
    says: 'names the port http/UDP',
  },
  {
    code: 'PORT_NAME_UNREACHABLE',
    what: 'a name towards addresses',
    found: [
      policy(
        `{${web}, egress: [${dns}, {to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: http}]}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, egress: [${dns}, {to: [{ipBlock: {cidr: 192.0.2.0/24}}, {podSelector: {}}], ports: [{port: http}]}]}`,
      ),
    ],
    says: 'which addresses do not have',
  },
  {
    code: 'REDUNDANT_RULE',
    what: 'a rule within another one of the same policy',
    found: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {}}], ports: [{port: 1, endPort: 100}]}, ${fromApi}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {}}], ports: [{port: 1, endPort: 79}]}, ${fromApi}]}`,
      ),
    ],
    says: 'ingress rule 2 changes nothing: shop/p (a.yaml:4) already says it',
  },
  {
    code: 'REDUNDANT_RULE',
    what: 'a rule that two others make up together',
    found: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]}, {from: [{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}]}, ${fromApi}, {from: [{podSelector: {}}]}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]}, {from: [{podSelector: {matchLabels: {tier: back}}}]}, {from: [{podSelector: {}}], ports: [{port: 80}]}]}`,
      ),
    ],
    says: 'changes nothing',
    times: 2,
  },
  {
    code: 'REDUNDANT_RULE',
    what: 'a rule that a policy of other pods says, as well',
    found: [
      policy(`{${web}, ingress: [${fromApi}, {from: [{podSelector: {}}], ports: [{port: 81}]}]}`),
      policy(`{podSelector: {}, ingress: [${fromApi}]}`, 'every'),
    ],
    clean: [
      policy(`{${web}, ingress: [${fromApi}, {from: [{podSelector: {}}], ports: [{port: 81}]}]}`),
      policy(`{podSelector: {matchLabels: {tier: front}}, ingress: [${fromApi}]}`, 'every'),
    ],
    says: 'shop/every',
  },
  {
    code: 'REDUNDANT_POLICY',
    what: 'a policy that lets everything in, though not one that lists all ports: ICMP has none',
    found: [policy(`{${web}, ingress: [{}]}`)],
    clean: [
      policy(`{${web}, ingress: [{ports: [{protocol: TCP}, {protocol: UDP}, {protocol: SCTP}]}]}`),
    ],
    says: 'changes nothing',
  },
  {
    code: 'REDUNDANT_POLICY',
    what: 'a policy that another one says, as well',
    found: [
      policy(`{${web}, ingress: [${fromApi}]}`, 'z'),
      policy(`{podSelector: {}, ingress: [${fromApi}]}`, 'every'),
    ],
    clean: [
      policy(`{${web}, ingress: [${fromApi}]}`, 'z'),
      policy(`{podSelector: {}, policyTypes: [Egress]}`, 'every'),
    ],
    says: 'changes nothing: shop/every (b.yaml:4) already says it',
  },
  {
    code: 'REDUNDANT_POLICY',
    what: 'one of two default denies',
    found: [policy('{podSelector: {}}'), policy('{podSelector: {}}', 'q')],
    clean: [policy('{podSelector: {}}'), policy('{podSelector: {}, policyTypes: [Egress]}', 'q')],
    says: 'changes nothing',
  },
  {
    code: 'REDUNDANT_POLICY',
    what: 'a policy that isolates nothing from anything',
    found: [policy('{podSelector: {}, ingress: [{}]}')],
    clean: [policy('{podSelector: {}, ingress: [{ports: [{protocol: TCP}, {protocol: UDP}]}]}')],
    says: 'changes nothing',
  },
  {
    code: 'MISSING_DNS',
    what: 'egress without name servers',
    found: [
      policy(
        `{${web}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}], ports: [{port: 80}]}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}], ports: [{port: 80}]}]}`,
      ),
      policy(`{podSelector: {}, policyTypes: [Egress], egress: [${dns}]}`, 'dns'),
    ],
    says: 'no policy lets a pod with app=web in namespace shop reach port 53 of a name server',
  },
  {
    code: 'MISSING_DNS',
    what: 'DNS to the wrong pods',
    found: [
      policy(
        `{${web}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: api}}}]}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}]}]}`,
      ),
    ],
    says: 'reach port 53',
  },
  {
    code: 'MISSING_DNS',
    what: 'the whole internet, which holds no pod',
    found: [
      policy(`{${web}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`),
    ],
    clean: [
      policy(
        `{${web}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 192.0.2.53/32}}], ports: [{port: 53, protocol: UDP}]}]}`,
      ),
    ],
    says: 'reach port 53',
  },
  {
    code: 'MISSING_DNS',
    what: 'lookups over TCP alone',
    found: [policy(`{${web}, policyTypes: [Egress], egress: [{ports: [{port: 53}]}]}`)],
    clean: [
      policy(
        `{${web}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 169.254.20.10/32}}]}]}`,
      ),
    ],
    says: 'reach port 53',
  },
  {
    code: 'FQDN_WITHOUT_DNS',
    what: 'names that nobody resolves through the proxy',
    found: [cilium('egress: [{toFQDNs: [{matchName: a.example}]}]')],
    clean: [
      cilium(
        'egress: [{toFQDNs: [{matchName: a.example}]}, {toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*"}]}}]}]',
      ),
    ],
    says: 'toFQDNs matches nothing unless',
  },
  {
    code: 'SELECTS_NOBODY',
    what: 'a list that is there and empty',
    found: [cilium('ingress: [{fromEndpoints: []}]')],
    clean: [cilium('ingress: [{}]')],
    says: 'ingress rule 1 has an empty list',
  },
  {
    code: 'ALLOWS_EVERYONE',
    what: 'a Cilium rule that names ports alone',
    found: [cilium('ingress: [{toPorts: [{ports: [{port: "80"}]}]}]')],
    clean: [cilium('ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "80"}]}]}]')],
    says: 'names no peers',
  },
  {
    code: 'FILTERED_LABEL',
    what: 'a Cilium selector of a key that Cilium drops',
    found: [cilium('ingress: [{fromEndpoints: [{matchLabels: {"k8s:kubernetes.io/name": web}}]}]')],
    clean: [cilium('ingress: [{fromEndpoints: [{matchLabels: {"k8s:app": web}}]}]')],
    says: 'has a peer whose selector asks for kubernetes.io/name',
  },
  {
    code: 'VOLATILE_LABEL',
    what: 'a Cilium selector of a key that changes',
    found: [cilium('ingress: [{}]', '{matchLabels: {job-name: a}}')],
    clean: [cilium('ingress: [{}]')],
    says: 'endpointSelector asks for job-name',
  },
  {
    code: 'MATCHES_NO_POD',
    what: 'a Cilium policy of no pod',
    found: [cilium('ingress: [{}]', '{matchLabels: {app: nobody}}')],
    clean: [cilium('ingress: [{}]', '{matchLabels: {app: web}}')],
    says: 'endpointSelector (app=nobody in namespace shop) selects no known pod',
  },
  {
    code: 'PEER_MATCHES_NO_POD',
    what: 'a Cilium peer of no pod',
    found: [cilium('egress: [{toEndpoints: [{matchLabels: {app: nobody}}]}]')],
    clean: [cilium('egress: [{toEndpoints: [{matchLabels: {app: web}}]}]')],
    says: 'egress rule 1 has a peer (app=nobody in namespace shop)',
  },
  {
    code: 'EXCEPT_WITHOUT_EFFECT',
    what: 'an exception within another one',
    found: [
      policy(
        `{${web}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.1.2.0/24]}}]}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.2.0/24]}}]}]}`,
      ),
    ],
    says: 'excepts 10.1.2.0/24 from 10.0.0.0/8, which changes nothing: another exception already holds it',
  },
  {
    code: 'EXCEPT_WITHOUT_EFFECT',
    what: 'an exception that another policy takes back',
    found: [
      policy(
        `{${web}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80}]}]}`,
      ),
      policy('{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}]}', 'every'),
    ],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80}]}]}`,
      ),
      policy(
        '{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}], ports: [{port: 81}]}]}',
        'every',
      ),
    ],
    says: 'shop/every (b.yaml:4) allows it',
  },
  {
    code: 'CLUSTER_RANGE',
    what: 'a block of pods',
    found: [policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: 10.244.1.0/24}}]}]}`)],
    clean: [policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: 10.243.1.0/24}}]}]}`)],
    says: 'names 10.244.1.0/24, which is of pods',
  },
  {
    code: 'CLUSTER_RANGE',
    what: 'the address of a service',
    found: [policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: 10.96.0.10/32}}]}]}`)],
    clean: [policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: 10.96.0.0/16}}]}]}`)],
    says: "which is a service's",
  },
  {
    code: 'CLUSTER_RANGE',
    what: 'the address of a node',
    found: [policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.5/32}}]}]}`)],
    clean: [policy(`{${web}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.6/32}}]}]}`)],
    says: 'which is of nodes',
  },
  {
    code: 'FILTERED_LABEL',
    what: 'a key that Cilium drops',
    found: [policy('{podSelector: {matchLabels: {kubernetes.io/name: web}}}')],
    clean: [policy('{podSelector: {matchLabels: {app.kubernetes.io/name: web}}}')],
    says: "podSelector asks for kubernetes.io/name, which Cilium does not keep of a pod's labels: no pod meets that there",
  },
  {
    code: 'FILTERED_LABEL',
    what: 'a key that Cilium drops, negated, in a peer',
    found: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {matchExpressions: [{key: k8s.io/x, operator: DoesNotExist}]}}]}]}`,
      ),
    ],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{podSelector: {matchExpressions: [{key: example.com/x, operator: DoesNotExist}]}}]}]}`,
      ),
    ],
    says: 'every pod meets that there',
  },
  {
    code: 'VOLATILE_LABEL',
    what: 'a key of one rollout',
    found: [policy('{podSelector: {matchLabels: {pod-template-hash: 5c6f7d8b94}}}')],
    clean: [policy('{podSelector: {matchLabels: {version: v1}}}')],
    says: 'podSelector asks for pod-template-hash',
  },
  {
    code: 'NAMESPACE_LABEL',
    what: 'a label of namespaces that is set by hand',
    found: [policy(`{${web}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: a}}}]}]}`)],
    clean: [
      policy(
        `{${web}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: a, kubernetes.io/metadata.name: data}}}]}]}`,
      ),
    ],
    says: 'has a peer whose namespaceSelector asks for team',
  },
  {
    code: 'END_PORT',
    what: 'a range of ports',
    found: [
      policy(`{${web}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80, endPort: 90}]}]}`),
    ],
    clean: [
      policy(`{${web}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80, endPort: 80}]}]}`),
    ],
    says: 'uses a range of ports, 80-90',
  },
  {
    code: 'NOT_DECIDED',
    what: 'more kinds of pods than are looked at',
    found: Array.from({ length: 13 }, (_, index) =>
      policy(
        `{podSelector: {matchExpressions: [{key: k${index}, operator: Exists}]}}`,
        `p${index}`,
      ),
    ),
    clean: Array.from({ length: 13 }, (_, index) =>
      policy(
        `{podSelector: {matchExpressions: [{key: k, operator: In, values: [v${index}]}]}}`,
        `p${index}`,
      ),
    ),
    says: 'tells apart too many kinds of pods',
  },
]

/** Policies of the files a.yaml, b.yaml and so on. */
function read(texts: readonly string[]): ReturnType<typeof readPoliciesTolerantly> {
  return readPoliciesTolerantly(
    texts.flatMap((text, index) => readManifests(text, `${String.fromCharCode(97 + index)}.yaml`)),
  )
}

function lint(texts: readonly string[], input: object = { knowledge, ranges }): LintReport {
  return lintPolicies({ ...read(texts), ...input })
}

const findingsOf = (report: LintReport, code: LintCode) =>
  report.findings.filter((finding) => finding.code === code)

describe.each(cases)('$code: $what', ({ code, found, clean, says, times = 1 }) => {
  test('is found, with its place', () => {
    const findings = findingsOf(lint(found), code)
    expect(findings).toHaveLength(times)
    expect(
      findings.some(({ message }) => message.includes(says)),
      JSON.stringify(findings),
    ).toBe(true)
    for (const finding of findings) {
      expect(finding.policy).toMatch(/^\w+\/\w+$/)
      expect(finding.at).toMatch(/^[a-z]\.yaml:\d+$/)
      expect(finding.hint).not.toBe('')
    }
  })

  test('is not found in the nearest that is right', () => {
    expect(findingsOf(lint(clean), code)).toEqual([])
  })

  test('does not depend on the order of the policies', () => {
    if (code === 'DUPLICATE_NAME' || code === 'REPEATED_POLICY') return
    const { policies, faults } = read(found)
    const turned = lintPolicies({ policies: [...policies].reverse(), faults, knowledge, ranges })
    expect(turned).toEqual(lint(found))
  })
})

test('every kind of finding has a case', () => {
  expect([...new Set(cases.map(({ code }) => code))].sort()).toEqual([...lintCodes].sort())
})

describe('without knowledge', () => {
  test('what needs it is not looked for, and the report says so', () => {
    const report = lint([policy('{podSelector: {matchLabels: {app: wep}}}')], {})
    expect(report.findings).toEqual([])
    expect(report.notChecked).toEqual([
      'MATCHES_NO_POD',
      'PEER_MATCHES_NO_POD',
      'PORT_NAME_UNREACHABLE',
      'CLUSTER_RANGE',
    ])
    expect(lint([policy('{podSelector: {}}')]).notChecked).toEqual([])
  })

  test('a pod that no policy of names selects is enough for missing DNS', () => {
    const texts = [
      policy(`{${web}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}`),
      policy(
        `{podSelector: {matchLabels: {dns: "true"}}, policyTypes: [Egress], egress: [${dns}]}`,
        'd',
      ),
    ]
    expect(findingsOf(lint(texts, {}), 'MISSING_DNS')).toHaveLength(1)
    const allLabelled = makeTraffic(['shop/app=web,dns=true', 'kube-system/k8s-app=kube-dns'], [])
    const known = { traffic: allLabelled, portsOf: () => undefined }
    expect(findingsOf(lint(texts, { knowledge: known }), 'MISSING_DNS')).toEqual([])
  })

  test('a default deny alone is no missing DNS: its pods may reach nothing at all', () => {
    const text = policy('{podSelector: {}, policyTypes: [Ingress, Egress]}')
    expect(lint([text], {}).findings).toEqual([])
  })
})

test('other kinds are named, and objects that are no policies passed over', () => {
  const cilium =
    'apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: wide}\nspec: {endpointSelector: {}, egress: [{toServices: [{}]}]}\n'
  const report = lint([
    cilium,
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n',
    policy(`{${web}}`),
  ])
  expect(report.notLinted).toEqual(['CiliumClusterwideNetworkPolicy wide'])
  expect(report.policies).toBe(1)
})

test.each([
  ['error', [false, false, true]],
  ['warning', [false, true, true]],
  ['info', [true, true, true]],
] as const)('severities count up from %s', (least, expected) => {
  const report = lint([policy(`{${web}}`)])
  const counts = [
    { error: 0, warning: 0, info: 2 },
    { error: 0, warning: 1, info: 0 },
    { error: 1, warning: 0, info: 0 },
  ]
  expect(counts.map((each) => hasFindings({ ...report, counts: each }, least))).toEqual(expected)
})

test('of two that say the same the first stays, and all that is named can go together', () => {
  const report = lint([
    policy(`{${web}, ingress: [${fromApi}, ${fromApi}]}`, 'a'),
    policy(`{${web}, ingress: [${fromApi}]}`, 'b'),
    policy(`{${web}, ingress: [${fromApi}]}`, 'c'),
  ])
  expect(report.findings.map(({ code, policy: name }) => `${code} ${name}`)).toEqual([
    'REDUNDANT_RULE shop/a',
    'REDUNDANT_POLICY shop/b',
    'REDUNDANT_POLICY shop/c',
  ])
})

test('hostile keys are labels like any other', () => {
  const text = policy(
    '{podSelector: {matchLabels: {constructor: x, a/constructor: y}}, ingress: []}',
  )
  expect(lint([text]).findings.map(({ code }) => code)).toEqual(['MATCHES_NO_POD'])
})
