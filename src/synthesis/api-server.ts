/** Webhooks and aggregated APIs: ports that the API server itself calls, whether or not a recording shows it. */
import { selectorMatches } from '../policy/selector.ts'
import type { Inventory } from '../traffic/inventory.ts'
import type { Contribution } from './edge-grants.ts'
import { controllersOf } from './groups.ts'
import type { Plan } from './plan.ts'
import { classesOf } from './plan.ts'
import type { Group } from './synthesis.ts'

/**
 * Returns the grants that keep the backends of webhooks and aggregated APIs open for the API server, which
 * NetworkPolicy cannot name; nothing under `onInexpressible: 'block'` or without an inventory.
 */
export function grantApiServer(plan: Plan): Contribution {
  const { inventory, onInexpressible } = plan.options
  const isWanted = inventory !== undefined && (onInexpressible ?? 'port') === 'port'
  const ports = isWanted ? backendPorts(plan, inventory) : []
  return {
    grants: ports.map(({ group, port }) => ({
      direction: 'ingress',
      subject: group.id,
      peer: { kind: 'everyone' },
      protocol: 'TCP',
      port,
      why: 'api-server-backend',
    })),
    widenings: ports.map(({ group, port, service }) => ({
      reason: 'api-server-backend',
      policy: plan.policyNames[group.id] ?? '',
      direction: 'ingress',
      subject: group.name,
      peer: 'everyone',
      ports: [`${port}/TCP`],
      size: `any pod, node or address, so that the API server can call service ${service}`,
      hint: 'a policy kind that names the API server (CiliumNetworkPolicy with entities) can say this exactly',
    })),
    findings: [],
  }
}

function backendPorts(
  plan: Plan,
  inventory: Inventory,
): readonly { readonly group: Group; readonly port: number; readonly service: string }[] {
  const subjects = [...plan.subjects].sort((a, b) => a - b).flatMap((id) => plan.groups[id] ?? [])
  return inventory.apiServerBackends.flatMap((backend) => {
    const service = inventory.services.find(
      (one) => one.namespace === backend.namespace && one.name === backend.service,
    )
    const matchLabels = service?.selector
    const target = service?.ports.find((one) => one.port === backend.port)?.targetPort
    if (matchLabels === undefined || target === undefined) return []
    return subjects
      .filter((group) => group.namespace === backend.namespace)
      .filter((group) =>
        labelsOf(plan, group).some((labels) => selectorMatches({ matchLabels }, labels)),
      )
      .flatMap((group) =>
        targetPorts(plan, group, target).map((port) => ({ group, port, service: backend.service })),
      )
  })
}

function labelsOf(plan: Plan, group: Group): readonly Readonly<Record<string, string>>[] {
  return [
    ...controllersOf(group, plan.options.inventory).map((controller) => controller.labels),
    ...classesOf(plan, group).map((known) => known.labels),
  ]
}

function targetPorts(plan: Plan, group: Group, target: number | string): readonly number[] {
  if (typeof target === 'number') return [target]
  const numbers = controllersOf(group, plan.options.inventory)
    .flatMap((controller) => controller.ports)
    .filter((port) => port.name === target && port.protocol === 'TCP')
    .map((port) => port.port)
  return [...new Set(numbers)].sort((a, b) => a - b)
}
