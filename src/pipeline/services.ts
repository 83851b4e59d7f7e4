/** Policies that name services, with what the inventory says of these. */
import type { LocatedPolicy } from '../policy/network-policy.ts'
import { resolveServices } from '../policy/services.ts'
import type { Inventory, InventoryService } from '../traffic/inventory.ts'

/** Returns the policies with the services that the inventory shows resolved: for judging, never for writing. */
export function withServices(
  policies: readonly LocatedPolicy[],
  inventory: Inventory | undefined,
): readonly LocatedPolicy[] {
  if (inventory?.has.services !== true) return policies
  return resolveServices(
    policies,
    inventory.services.map(({ namespace, name, selector, ports }) => ({
      namespace,
      name,
      ...(selector && { selector }),
      ...endpointsOf(ports),
    })),
  )
}

/** Endpoints are known where every port has some. */
function endpointsOf(ports: InventoryService['ports']): { readonly endpoints?: readonly string[] } {
  if (ports.length === 0 || ports.some(({ endpoints }) => endpoints === undefined)) return {}
  const addresses = ports.flatMap(({ endpoints = [] }) => endpoints.map(({ address }) => address))
  return { endpoints: [...new Set(addresses)].sort() }
}
