/** Webhooks and aggregated APIs: ports that the API server itself calls, whether or not a recording shows it. */
import { NetweirError } from '../errors.ts'
import type { Inventory } from '../traffic/inventory.ts'
import type { Contribution } from './edge-grants.ts'
import type { Plan } from './plan.ts'
import { isBehind, targetPorts } from './services.ts'
import { knowsCilium } from './special-grants.ts'
import type { Finding, Group } from './synthesis.ts'

/** A subject that the API server calls. */
interface Backend {
  readonly group: Group
  readonly service: string
  /** Numbers of the port on its pods; none where the target port's name is not known. */
  readonly ports: readonly number[]
}

const tighterWay =
  'a policy kind that names the API server (CiliumNetworkPolicy with entities) can say this exactly'

/**
 * Returns the grants that keep the backends of webhooks and aggregated APIs open for the API server, which
 * NetworkPolicy cannot name, as `onInexpressible` has it.
 * @throws {NetweirError} `INEXPRESSIBLE` under `onInexpressible: 'fail'`.
 */
export function grantApiServer(plan: Plan): Contribution {
  const { inventory, onInexpressible = 'port' } = plan.options
  const backends = inventory === undefined ? [] : backendsOf(plan, inventory)
  const [first] = backends
  const isNameable = knowsCilium(plan.options)
  if (onInexpressible === 'fail' && first !== undefined && !isNameable) {
    throw new NetweirError(
      'INEXPRESSIBLE',
      `the API server calls ${first.group.name} (service ${first.service}), and no NetworkPolicy can name it`,
      {
        hint: 'open just its port with --on-inexpressible port, or leave it closed with --on-inexpressible block',
      },
    )
  }
  const opened = backends.flatMap(({ group, service, ports }) =>
    onInexpressible === 'port' || isNameable ? ports.map((port) => ({ group, service, port })) : [],
  )
  return {
    grants: opened.map(({ group, port }) => ({
      direction: 'ingress',
      subject: group.id,
      peer: isNameable ? { kind: 'entity', entity: 'kube-apiserver' } : { kind: 'everyone' },
      protocol: 'TCP',
      port,
      why: 'api-server-backend',
    })),
    widenings: opened.map(({ group, port, service }) => ({
      reason: 'api-server-backend',
      policy: plan.policyNames[group.id] ?? '',
      direction: 'ingress',
      subject: group.name,
      peer: isNameable ? 'kube-apiserver' : 'everyone',
      ports: [`${port}/TCP`],
      size: isNameable
        ? `calls of the API server to service ${service} that were not seen`
        : `any pod, node or address, so that the API server can call service ${service}`,
      hint: isNameable ? 'nothing needs to be done' : tighterWay,
    })),
    findings: backends
      .filter(({ ports }) => (onInexpressible === 'block' && !isNameable) || ports.length === 0)
      .map((backend) => closedFinding(backend, isNameable ? 'port' : onInexpressible)),
  }
}

function closedFinding({ group, service }: Backend, mode: 'port' | 'block' | 'fail'): Finding {
  return {
    code: 'API_SERVER_BACKEND',
    severity: 'action',
    subject: group.name,
    message: `answers the API server through service ${service}, and will not be reached: ${
      mode === 'block'
        ? 'a NetworkPolicy has no word for the API server'
        : 'the number of its target port is not known'
    }`,
    hint: mode === 'block' ? tighterWay : 'give an inventory that has its pods or its controller',
  }
}

function backendsOf(plan: Plan, inventory: Inventory): readonly Backend[] {
  const subjects = [...plan.subjects].sort((a, b) => a - b).flatMap((id) => plan.groups[id] ?? [])
  return inventory.apiServerBackends.flatMap((backend) => {
    const service = inventory.services.find(
      (one) => one.namespace === backend.namespace && one.name === backend.service,
    )
    const target = service?.ports.find((one) => one.port === backend.port)?.targetPort
    if (service === undefined || target === undefined) return []
    return subjects
      .filter((group) => isBehind(plan, group, service))
      .map((group) => ({
        group,
        service: backend.service,
        ports: targetPorts(plan, group, target, 'TCP'),
      }))
  })
}
